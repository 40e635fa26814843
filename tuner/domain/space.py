"""The finite set of configurations that a search may try on one target.

A point holds one choice for each axis, under the names that the study shows; the space turns it into a
configuration, and a configuration back into its point. So no list of all points is needed, of which there are
thousands on a large server. What the user gives as bounds replaces the choices of that axis and changes no
other axis.
Only properties that a device reports as writable are varied, so a device that this project has never met
is searched as far as its plugin allows.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.domain.configuration import Configuration
from tuner.domain.place import Quota
from tuner.domain.precision import ANY_PRECISION, HINTS_OWN
from tuner.domain.properties import DEVICE_PROPERTIES
from tuner.domain.target import target_of

HINT = "hint"
DEFAULT = "default"
LATENCY_HINT = "latency hint"
"""The streams of the hint `LATENCY`, beside another hint."""
Choice = str | int
Point = Mapping[str, Choice]
Axes = dict[str, tuple[Choice, ...]]


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a space needs to know of a device.

    Attributes:
        target: Device string for `compile_model`.
        max_streams: Upper end of `RANGE_FOR_STREAMS`.
        writable: Names of the properties that can be set.
        logical_cores: Hardware threads that this process may use; 0 unless the device is a processor.
        physical_cores: Cores that provide these threads.
        hybrid: Whether the processor has performance and efficiency cores.
        max_requests: Upper end of `RANGE_FOR_ASYNC_INFER_REQUESTS`, or None where it is not reported.
        optimal_batch: `OPTIMAL_BATCH_SIZE` for the model, or None where it is not reported.
        max_batch: `MAX_BATCH_SIZE` for the model, or None where it is not reported.
        precisions: Those of `f32`, `bf16` and `f16` that it says that it has.
        default_precision: What it computes in where nothing is asked for, or None where it is not reported.
        quota: CPU time that this process may use, where it is less than that of its hardware threads.
        cores: Numbers of these hardware threads, neighbours beside each other; empty where copies cannot
            be kept on some of them.
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
    precisions: tuple[str, ...] = ()
    default_precision: str | None = None
    quota: Quota | None = None
    cores: tuple[int, ...] = ()

    def shares(self, copies: Sequence[int]) -> tuple[int, ...]:
        """Return the numbers of threads that a copy may take, fewer than there are hardware threads.

        That is what its share of the cores, or of a quota, lasts for, rounded down and up. A single copy has
        all cores, and only a quota is less.
        """
        usable = self.quota.cores if self.quota else self.logical_cores
        shares = (Quota(usable / count).counts for count in copies if self.quota or count > 1)
        return tuple(sorted({count for counts in shares for count in counts if count < self.logical_cores}))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the user allows; None leaves an axis to the tuner, and precision to the hint."""

    streams: tuple[Choice, ...] | None = None
    batch: tuple[int, ...] | None = None
    requests: tuple[int, ...] | None = None
    precision: tuple[str, ...] | None = None

    def allow(self, configuration: Configuration) -> bool:
        """Return whether the user allows a configuration; in a combination, that of each device."""
        properties = configuration.plain_properties
        own = properties.get(DEVICE_PROPERTIES, {})
        members = (
            [own.get(device, {}) for device in target_of(configuration.device).devices]
            if own
            else [properties]
        )
        streams = {settings.get("NUM_STREAMS", HINT) for settings in members}
        return (
            (self.streams is None or streams <= set(self.streams))
            and (self.batch is None or configuration.batch in self.batch)
            and (self.requests is None or configuration.requests in self.requests)
            and all(map(self._allow_precision, members))
        )

    def _allow_precision(self, settings: Mapping[str, object]) -> bool:
        """Return whether a device's own properties compute in a precision that is allowed."""
        if self.precision is None:
            return "INFERENCE_PRECISION_HINT" not in settings and "EXECUTION_MODE_HINT" not in settings
        named = settings.get("INFERENCE_PRECISION_HINT", HINTS_OWN)
        return ANY_PRECISION in self.precision or named in self.precision


