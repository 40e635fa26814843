"""Lists devices and what each of them reports: ranges, capabilities, writable properties."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import openvino as ov
import psutil

from tuner.domain.place import Quota
from tuner.domain.space import DeviceFacts
from tuner.domain.target import Target
from tuner.errors import DeviceError, UsageError, reason
from tuner.probe.control_groups import quota, text_of
from tuner.probe.plain_files import read_plain

MOST_BYTES = 1 << 20
"""Bytes of a plugins file that are looked at."""

CAPABILITIES = {"FP32": "f32", "BF16": "bf16", "FP16": "f16"}
"""Precisions by the names under which devices list them in `OPTIMIZATION_CAPABILITIES`."""

BATCH_SIZES = frozenset({"OPTIMAL_BATCH_SIZE", "MAX_BATCH_SIZE"})


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it reports itself.

    Attributes:
        name: Device string, e.g. `CPU`.
        full_name: The hardware's name.
        streams: Ends of `RANGE_FOR_STREAMS`, or None.
        requests: Ends of `RANGE_FOR_ASYNC_INFER_REQUESTS`, or None.
        batches: Whether it reports `OPTIMAL_BATCH_SIZE` and `MAX_BATCH_SIZE` for a model.
        capabilities: `OPTIMIZATION_CAPABILITIES`.
        precision: Inference precision by default, e.g. `bf16`, or None.
        writable: Properties that can be set.
        driver: Version of its driver, or None.
    """

    name: str
    full_name: str
    streams: tuple[int, int] | None
    requests: tuple[int, int] | None
    batches: bool
    capabilities: tuple[str, ...]
    precision: str | None
    writable: frozenset[str]
    driver: str | None = None

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that it has and that it can be asked for."""
        if "INFERENCE_PRECISION_HINT" not in self.writable:
            return ()
        return tuple(name for listed, name in CAPABILITIES.items() if listed in self.capabilities)


@lru_cache(maxsize=4)
def core(plugins: str | None = None) -> ov.Core:
    """Return this process's core for a plugins file; it is kept, because loading plugins takes time.

    Raises:
        UsageError: The file is missing, OpenVINO does not accept it as a plugins file, or a plugin in it
            does not load.
    """
    if plugins is None:
        return ov.Core()
    try:
        text = re.sub(r"<!--.*?-->", "", read_plain(plugins, MOST_BYTES).decode(errors="replace"), flags=re.S)
        found = ov.Core(plugins)
        broken = _broken(found, text)
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    except (RuntimeError, ValueError) as error:
        why = f"is not accepted by OpenVINO as a plugins file ({reason(error)})"
    else:
        if broken is None and re.search(r"<plugins\b", text):
            return found
        why = (
            "has no <plugins> element" if broken is None else f"names a plugin that does not load ({broken})"
        )
    raise UsageError(f"plugins='{plugins}' {why}; give an XML file like OpenVINO's plugins.xml.")


def _broken(found: ov.Core, text: str) -> str | None:
    """Return the first plugin of a file that does not load, and why; OpenVINO leaves it out in silence.

    OpenVINO's own plugins may be without a driver here: a copy of its file names them all, without folders.
    """
    present = {name.partition(".")[0] for name in found.available_devices}
    for tag in re.findall(r"<plugin\b[^>]*>", text):
        given = dict(re.findall(r"""\b(name|location)\s*=\s*["']([^"']*)""", tag))
        name, location = given.get("name", ""), given.get("location", "")
        if name in present or location.removeprefix("lib").startswith("openvino_"):
            continue
        try:
            found.get_versions(name)
        except RuntimeError as error:
            return f"{name}: {reason(error)}"
    return None


def list_devices(plugins: str | None = None) -> tuple[Device, ...]:
    """Return every device that OpenVINO finds here, those of a plugins file included."""
    return tuple(describe(name, plugins) for name in core(plugins).available_devices)


def with_blobs(devices: Iterable[Device]) -> frozenset[str]:
    """Return the names of devices with `CACHE_DIR`, which are those that take seconds to compile."""
    return frozenset(device.name for device in devices if "CACHE_DIR" in device.writable)


def describe(name: str, plugins: str | None = None) -> Device:
    """Return what a device reports; a property that cannot be read counts as not reported.

    Raises:
        DeviceError: There is no such device here; the message lists the devices that exist.
    """
    names = core(plugins).available_devices
    if name not in names:
        raise DeviceError(f"There is no device '{name}' here; device= takes one of: {', '.join(names)}.")
    properties = _properties(name, plugins)

    def read(key: str) -> Any:
        try:
            return core(plugins).get_property(name, key) if key in properties else None
        except RuntimeError:
            return None

    precision, driver = read("INFERENCE_PRECISION_HINT"), read(_driver_property(properties))
    streams, requests = read("RANGE_FOR_STREAMS"), read("RANGE_FOR_ASYNC_INFER_REQUESTS")
    return Device(
        name=name,
        full_name=str(read("FULL_DEVICE_NAME") or name).strip(),
        streams=None if streams is None else (int(streams[0]), int(streams[1])),
        requests=None if requests is None else (int(requests[0]), int(requests[1])),
        batches=set(properties) >= BATCH_SIZES,
        capabilities=tuple(read("OPTIMIZATION_CAPABILITIES") or ()),
        precision=None if precision is None else str(precision.to_string()),
        writable=_writable(properties),
        driver=None if driver is None else str(driver),
    )


def schedules(target: Target, plugins: str | None = None) -> tuple[str, ...]:
    """Return the schedules of a combination beside the default."""
    writable = _writable(_properties(target.kind, plugins))
    return ("ROUND_ROBIN",) if "SCHEDULE_POLICY" in writable else ()


def facts(device: Device, model: Path | None = None, plugins: str | None = None) -> DeviceFacts:
    """Return what a search space needs to know of a device, its batch sizes for the model included."""
    optimal, largest = _batch_sizes(device, model, plugins) if model else (None, None)
    processor = "INFERENCE_NUM_THREADS" in device.writable
    usable = usable_cores() if processor else 0
    streams = device.streams[1] if device.streams else 1
    physical = psutil.cpu_count(logical=False) or usable
    logical = psutil.cpu_count() or usable
    return DeviceFacts(
        target=device.name,
        max_streams=min(streams, usable) if processor else streams,
        writable=device.writable,
        logical_cores=usable,
        physical_cores=max(1, usable * physical // logical) if processor else 0,
        hybrid=processor and all(Path(f"/sys/devices/cpu_{kind}").exists() for kind in ("core", "atom")),
        max_requests=device.requests[1] if device.requests else None,
        optimal_batch=optimal,
        max_batch=largest,
        precisions=device.precisions,
        default_precision=device.precision,
        quota=quota_here() if processor else None,
        cores=neighbouring_cores() if processor and hasattr(os, "sched_setaffinity") else (),
    )


def quota_here() -> Quota | None:
    """Return the quota of this process's CPU time, where it is less than that of its cores."""
    found = quota()
    return found if found and found.cores < usable_cores() else None


def own_cores() -> list[int]:
    """Return the numbers of the logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def neighbouring_cores(root: Path = Path("/")) -> tuple[int, ...]:
    """Return the numbers of the logical cores that this process may run on, neighbours beside each other.

    The hardware threads of a core are neighbours, and so are the cores of a socket.
    """
    folder = root / "sys/devices/system/cpu"

    def place(core: int) -> tuple[int, int, int]:
        numbers = (
            text_of(folder / f"cpu{core}/topology/{name}") for name in ("physical_package_id", "core_id")
        )
        socket, own = (int(text) if text and text.lstrip("-").isdigit() else 0 for text in numbers)
        return socket, own, core

    return tuple(sorted(own_cores(), key=place))


def usable_cores() -> int:
    """Return how many logical cores this process may run on."""
    return len(own_cores())


def _batch_sizes(device: Device, model: Path, plugins: str | None) -> tuple[int | None, int | None]:
    """Return the optimal and the largest batch that a device reports for a model, or None for each.

    A GPU reports 1 when it cannot estimate the model; that counts as not reported.
    """
    if not device.batches:
        return None, None
    asked = {"MODEL_PTR": core(plugins).read_model(model)}
    try:
        sizes = {key: int(core(plugins).get_property(device.name, key, asked)) for key in BATCH_SIZES}
    except RuntimeError:
        return None, None
    optimal, largest = sizes["OPTIMAL_BATCH_SIZE"], sizes["MAX_BATCH_SIZE"]
    return (optimal if optimal > 1 else None), (largest if largest > 1 else None)


def _properties(name: str, plugins: str | None) -> Mapping[str, str]:
    """Return the device's properties, each `RO`, `RW` or `WO`; none where the plugin fails to list them."""
    try:
        found: Mapping[str, str] = core(plugins).get_property(name, "SUPPORTED_PROPERTIES")
    except RuntimeError:
        return {}
    return found


def _writable(properties: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the properties that can be set.

    Devices do not list `ALLOW_AUTO_BATCHING`: OpenVINO's core accepts it for every device that reports
    an optimal batch.
    """
    gathers = {"ALLOW_AUTO_BATCHING"} if "OPTIMAL_BATCH_SIZE" in properties else set()
    return frozenset(key for key, access in properties.items() if access == "RW") | gathers


def _driver_property(properties: Mapping[str, str]) -> str:
    """Return the property with the driver's version; each plugin has its own, e.g. `NPU_DRIVER_VERSION`."""
    return next((key for key in properties if key.endswith("DRIVER_VERSION")), "DRIVER_VERSION")
