"""The finite set of configurations that a search may try on one target.

A point gives one choice an axis, under the names that a person reads in the study; the space turns
it into a configuration. Bounds that the user gave replace an axis, nothing else. An axis is there only
where the device lists its property as writable, so a device nobody has heard of gets what it allows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from tuner.domain.configuration import Configuration
from tuner.domain.properties import DEVICE_PROPERTIES, PlainValue, Properties, words_of
from tuner.domain.steps import stream_counts
from tuner.domain.switches import SWITCHES
from tuner.domain.target import Target, target_of

HINT = "hint"
DEFAULT = "default"
Choice = str | int
Point = Mapping[str, Choice]
Axes = dict[str, tuple[Choice, ...]]

BATCHES = (1, 2, 4, 8, 16, 32, 64)
REQUESTS_PER_STREAM = (1, 2, 4)
GATHERED = (4, 8, 16, 32)
"""Items that automatic batching may gather into one inference."""

SHORT_TIMEOUT_MS = 10
"""`AUTO_BATCH_TIMEOUT` before the default of a second: a batch that does not fill starts sooner, the last
ones of every window among them."""

PINNING_FROM_CORES = 4
"""Cores from which pinning is an axis: on 2 cores unpinned ran at 0.99-1.01 of pinned."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a space needs to know of a device.

    Attributes:
        target: Device string for `compile_model`.
        max_streams: Upper end of `RANGE_FOR_STREAMS`.
        writable: Names of the properties that can be set.
        logical_cores: Hardware threads this process may use; 0 for a device that is no processor.
        physical_cores: Cores behind them.
        hybrid: Whether they are of two kinds.
        max_requests: Upper end of `RANGE_FOR_ASYNC_INFER_REQUESTS`, where told.
        optimal_batch: `OPTIMAL_BATCH_SIZE` for the model, where told.
        max_batch: `MAX_BATCH_SIZE` for the model, where told.
    """

    target: str
    max_streams: int
    writable: frozenset[str]
    logical_cores: int
    physical_cores: int
    hybrid: bool = False
    max_requests: int | None = None
    optimal_batch: int | None = None
    max_batch: int | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the user allows; None leaves an axis to the tuner."""

    streams: tuple[Choice, ...] | None = None
    batch: tuple[int, ...] | None = None
    requests: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Axes of a target, in a fixed order, and the way from a point to a configuration.

    Attributes:
        target: Device string for `compile_model`.
        axes: Choices by axis. `requests` holds counts that the user gave,
            `requests_per_stream` multiples of what keeps the configuration busy.
        hint_requests: Requests that the hint asks for at the model's own batch: in all, or, for a
            combination, of each device.
        settings: Of a combination: each device's properties by choice of its axis.
        late: Further axes, the default first: tried around the best point only, not counted as points.
    """

    target: str
    axes: Mapping[str, tuple[Choice, ...]]
    hint_requests: int | Mapping[str, int]
    settings: Mapping[str, Mapping[Choice, Properties]] | None = None
    late: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of points."""
        count = 1
        for choices in self.axes.values():
            count *= len(choices)
        return count

    def points(self) -> Iterator[Point]:
        """Yield every point."""
        for choices in itertools.product(*self.axes.values()):
            yield dict(zip(self.axes, choices, strict=True))

    def configuration(self, point: Point) -> Configuration:
        """Return the configuration at a point."""
        if self.settings is not None:
            return self._combined(point, self.settings)
        assert isinstance(self.hint_requests, int)
        device = self.target
        properties: dict[str, PlainValue] = {}
        if point["streams"] == HINT:
            properties["PERFORMANCE_HINT"] = "THROUGHPUT"
            busy = self.hint_requests
        else:
            properties["NUM_STREAMS"] = busy = int(point["streams"])
        properties |= _switched(point, "")
        if "gathered" in point:
            gathered = int(point["gathered"])
            target = target_of(device)
            device, busy = str(target.with_amounts({target.devices[0]: gathered})), busy * gathered
        if (timeout := point.get("timeout", DEFAULT)) != DEFAULT:
            properties["AUTO_BATCH_TIMEOUT"] = int(timeout)
        return Configuration.of(device, properties, int(point["batch"]), _requests(point, busy))

    def variants(self, point: Point) -> Iterator[Point]:
        """Yield the points that differ from one in a single late axis.

        Where a device's streams are explicit, nothing gathers its requests that could be turned off.
        """
        for axis, choices in self.late.items():
            device, _, switch = axis.rpartition(" ")
            if switch == "auto_batching" and point[device or "streams"] != HINT:
                continue
            for choice in choices:
                if choice != point.get(axis, choices[0]):
                    yield {**point, axis: choice}

    def late_choices(self, configuration: Configuration) -> Iterator[Point]:
        """Yield the late choices that a configuration may have been made with."""
        properties = configuration.plain_properties
        own = properties.get(DEVICE_PROPERTIES, {})
        options: dict[str, tuple[Choice, ...]] = {}
        for axis, choices in self.late.items():
            device, _, switch = axis.rpartition(" ")
            if switch in SWITCHES:
                value = (own.get(device, {}) if device else properties).get(SWITCHES[switch].property)
                values = SWITCHES[switch].values.items()
                options[axis] = (next((choice for choice, each in values if each == value), DEFAULT),)
            elif axis == "first":
                options[axis] = target_of(configuration.device).devices[:1]
            elif axis == "policy":
                options[axis] = (str(properties.get("SCHEDULE_POLICY", DEFAULT)),)
            else:
                options[axis] = choices
        for chosen in itertools.product(*options.values()):
            yield dict(zip(options, chosen, strict=True))

    def properties_at(self, axis: str, choice: Choice) -> frozenset[str]:
        """Return the names of the properties that a choice sets."""
        if self.settings and axis in self.settings:
            return frozenset(dict(self.settings[axis][choice]))
        switch = SWITCHES.get(axis.rpartition(" ")[2])
        if switch:
            return frozenset({switch.property} if choice != DEFAULT else ())
        return frozenset({"NUM_STREAMS"} if axis == "streams" and choice != HINT else ())

    def nearest(self, wanted: Point) -> Point | None:
        """Return the point closest to a guess, or None where its kind of streams is out of bounds."""
        point: dict[str, Choice] = {}
        for axis, choices in self.axes.items():
            want = wanted.get(axis, choices[0])
            numbers = [choice for choice in choices if isinstance(choice, int)]
            if want in choices:
                point[axis] = want
            elif isinstance(want, int) and numbers:
                point[axis] = min(numbers, key=lambda number: abs(number - want))
            else:
                return None
        return point

    def _combined(self, point: Point, settings: Mapping[str, Mapping[Choice, Properties]]) -> Configuration:
        """Return a combination's configuration: the whole under its hint, devices under their own."""
        assert not isinstance(self.hint_requests, int)
        target = target_of(self.target)
        own = {device: dict(settings[device][point[device]]) for device in target.devices}
        busy = {device: of.get("NUM_STREAMS") or self.hint_requests[device] for device, of in own.items()}
        properties: dict[str, object] = {"PERFORMANCE_HINT": target.hint}
        explicit = {device: of | _switched(point, f"{device} ") for device, of in own.items()}
        explicit = {device: of for device, of in explicit.items() if of}
        if explicit:
            properties[DEVICE_PROPERTIES] = explicit
        if (policy := point.get("policy", DEFAULT)) != DEFAULT:
            properties["SCHEDULE_POLICY"] = policy
        if (share := point.get("share", DEFAULT)) != DEFAULT:
            target = target.with_amounts({device: int(share) * int(count) for device, count in busy.items()})
        target = target.led_by(str(point.get("first", target.devices[0])))
        requests = _requests(point, sum(map(int, busy.values())))
        return Configuration.of(str(target), properties, int(point["batch"]), requests)


