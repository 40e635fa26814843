"""The space of several devices together, under `MULTI` or `AUTO`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuner.domain.axes import common_axes, growing_axes, requests_at, requests_read, stream_choices
from tuner.domain.configuration import Configuration
from tuner.domain.place import Quota
from tuner.domain.properties import DEVICE_PROPERTIES, PlainValue, Properties, words_of
from tuner.domain.space import DEFAULT, HINT, Axes, Bounds, Choice, DeviceFacts, Point, Space
from tuner.domain.steps import stream_counts
from tuner.domain.switches import SWITCHES, choice_made, property_set, switch_axes, switched
from tuner.domain.target import Target, target_of


@dataclass(frozen=True, slots=True)
class CombinationSpace(Space):
    """Axes of several devices: the settings of each, then batch, requests and order.

    Attributes:
        hint_requests: Requests that the hint asks for at the model's own batch, by device.
        settings: Each device's properties by choice of its axis.
    """

    hint_requests: Mapping[str, int]
    settings: Mapping[str, Mapping[Choice, Properties]]

    def configuration(self, point: Point) -> Configuration:
        """Return the configuration at a point: the combination under its hint, devices under their own."""
        own = {device: dict(choices[point[device]]) for device, choices in self.settings.items()}
        busy = {device: self._busy(device, point[device]) for device in self.settings}
        target, properties = self._ordered(point, busy), self._properties(point, own)
        requests = requests_at(point, sum(busy.values()))
        return Configuration.of(str(target), properties, int(point["batch"]), requests)

    def properties_at(self, axis: str, choice: Choice) -> frozenset[str]:
        """Return the names of the properties that a choice sets."""
        if axis in self.settings:
            return frozenset(dict(self.settings[axis][choice]))
        return property_set(axis.rpartition(" ")[2], choice)

    def _ordered(self, point: Point, busy: Mapping[str, int]) -> Target:
        """Return the target with the order of its devices at a point, and each device's share of requests."""
        target = target_of(self.target)
        if (share := point.get("share", DEFAULT)) != DEFAULT:
            target = target.with_amounts({device: int(share) * count for device, count in busy.items()})
        return target.led_by(str(point.get("first", target.devices[0])))

    def _properties(self, point: Point, own: Mapping[str, dict[str, PlainValue]]) -> dict[str, object]:
        properties: dict[str, object] = {"PERFORMANCE_HINT": target_of(self.target).hint}
        explicit = {device: switched(point, settings, f"{device} ") for device, settings in own.items()}
        if any(explicit.values()):
            kept = {device: settings for device, settings in explicit.items() if settings}
            properties[DEVICE_PROPERTIES] = kept
        if (policy := point.get("policy", DEFAULT)) != DEFAULT:
            properties["SCHEDULE_POLICY"] = policy
        return properties

    def _streams_axis(self, late_axis: str) -> str:
        return late_axis.rpartition(" ")[0]

    def _read(self, configuration: Configuration) -> Point:
        properties, target = configuration.plain_properties, target_of(configuration.device)
        own = properties.get(DEVICE_PROPERTIES, {})
        switched_on: dict[str, Choice] = {}
        members: dict[str, Choice] = {}
        for device in self.settings:
            left = dict(own.get(device, {}))
            for axis in (*self.axes, *self.late):
                name, _, switch = axis.rpartition(" ")
                if name == device and switch in SWITCHES:
                    switched_on[axis] = choice_made(switch, left)
                    left.pop(SWITCHES[switch].property, None)
            members[device] = self._label(device, left)
        busy = {device: self._busy(device, members[device]) for device in self.settings}
        amount, first = target.members[0].amount, target.devices[0]
        return {
            **members,
            "batch": configuration.batch,
            **requests_read(self.axes, configuration.requests, sum(busy.values())),
            "first": first,
            "policy": properties.get("SCHEDULE_POLICY", DEFAULT),
            "share": amount // busy[first] if amount else DEFAULT,
            **switched_on,
        }

    def _label(self, device: str, own: Mapping[str, PlainValue]) -> Choice:
        """Return the choice that a device's properties stand for; an empty word if there is none."""
        return next((label for label, known in self.settings[device].items() if dict(known) == own), "")

    def _busy(self, device: str, choice: Choice) -> int:
        """Return how many requests keep a device busy that is set to a choice."""
        settings = dict(self.settings[device].get(choice, ()))
        return int(settings.get("NUM_STREAMS") or self.hint_requests[device])


def combination_space(
    target: Target,
    members: Sequence[DeviceFacts],
    policies: Sequence[str],
    own_batch: int,
    batched: bool,
    bounds: Bounds,
    hint_requests: Mapping[str, int],
) -> CombinationSpace:
    """Lay out the axes of several devices together: each device's own settings, batch, requests, order.

    Args:
        target: The combination.
        members: What each of its devices reports.
        policies: Schedules beside the default that the virtual device takes.
        own_batch: The model's own batch.
        batched: Whether batch may be searched.
        bounds: What the user allows; streams are those of each device.
        hint_requests: Requests that the hint asks for, by device.
    """
    settings = {facts.target: member_settings(facts, members, bounds) for facts in members}
    axes: Axes = {device: tuple(choices) for device, choices in settings.items()}
    axes |= common_axes(members, own_batch, batched, bounds, sum(hint_requests.values()))
    for facts in members:
        if choices := switch_axes(facts, False, bounds.precision).get("precision"):
            axes[f"{facts.target} precision"] = choices
    late: Axes = {"first": target.devices}
    if policies:
        late["policy"] = (DEFAULT, *policies)
    if target.kind == "MULTI":
        late["share"] = (DEFAULT, 1, 2)
    for facts in members:
        own = switch_axes(facts, True, bounds.precision)
        late |= {f"{facts.target} {axis}": choices for axis, choices in own.items()}
    growing = growing_axes(members, batched, bounds, sum(hint_requests.values()))
    return CombinationSpace(str(target), axes, late, growing, hint_requests, settings)


def member_settings(
    facts: DeviceFacts, members: Sequence[DeviceFacts], bounds: Bounds
) -> dict[Choice, Properties]:
    """Return what a device of a combination may be set to, by a description in words.

    A processor is tried with all of its cores, and with a share of them: the other processors get the
    same share, and a core stays free for the thread that feeds a device of another kind. In its share it
    runs unpinned, because pinned threads of two processors would meet on the same cores. Under a quota of
    CPU time also with as many threads as its share of that lasts for.
    """
    found: dict[Choice, Properties] = {}
    for choice in stream_choices(facts, bounds):
        own: Properties = () if choice == HINT else (("NUM_STREAMS", int(choice)),)
        found[HINT if choice == HINT else " ".join(words_of(own))] = own
    for own in _with_a_share_of_the_cores(facts, members):
        if bounds.streams is None or dict(own)["NUM_STREAMS"] in bounds.streams:
            found[", ".join(words_of(own))] = own
    return found


def _with_a_share_of_the_cores(facts: DeviceFacts, members: Sequence[DeviceFacts]) -> Iterator[Properties]:
    processors = sum(member.logical_cores > 0 for member in members)
    if not facts.logical_cores or not {"INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"} <= facts.writable:
        return
    feeding = processors < len(members)
    shares = {max(1, (facts.logical_cores - feeding) // processors)}
    if facts.quota:
        shares |= {*Quota(facts.quota.cores / processors).counts}
    for threads in sorted(shares, reverse=True):
        for count in stream_counts(threads):
            yield (("ENABLE_CPU_PINNING", False), ("INFERENCE_NUM_THREADS", threads), ("NUM_STREAMS", count))
