"""The finite set of configurations that a search may try on one target.

A point gives one choice an axis, under the names that a person reads in the study; the space turns
it into a configuration. Bounds that the user gave replace an axis, nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuner.domain.configuration import Configuration, PropertyValue

HINT = "hint"
DEFAULT = "default"
Choice = str | int
Point = Mapping[str, Choice]

BATCHES = (1, 2, 4, 8, 16, 32, 64)
REQUESTS_PER_STREAM = (1, 2, 4)
PINNING_FROM_CORES = 4
"""Cores from which pinning is an axis: on 2 cores unpinned ran at 0.99-1.01 of pinned."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a space needs to know of a device.

    Attributes:
        target: Device string for `compile_model`.
        max_streams: Upper end of `RANGE_FOR_STREAMS`.
        writable: Names of the properties that can be set.
        logical_cores: Hardware threads this process may use.
        physical_cores: Cores behind them.
    """

    target: str
    max_streams: int
    writable: frozenset[str]
    logical_cores: int
    physical_cores: int


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
        hint_requests: Requests that the hint asks for at the model's own batch.
    """

    target: str
    axes: Mapping[str, tuple[Choice, ...]]
    hint_requests: int

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
        properties: dict[str, PropertyValue] = {}
        if point["streams"] == HINT:
            properties["PERFORMANCE_HINT"] = "THROUGHPUT"
            busy = self.hint_requests
        else:
            properties["NUM_STREAMS"] = busy = int(point["streams"])
        if point.get("pinning", DEFAULT) != DEFAULT:
            properties["ENABLE_CPU_PINNING"] = point["pinning"] == "on"
        if point.get("threads", DEFAULT) != DEFAULT:
            properties["INFERENCE_NUM_THREADS"] = int(point["threads"])
        requests = point["requests"] if "requests" in point else int(point["requests_per_stream"]) * busy
        return Configuration.of(self.target, properties, int(point["batch"]), int(requests))

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


def cpu_space(facts: DeviceFacts, own_batch: int, batched: bool, bounds: Bounds, hint_requests: int) -> Space:
    """Lay out the axes of a CPU target.

    Args:
        facts: What the device reports.
        own_batch: The model's own batch.
        batched: Whether batch may be searched.
        bounds: What the user allows.
        hint_requests: Requests that the hint asks for.
    """
    batches = tuple(sorted({*BATCHES, own_batch})) if batched else (own_batch,)
    axes: dict[str, tuple[Choice, ...]] = {
        "streams": bounds.streams or (HINT, *stream_counts(facts.max_streams)),
        "batch": bounds.batch or batches,
    }
    if bounds.requests:
        axes["requests"] = bounds.requests
    else:
        axes["requests_per_stream"] = REQUESTS_PER_STREAM
    if facts.logical_cores > facts.physical_cores and "INFERENCE_NUM_THREADS" in facts.writable:
        axes["threads"] = (DEFAULT, facts.physical_cores)
    if facts.logical_cores >= PINNING_FROM_CORES and "ENABLE_CPU_PINNING" in facts.writable:
        axes["pinning"] = (DEFAULT, "off")
    return Space(facts.target, axes, hint_requests)


def stream_counts(most: int) -> tuple[int, ...]:
    """Return counts that share `most` streams' worth of cores evenly, and the powers of two."""
    powers = {1 << exponent for exponent in range(most.bit_length())}
    divisors = {count for count in range(1, most + 1) if most % count == 0}
    return tuple(sorted(count for count in powers | divisors if count <= most))