def device_space(
    facts: DeviceFacts, own_batch: int, batched: bool, bounds: Bounds, hint_requests: int
) -> Space:
    """Lay out the axes of a single device.

    Args:
        facts: What the device reports.
        own_batch: The model's own batch.
        batched: Whether batch may be searched.
        bounds: What the user allows.
        hint_requests: Requests that the hint asks for.
    """
    axes: Axes = {"streams": _stream_choices(facts, bounds)}
    axes |= _common_axes([facts], own_batch, batched, bounds, hint_requests)
    axes |= _switches(facts, late=False)
    return Space(facts.target, axes, hint_requests, late=_switches(facts, late=True))


def gathering_space(
    target: Target, facts: DeviceFacts, own_batch: int, bounds: Bounds, hint_requests: int
) -> Space:
    """Lay out the axes of automatic batching: how many items are gathered, and for how long at most.

    The application sends items of the model's own batch, many more of them at once. A target with a
    number, like `BATCH:GPU(8)`, gathers as many; batches that the user allows are those to gather.
    """
    facts = replace(facts, writable=facts.writable - {"ALLOW_AUTO_BATCHING"})
    single = device_space(facts, own_batch, False, replace(bounds, batch=None), hint_requests)
    amount = target.members[0].amount
    usual = _batches([facts], set(GATHERED))
    wanted = (amount,) if amount else tuple(one for one in bounds.batch or usual if one > 1)
    axes = {**single.axes, "gathered": wanted or usual, "timeout": (SHORT_TIMEOUT_MS, DEFAULT)}
    if "requests_per_stream" in axes:
        axes["requests_per_stream"] = REQUESTS_PER_STREAM[:2]
    return Space(str(target), axes, hint_requests, late=single.late)


