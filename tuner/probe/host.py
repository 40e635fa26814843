"""Describes the machine, and warns of what disturbs measurements on it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openvino as ov
import psutil

from tuner.domain.host import Host
from tuner.domain.result import Notice
from tuner.probe.control_groups import cpu_weight, memory_free, memory_limit_mb, quota, text_of
from tuner.probe.devices import list_devices, own_cores, usable_cores

OTHER_LOAD = "other-load"
"""The code of the warning that other programs use the CPU."""

OTHER_LOAD_PERCENT = 15.0
"""CPU load of other programs from which there is a warning."""

ELSEWHERE_S = 60.0
"""Seconds after which a process that describes the machine is given up."""

LOOK_S = 0.3
"""Seconds for which the load of other programs is measured before a search."""


def describe_host(plugins: str | None = None) -> Host:
    """Return the machine's description, including the devices of a plugins file."""
    found = list_devices(plugins)
    devices = {device.name: device.full_name for device in found}
    return Host(
        cpu=_cpu_name() or devices.get("CPU", platform.processor() or "unknown"),
        cores=usable_cores(),
        memory_mb=psutil.virtual_memory().total >> 20,
        os=f"{platform.system()} {platform.release()}",
        openvino=str(ov.__version__).split("-")[0],
        devices=devices,
        cgroup_cores=cgroup_cores(),
        drivers={device.name: device.driver for device in found if device.driver},
        cpuset=tuple(own_cores()) if usable_cores() < (psutil.cpu_count() or 1) else (),
        memory_limit_mb=memory_limit_mb(),
        cpu_weight=cpu_weight(),
    )


def describe_host_elsewhere() -> Host:
    """Return the machine's description from a process of its own: OpenVINO does not start in this one.

    Where no such process can be started, it starts here.
    """
    script = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from dataclasses import asdict; "
        "from tuner.probe.host import describe_host; print(json.dumps(asdict(describe_host())))"
    )
    own = str(Path(__file__).parents[2])
    paths = json.dumps([own, *(path for path in sys.path if path and isinstance(path, str))])
    if getattr(sys, "frozen", False):  # then the executable is the application
        return describe_host()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", script, paths],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=ELSEWHERE_S,
        )
        found = json.loads(done.stdout)
        return Host(**{**found, "cpuset": tuple(found["cpuset"])})
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError):
        return describe_host()


def host_warnings(root: Path = Path("/")) -> Iterator[Notice]:
    """Yield a notice for each thing that disturbs measurements; `root` is the folder of `sys` and `proc`."""
    busy = psutil.cpu_percent(interval=LOOK_S)
    if busy > OTHER_LOAD_PERCENT:
        yield Notice(
            OTHER_LOAD,
            f"Other programs use {busy:.0f} % of the CPU: intervals will be wider; "
            "end them and search again.",
        )
    governor = text_of(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor not in {None, "performance"}:
        yield Notice(
            "frequency-scaling",
            f"The CPU frequency governor is '{governor}': speed will drift; "
            "set it with 'cpupower frequency-set -g performance'.",
        )
    allowed = cgroup_cores(root)
    if allowed is not None and allowed < usable_cores():
        yield Notice(
            "cgroup-limit",
            f"A control group allows this process {allowed:g} of {usable_cores()} cores' time, of which "
            "OpenVINO's hint knows nothing. On a processor fewer threads are searched; whole cores instead "
            "of a quota would hold nothing back.",
        )
    battery = getattr(psutil, "sensors_battery", lambda: None)()
    if battery is not None and not battery.power_plugged:
        yield Notice("battery", "The machine runs on battery: speed will change; plug it in.")


def stolen_seconds() -> float:
    """Return CPU seconds that the hypervisor gave to others since boot; 0 where they are not reported."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def available_mb(root: Path = Path("/")) -> float:
    """Return the memory that a further process may take, in MiB, within the limits of its control groups."""
    free = [float(psutil.virtual_memory().available), *memory_free(root)]
    return max(0.0, min(free)) / (1 << 20)


def cgroup_cores(root: Path = Path("/")) -> float | None:
    """Return the lowest limit of CPU time of this process's control groups in cores, or None."""
    found = quota(root)
    return found.cores if found else None


def _cpu_name() -> str | None:
    for line in (text_of(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None