@dataclass(frozen=True, slots=True)
class Space(ABC):
    """Axes of a target, in a fixed order, and the way from a point to a configuration.

    Attributes:
        target: Device string for `compile_model`.
        axes: Choices by axis. `requests` holds counts that the user gave,
            `requests_per_stream` multiples of what keeps the configuration busy.
        late: Further axes, the default first: tried around the best point only, not counted as points.
        growing: Axes that may grow by doublings while the gain goes on, each with the largest count that it
            may reach. Counts between two doublings, like late choices, are tried around the best point only.
    """

    target: str
    axes: Mapping[str, tuple[Choice, ...]]
    late: Mapping[str, tuple[Choice, ...]]
    growing: Mapping[str, int]

    def __len__(self) -> int:
        """Return the number of points."""
        return math.prod(map(len, self.axes.values()))

    @abstractmethod
    def configuration(self, point: Point) -> Configuration:
        """Return the configuration at a point."""

    @abstractmethod
    def properties_at(self, axis: str, choice: Choice) -> frozenset[str]:
        """Return the names of the properties that a choice sets."""

    @abstractmethod
    def _streams_axis(self, late_axis: str) -> str:
        """Return the axis with the streams of the device whose switch is on a late axis."""

    @abstractmethod
    def _read(self, configuration: Configuration) -> Point:
        """Return the choices that a configuration of the target was made with, if it is in the space."""

    def points(self) -> Iterator[Point]:
        """Yield every point."""
        for choices in itertools.product(*self.axes.values()):
            yield dict(zip(self.axes, choices, strict=True))

    def nth(self, number: int) -> Point:
        """Return a point by its number from 0 on, in the order of `points`."""
        point: dict[str, Choice] = {}
        for axis, choices in reversed(list(self.axes.items())):
            number, place = divmod(number, len(choices))
            point[axis] = choices[place]
        return {axis: point[axis] for axis in self.axes}

    def point(self, configuration: Configuration) -> Point | None:
        """Return the point of a configuration, or None if it is not in the space.

        Late choices are named where they are not the default.
        """
        read = self._read(configuration)
        late = {axis: read[axis] for axis, choices in self.late.items() if read[axis] != choices[0]}
        point = {axis: read[axis] for axis in self.axes} | late
        known = all(
            choice in (self.axes.get(axis) or self.late[axis]) or choice in self._in_between(axis)
            for axis, choice in point.items()
        )
        return point if known and self.configuration(point) == configuration else None

    def is_late(self, point: Point) -> bool:
        """Return whether a point has a late choice, so that it does not count as one of `points`."""
        return any(choice not in self.axes.get(axis, ()) for axis, choice in point.items())

    def edge(self, axis: str) -> int:
        """Return the largest count of an axis."""
        return max(choice for choice in self.axes[axis] if isinstance(choice, int))

    def doubled(self, axis: str) -> int | None:
        """Return the count by which an axis may grow, or None if it may not."""
        doubled = 2 * self.edge(axis)
        return doubled if doubled <= self.growing.get(axis, 0) else None

    def grown(self, axis: str) -> Space:
        """Return the space with the next doubling on an axis, which must be one of those that may grow."""
        return replace(self, axes={**self.axes, axis: (*self.axes[axis], 2 * self.edge(axis))})

    def reaching(self, axis: str, count: int) -> Space | None:
        """Return the space, grown until a count is on an axis; None if the axis may not grow so far."""
        space = self
        while space.edge(axis) < count:
            if space.doubled(axis) is None:
                return None
            space = space.grown(axis)
        return space

    def including(self, configuration: Configuration) -> Space:
        """Return the space, grown as far as a configuration lies beyond its edges."""
        space, read = self, self._read(configuration)
        for axis in self.growing:
            while (count := space.doubled(axis)) and count <= int(read[axis]):
                space = space.grown(axis)
        return space

    def with_every_count(self, point: Point) -> Iterator[Point]:
        """Yield the points that differ in the number of infer requests alone; none beside a late choice."""
        axis = "requests" if "requests" in self.axes else "requests_per_stream"
        if not self.is_late(point):
            yield from ({**point, axis: choice} for choice in self.axes[axis])

    def variants(self, point: Point) -> Iterator[Point]:
        """Yield the points that differ from `point` in a single late axis, or in one count between doublings.

        Automatic batching gathers single items under a hint only: beside explicit streams or a batch there is
        nothing that its switch could turn off.
        """
        for axis, choices in self.late.items():
            if axis.endswith("auto_batching") and not self._gathers(axis, point):
                continue
            for choice in choices:
                if choice != point.get(axis, choices[0]):
                    yield {**point, axis: choice}
        for axis in self.growing:
            count = int(point[axis])
            for other in (3 * count // 4, 3 * count // 2):
                if other in self._in_between(axis):
                    yield {**point, axis: other}

    def _gathers(self, axis: str, point: Point) -> bool:
        return point[self._streams_axis(axis)] == HINT and point["batch"] == 1

    def _in_between(self, axis: str) -> set[int]:
        """Return the counts between the doublings of an axis that may grow: 3, 6, 12, 24 and so on."""
        counts = [choice for choice in self.axes.get(axis, ()) if isinstance(choice, int) and choice % 2 == 0]
        return {3 * count // 2 for count in counts if 3 * count // 2 <= self.growing.get(axis, 0)}

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
