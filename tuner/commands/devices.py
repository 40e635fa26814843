"""`tuner devices`: what can be searched here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuner.domain.place import Place
from tuner.probe.devices import Device, list_devices
from tuner.probe.place import describe_place


def devices(plugins: Path | None = None) -> tuple[Device, ...]:
    """Return the devices that OpenVINO finds here, with those of a plugins file.

    Raises:
        UsageError: The plugins file cannot be read.
        DeviceError: There are none.
    """
    return list_devices(str(plugins) if plugins else None)


def place(plugins: Path | None = None) -> Place:
    """Return what this process may use of the host, beside what OpenVINO's hint takes it to be."""
    return describe_place(str(plugins) if plugins else None)


def devices_document(found: Sequence[Device], here: Place) -> dict[str, Any]:
    """Return devices and the place as plain data."""
    return {
        "place": asdict(here),
        "devices": [
            {
                "name": device.name,
                "full_name": device.full_name,
                "streams": device.streams,
                "requests": device.requests,
                "precision": device.precision,
                "capabilities": device.capabilities,
                "writable": sorted(device.writable),
            }
            for device in found
        ],
    }
