"""`tuner devices`: what can be searched here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner.probe.devices import Device, list_devices


def devices(plugins: Path | None = None) -> tuple[Device, ...]:
    """Return the devices that OpenVINO finds here, with those of a plugins file.

    Raises:
        UsageError: The plugins file cannot be read.
        DeviceError: There are none.
    """
    return list_devices(str(plugins) if plugins else None)


def devices_document(found: Sequence[Device]) -> dict[str, Any]:
    """Return devices as plain data."""
    return {
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
        ]
    }
