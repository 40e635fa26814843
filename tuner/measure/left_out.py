"""Which setting makes OpenVINO leave a device out of a combination."""

from __future__ import annotations

from contextlib import closing

from tuner.domain.configuration import Configuration
from tuner.domain.properties import DEVICE_PROPERTIES, as_text
from tuner.errors import LaneError
from tuner.measure.lane import DeviceLeftOut, Lanes


def with_the_setting(left_out: DeviceLeftOut, lanes: Lanes, configuration: Configuration) -> str:
    """Return the sentence about a device that was left out, with the setting that did it if there is one.

    The combination is compiled without each of the device's settings in turn.
    """
    own = configuration.plain_properties.get(DEVICE_PROPERTIES, {})
    for device in left_out.devices:
        for name, value in own.get(device, {}).items():
            if _takes_part(device, lanes, configuration.without(device, name)):
                return f"{left_out} for {name}={as_text(value)}; without that, {device} takes part"
    return str(left_out)


def _takes_part(device: str, lanes: Lanes, configuration: Configuration) -> bool:
    try:
        with closing(lanes.open(configuration)) as lane:
            return device not in lane.facts.effective.lacks(configuration.device)
    except LaneError:
        return False