def combination_space(
    target: Target,
    members: Sequence[DeviceFacts],
    policies: Sequence[str],
    own_batch: int,
    batched: bool,
    bounds: Bounds,
    hint_requests: Mapping[str, int],
) -> Space:
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
    axes |= _common_axes(members, own_batch, batched, bounds, sum(hint_requests.values()))
    late: Axes = {"first": target.devices}
    if policies:
        late["policy"] = (DEFAULT, *policies)
    if target.kind == "MULTI":
        late["share"] = (DEFAULT, 1, 2)
    for facts in members:
        own = _switches(facts, late=True)
        late |= {f"{facts.target} {axis}": choices for axis, choices in own.items()}
    return Space(str(target), axes, hint_requests, settings, late)


def member_settings(
    facts: DeviceFacts, members: Sequence[DeviceFacts], bounds: Bounds
) -> dict[Choice, Properties]:
    """Return what a device of a combination may be set to, by the words for it.

    Processors leave room for each other, and a core for the thread that feeds a device of another
    kind: threads capped at that share go unpinned, since pinned ones of two processors would meet on the
    same cores.
    """
    found: dict[Choice, Properties] = {}
    for choice in _stream_choices(facts, bounds):
        own: Properties = () if choice == HINT else (("NUM_STREAMS", int(choice)),)
        found[HINT if choice == HINT else " ".join(words_of(own))] = own
    for own in _in_a_share_of_the_cores(facts, members):
        if bounds.streams is None or dict(own)["NUM_STREAMS"] in bounds.streams:
            found[", ".join(words_of(own))] = own
    return found


def _stream_choices(facts: DeviceFacts, bounds: Bounds) -> tuple[Choice, ...]:
    """Return the hint and the counts that a device takes, or of what the user allows the possible ones.

    A device that takes none of those keeps its hint: of several devices, one may be such.
    """
    most = facts.max_streams if "NUM_STREAMS" in facts.writable else 0
    if bounds.streams is None:
        return (HINT, *stream_counts(most)) if most else (HINT,)
    return tuple(one for one in bounds.streams if not isinstance(one, int) or one <= most) or (HINT,)


def _in_a_share_of_the_cores(facts: DeviceFacts, members: Sequence[DeviceFacts]) -> Iterator[Properties]:
    processors = sum(one.logical_cores > 0 for one in members)
    if not facts.logical_cores or not {"INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"} <= facts.writable:
        return
    feeding = processors < len(members)
    threads = max(1, (facts.logical_cores - feeding) // processors)
    for count in stream_counts(threads):
        yield (("ENABLE_CPU_PINNING", False), ("INFERENCE_NUM_THREADS", threads), ("NUM_STREAMS", count))


def _common_axes(
    devices: Sequence[DeviceFacts], own_batch: int, batched: bool, bounds: Bounds, hint_requests: int
) -> Axes:
    batches = _batches(devices, {*BATCHES, own_batch}) if batched else (own_batch,)
    axes: Axes = {"batch": bounds.batch or batches}
    if bounds.requests:
        axes["requests"] = bounds.requests
    else:
        axes["requests_per_stream"] = _requests_per_stream(devices, hint_requests)
    return axes


def _batches(devices: Sequence[DeviceFacts], usual: Set[int]) -> tuple[int, ...]:
    """Return the usual batches that every device can hold, and those that a device calls optimal."""
    told = {one.optimal_batch for one in devices if one.optimal_batch}
    most = min((one.max_batch for one in devices if one.max_batch), default=max(usual | told))
    return tuple(sorted(one for one in {*usual, *told} if one <= most or one == min(usual)))


def _requests_per_stream(devices: Sequence[DeviceFacts], hint_requests: int) -> tuple[int, ...]:
    """Return multiples of what the hint asks for, within the ranges that the devices report.

    A range that ends below what the device's own hint asks for (1 on every CPU) is no limit.
    """
    ranges = [one.max_requests for one in devices if one.max_requests]
    most = sum(ranges) if len(ranges) == len(devices) else 0
    within = tuple(one for one in REQUESTS_PER_STREAM if one * hint_requests <= most)
    return within or REQUESTS_PER_STREAM


def _switches(facts: DeviceFacts, late: bool) -> Axes:
    """Return the axes of a device's switches, those for the whole space or the late ones."""
    return {
        axis: (DEFAULT, *switch.values)
        for axis, switch in SWITCHES.items()
        if switch.late == late and switch.property in facts.writable and _matters(axis, facts)
    }


def _switched(point: Point, prefix: str) -> dict[str, PlainValue]:
    """Return the properties of the switches that a point sets, for the device whose axes have a prefix."""
    chosen = {axis: point.get(prefix + axis, DEFAULT) for axis in SWITCHES}
    return {
        SWITCHES[axis].property: SWITCHES[axis].values[str(choice)]
        for axis, choice in chosen.items()
        if choice != DEFAULT
    }


def _matters(axis: str, facts: DeviceFacts) -> bool:
    match axis:
        case "pinning":
            return facts.logical_cores >= PINNING_FROM_CORES
        case "hyper_threading":
            return facts.logical_cores > facts.physical_cores
        case "core_type":
            return facts.hybrid
    return True


def _requests(point: Point, busy: int) -> int:
    return int(point["requests"] if "requests" in point else int(point["requests_per_stream"]) * busy)
