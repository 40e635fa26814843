"""Describes the machine, and warns of what disturbs measurements on it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import openvino as ov
import psutil

from tuner.domain.host import Host
from tuner.domain.result import Notice
from tuner.probe.devices import list_devices, usable_cores

OTHER_LOAD_PERCENT = 15.0
"""CPU load of other programs from which there is a warning."""

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
    )


def host_warnings(root: Path = Path("/")) -> Iterator[Notice]:
    """Yield a notice for each thing that disturbs measurements; `root` is the folder of `sys` and `proc`."""
    busy = psutil.cpu_percent(interval=LOOK_S)
    if busy > OTHER_LOAD_PERCENT:
        yield Notice(
            "other-load",
            f"Other programs use {busy:.0f} % of the CPU: intervals will be wider; "
            "end them and search again.",
        )
    governor = _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor not in {None, "performance"}:
        yield Notice(
            "frequency-scaling",
            f"The CPU frequency governor is '{governor}': speed will drift; "
            "set it with 'cpupower frequency-set -g performance'.",
        )
    quota = cgroup_cores(root)
    if quota is not None and quota < usable_cores():
        yield Notice(
            "cgroup-limit",
            f"A cgroup limits this process to {quota:g} of {usable_cores()} cores: OpenVINO starts "
            "a thread for each core and is throttled; raise the limit, or pin the "
            "container to whole cores (--cpuset-cpus).",
        )
    battery = getattr(psutil, "sensors_battery", lambda: None)()
    if battery is not None and not battery.power_plugged:
        yield Notice("battery", "The machine runs on battery: speed will change; plug it in.")


def stolen_seconds() -> float:
    """Return CPU seconds that the hypervisor gave to others since boot; 0 where they are not reported."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def available_mb(root: Path = Path("/")) -> float:
    """Return the memory that a further process may take, in MiB, within the limits of its control groups."""
    free = [float(psutil.virtual_memory().available), *_cgroup_bytes_free(root)]
    return max(0.0, min(free)) / (1 << 20)


def _cgroup_bytes_free(root: Path) -> Iterator[float]:
    """Yield what each control group of this process still allows; files that are cached give way."""
    for folder in _own_cgroups(root):
        yield from _bytes_free(folder, "memory.max", "memory.current", "inactive_file")
    yield from _bytes_free(
        root / "sys/fs/cgroup/memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    )


def _bytes_free(folder: Path, limit_name: str, used_name: str, cached_name: str) -> Iterator[float]:
    limit, used = _text(folder / limit_name), _text(folder / used_name)
    if limit and used and limit.isdigit() and used.isdigit():
        lines = (_text(folder / "memory.stat") or "").splitlines()
        cached = next((line.split()[1] for line in lines if line.startswith(f"{cached_name} ")), "0")
        yield float(limit) - float(used) + float(cached)


def cgroup_cores(root: Path = Path("/")) -> float | None:
    """Return the lowest CPU limit of this process's cgroups in cores (v2 and v1), or None."""
    quotas = [*_v2_quotas(root), *_v1_quotas(root)]
    return min(quotas, default=None)


def _v2_quotas(root: Path) -> Iterator[float]:
    """Yield the limits of the process's own cgroup and of all cgroups above it."""
    for folder in _own_cgroups(root):
        text = _text(folder / "cpu.max")
        if text and not text.startswith("max"):
            quota, _, period = text.partition(" ")
            yield int(quota) / int(period or 100_000)


def _own_cgroups(root: Path) -> Iterator[Path]:
    """Yield the folders of the process's own cgroup (v2) and of all cgroups above it, the highest first."""
    own = (_text(root / "proc/self/cgroup") or "").rpartition("0::/")[2].split("\n")[0]
    base = root / "sys/fs/cgroup"
    for folder in dict.fromkeys((base, *reversed((base / own).parents), base / own)):
        if folder.is_relative_to(base):
            yield folder


def _v1_quotas(root: Path) -> Iterator[float]:
    quota_us = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us")
    period_us = _text(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us")
    if quota_us and period_us and int(quota_us) > 0:
        yield int(quota_us) / int(period_us)


def _cpu_name() -> str | None:
    for line in (_text(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
