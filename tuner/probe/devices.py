"""Lists devices and what each reports of itself: ranges, capabilities, writable properties."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import openvino as ov
import psutil

from tuner.domain.space import DeviceFacts
from tuner.errors import DeviceError, reason


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it reports itself.

    Attributes:
        name: Device string, e.g. `CPU`.
        full_name: The hardware's name.
        streams: Ends of `RANGE_FOR_STREAMS`, or None.
        capabilities: `OPTIMIZATION_CAPABILITIES`.
        precision: Inference precision by default, e.g. `bf16`, or None.
        writable: Properties that can be set.
    """

    name: str
    full_name: str
    streams: tuple[int, int] | None
    capabilities: tuple[str, ...]
    precision: str | None
    writable: frozenset[str]


@lru_cache(maxsize=1)
def core() -> ov.Core:
    """Return the one core of this process; loading plugins takes time."""
    return ov.Core()


def list_devices() -> tuple[Device, ...]:
    """Return every device that OpenVINO finds here."""
    return tuple(describe(name) for name in core().available_devices)


def describe(name: str) -> Device:
    """Return what a device reports.

    Raises:
        DeviceError: There is no such device here; the sentence lists those that exist.
    """
    names = core().available_devices
    if name not in names:
        raise DeviceError(f"There is no device '{name}' here; --device takes one of: {', '.join(names)}.")
    properties: Mapping[str, str] = core().get_property(name, "SUPPORTED_PROPERTIES")
    precision = _read(name, "INFERENCE_PRECISION_HINT", properties)
    streams = _read(name, "RANGE_FOR_STREAMS", properties)
    return Device(
        name=name,
        full_name=str(_read(name, "FULL_DEVICE_NAME", properties) or name).strip(),
        streams=None if streams is None else (int(streams[0]), int(streams[1])),
        capabilities=tuple(_read(name, "OPTIMIZATION_CAPABILITIES", properties) or ()),
        precision=None if precision is None else str(precision.to_string()),
        writable=frozenset(key for key, access in properties.items() if access == "RW"),
    )


def facts(device: Device) -> DeviceFacts:
    """Return what a search space needs to know of a device."""
    usable = usable_cores()
    physical = psutil.cpu_count(logical=False) or usable
    logical = psutil.cpu_count() or usable
    return DeviceFacts(
        target=device.name,
        max_streams=device.streams[1] if device.streams else 1,
        writable=device.writable,
        logical_cores=usable,
        physical_cores=max(1, usable * physical // logical),
    )


def usable_cores() -> int:
    """Return the logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(name: str, key: str, properties: Mapping[str, str]) -> Any:
    if key not in properties:
        return None
    try:
        return core().get_property(name, key)
    except RuntimeError as error:
        raise DeviceError(f"Device '{name}' does not tell its {key}: {reason(error)}.") from error
