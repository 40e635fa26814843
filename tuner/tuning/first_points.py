"""The first points that are tried on a virtual device: what its devices like best, put together."""

from __future__ import annotations

from collections.abc import Mapping

from tuner.domain.combination import CombinationSpace
from tuner.domain.configuration import Configuration
from tuner.domain.properties import Properties
from tuner.domain.space import HINT, Choice, Point, Space
from tuner.domain.switches import SWITCHES
from tuner.domain.target import Target
from tuner.domain.trial import Trial


def gathering_points(space: Space, target: Target, best: Mapping[Target, Trial]) -> list[Point]:
    """Return points of automatic batching: gather the batch that is best on the device alone."""
    batches = [trial.configuration.batch for other, trial in best.items() if str(other) == target.devices[0]]
    points = [space.nearest({"gathered": batch, "requests_per_stream": 2}) for batch in batches]
    return [point for point in points if point]


def combination_points(space: CombinationSpace, target: Target, best: Mapping[Target, Trial]) -> list[Point]:
    """Return points of a combination that follow from the best trials so far.

    First its devices' best settings together, at the batch of each; then each device in its share of the
    cores; then the best of another combination of the same devices.
    """
    alone = {single.devices[0]: trial.configuration for single, trial in best.items() if not single.kind}
    best_settings = {device: _choice(space.settings[device], alone.get(device)) for device in target.devices}
    shares = {device: _core_share(space.settings[device]) or own for device, own in best_settings.items()}
    batches = dict.fromkeys(configuration.batch for configuration in alone.values())
    wanted: list[dict[str, Choice]] = []
    for batch in batches:
        for settings in (best_settings, shares):
            wanted.append({**settings, "batch": batch, "requests_per_stream": 2})
    for other, trial in best.items():
        if other.combines and set(other.devices) == set(target.devices):
            own = trial.configuration.plain_properties.get("DEVICE_PROPERTIES", {})
            same = {
                device: _labelled(space.settings[device], own.get(device, {})) for device in target.devices
            }
            wanted.append({**same, "batch": trial.configuration.batch, "requests_per_stream": 2})
    points = [space.nearest(choices) for choices in wanted]
    return [point for point in points if point]


def _choice(settings: Mapping[Choice, Properties], configuration: Configuration | None) -> Choice:
    return _labelled(settings, configuration.plain_properties if configuration else {})


def _labelled(settings: Mapping[Choice, Properties], wanted: Mapping[str, object]) -> Choice:
    """Return the label of a device's properties, `hint` if there is none."""
    apart = {"PERFORMANCE_HINT", *(switch.property for switch in SWITCHES.values() if switch.opened)}
    own = {name: value for name, value in wanted.items() if name not in apart}
    return next((label for label, properties in settings.items() if dict(properties) == own), HINT)


def _core_share(settings: Mapping[Choice, Properties]) -> Choice | None:
    """Return the label of the properties that limit a device to its share of the cores, if there is such."""
    return next((label for label, own in settings.items() if "INFERENCE_NUM_THREADS" in dict(own)), None)
