"""What is measured: windows, rounds, and the figures computed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np


@dataclass(frozen=True, slots=True)
class Window:
    """A short stretch of asynchronous inference in one lane.

    Attributes:
        rate_fps: Items per second (batch counted) over whole cycles.
        latencies_ms: Latency of every finished request of the window.
        seconds: Time that the window took, filling and emptying the queue included.
        memory_mb: Peak resident memory of the lane's process so far, in MiB.
        cpu_ms_per_item: CPU time of the lane's process, user and system, in milliseconds for each item; None
            where it is not known.
    """

    rate_fps: float
    latencies_ms: tuple[float, ...]
    seconds: float
    memory_mb: float
    cpu_ms_per_item: float | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One window in every lane of a comparison, in random order.

    Attributes:
        rates_fps: Rate of each lane; the baseline is at index 0.
        order: Lane indices in the order in which they ran.
        at_s: When the round began, in seconds since the search began.
        sitting: Number of its sitting; every sitting has fresh lanes.
    """

    rates_fps: tuple[float, ...]
    order: tuple[int, ...]
    at_s: float
    sitting: int = 0

    def log_ratio(self, lane: int = 1, to: int = 0) -> float:
        """Return log(rate of `lane` / rate of lane `to`), by default to the baseline."""
        return math.log(self.rates_fps[lane] / self.rates_fps[to])

    def pair(self, first: int, second: int) -> Round:
        """Return the round as if only two of its lanes had run, numbered in this order."""
        order = tuple((first, second).index(lane) for lane in self.order if lane in (first, second))
        return replace(self, rates_fps=(self.rates_fps[first], self.rates_fps[second]), order=order)

    def without(self, lane: int) -> Round:
        """Return the round as if a lane had not run in it."""
        rates = (*self.rates_fps[:lane], *self.rates_fps[lane + 1 :])
        order = tuple(other - (other > lane) for other in self.order if other != lane)
        return replace(self, rates_fps=rates, order=order)


def log_ratios_by_sitting(rounds: Sequence[Round], lane: int = 1, to: int = 0) -> list[list[float]]:
    """Return the log-ratios of two lanes, a list for each sitting; rounds are in the order of play."""
    sittings = groupby(rounds, key=lambda played: played.sitting)
    return [[played.log_ratio(lane, to) for played in sitting] for _, sitting in sittings]


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of a request's latency in milliseconds, from start to finish of the request."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, latencies_ms: Sequence[float]) -> Latency:
        """Take the percentiles of at least one latency."""
        p50, p90, p99 = np.percentile(np.asarray(latencies_ms), (50, 90, 99))
        return cls(float(p50), float(p90), float(p99))

    def scaled(self, factor: float) -> Latency:
        """Return every percentile times `factor`."""
        return Latency(self.p50 * factor, self.p90 * factor, self.p99 * factor)


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one configuration over all its windows of a comparison.

    Attributes:
        throughput_fps: Median rate of its windows, items per second.
        latency_ms: Percentiles over all its requests.
        memory_mb: Peak resident memory of its lane, in MiB.
        cpu_ms_per_item: Median CPU time of its process for each item, in milliseconds; None where it is not
            known.
    """

    throughput_fps: float
    latency_ms: Latency
    memory_mb: float
    cpu_ms_per_item: float | None = None

    def at_rate(self, throughput_fps: float) -> Measured:
        """Return the figures on a host that is faster or slower, so that it reaches another rate.

        CPU time stays: where other work takes the cores, waiting for them is none.
        """
        stretch = self.throughput_fps / throughput_fps
        return replace(self, throughput_fps=throughput_fps, latency_ms=self.latency_ms.scaled(stretch))
