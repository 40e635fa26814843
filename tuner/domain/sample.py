"""What is measured: windows, rounds, and the figures computed from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import NamedTuple

import numpy as np

from tuner.domain.agreement import Agreement
from tuner.domain.place import Throttling


class Probe(NamedTuple):
    """A window of arrivals at one of the rates that were tried.

    Attributes:
        rate_fps: Items per second that arrived.
        latency_ms: The percentile of their latency that is limited; None where the queue grew without end.
    """

    rate_fps: float
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """A short stretch of asynchronous inference in one lane.

    Attributes:
        rate_fps: Items per second (batch counted) over whole cycles; in an open loop, from the beginning to
            the last answer.
        latencies_ms: Latency of every finished request of the window; in an open loop, of every item from
            its arrival on.
        seconds: Time that the window took, filling and emptying the queue included.
        memory_mb: Peak resident memory of the lane's process so far, in MiB.
        cpu_ms_per_item: CPU time of the lane's process, user and system, in milliseconds for each item; None
            where it is not known.
        late_ms: How late the loop itself started batches on average; None where nothing arrives.
        probes: The rates that were tried, where the highest is to be found; its `rate_fps` is that one, and
            its latencies are those just below it.
        throttled: How much a quota held it back; None without a quota.
        copies_fps: Rate of each copy, where several ran at the same time; `rate_fps` is their sum.
        counts: Whether the program beside which it was to run went on running all the time.
    """

    rate_fps: float
    latencies_ms: tuple[float, ...]
    seconds: float
    memory_mb: float
    cpu_ms_per_item: float | None = None
    late_ms: float | None = None
    probes: tuple[Probe, ...] = ()
    throttled: Throttling | None = None
    copies_fps: tuple[float, ...] = ()
    counts: bool = True

    @classmethod
    def of_copies(cls, windows: Sequence[Window]) -> Window:
        """Return the windows of all copies, which ran at the same time, as one: all their items together.

        Memory is the sum of the processes', so pages that they share count for each of them.
        """
        rates_fps = tuple(window.rate_fps for window in windows)
        cpu_ms = [window.cpu_ms_per_item for window in windows if window.cpu_ms_per_item is not None]
        throttled = [window.throttled for window in windows if window.throttled is not None]
        known = len(cpu_ms) == len(windows)
        return cls(
            sum(rates_fps),
            tuple(ms for window in windows for ms in window.latencies_ms),
            max(window.seconds for window in windows),
            sum(window.memory_mb for window in windows),
            float(np.average(cpu_ms, weights=rates_fps)) if known else None,
            throttled=Throttling.mean(throttled),
            copies_fps=rates_fps,
            counts=all(window.counts for window in windows),
        )


class Gains(NamedTuple):
    """How much better than the baseline's two figures are, of which neither is worth more than the other.

    Attributes:
        throughput: Times the throughput.
        latency: Times as low a p99 latency.
    """

    throughput: float
    latency: float


@dataclass(frozen=True, slots=True)
class Round:
    """One window in every lane of a comparison, in random order.

    Attributes:
        rates_fps: Rate of each lane; the baseline is at index 0.
        order: Lane indices in the order in which they ran.
        at_s: When the round began, in seconds since the search began.
        sitting: Number of its sitting; every sitting has fresh lanes.
        scores: How good each lane's window was, the higher the better, where that is not its rate.
    """

    rates_fps: tuple[float, ...]
    order: tuple[int, ...]
    at_s: float
    sitting: int = 0
    scores: tuple[float, ...] = ()

    def log_ratio(self, lane: int = 1, to: int = 0) -> float:
        """Return log(score of `lane` / score of lane `to`), by default to the baseline."""
        scores = self.scores or self.rates_fps
        return math.log(scores[lane] / scores[to])

    def gains(self, lane: int = 1) -> Gains:
        """Return a lane's gains over the baseline, where throughput for its p99 latency is scored."""
        speed = self.rates_fps[lane] / self.rates_fps[0]
        return Gains(speed, math.exp(self.log_ratio(lane)) / speed)

    def pair(self, first: int, second: int) -> Round:
        """Return the round as if only two of its lanes had run, numbered in this order."""
        order = tuple((first, second).index(lane) for lane in self.order if lane in (first, second))
        rates_fps, scores = (
            tuple(values[lane] for lane in (first, second) if values)
            for values in (self.rates_fps, self.scores)
        )
        return replace(self, rates_fps=rates_fps, order=order, scores=scores)

    def without(self, lane: int) -> Round:
        """Return the round as if a lane had not run in it."""
        rates_fps, scores = (
            (*values[:lane], *values[lane + 1 :]) for values in (self.rates_fps, self.scores)
        )
        order = tuple(other - (other > lane) for other in self.order if other != lane)
        return replace(self, rates_fps=rates_fps, order=order, scores=scores)


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
    p99_9: float | None = None

    @classmethod
    def of(cls, latencies_ms: Sequence[float]) -> Latency:
        """Take the percentiles of at least one latency."""
        return cls(*map(float, np.percentile(np.asarray(latencies_ms), (50, 90, 99, 99.9))))

    def scaled(self, factor: float) -> Latency:
        """Return every percentile times `factor`."""
        p99_9 = None if self.p99_9 is None else self.p99_9 * factor
        return Latency(self.p50 * factor, self.p90 * factor, self.p99 * factor, p99_9)


def figures_of(windows: Sequence[Window]) -> Measured:
    """Return the figures of a lane over its windows, of which there is at least one."""
    cpu_ms = [window.cpu_ms_per_item for window in windows if window.cpu_ms_per_item is not None]
    throttled = [window.throttled for window in windows if window.throttled is not None]
    return Measured(
        throughput_fps=median(window.rate_fps for window in windows),
        latency_ms=Latency.of([ms for window in windows for ms in window.latencies_ms]),
        memory_mb=max(window.memory_mb for window in windows),
        cpu_ms_per_item=median(cpu_ms) if cpu_ms else None,
        probes=tuple(probe for window in windows for probe in window.probes),
        throttled=Throttling.mean(throttled),
        copies_fps=tuple(map(median, zip(*(window.copies_fps for window in windows), strict=True))),
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one configuration over all its windows of a comparison.

    Attributes:
        throughput_fps: Median rate of its windows, items per second.
        latency_ms: Percentiles over all its requests.
        memory_mb: Peak resident memory of its lane, in MiB.
        cpu_ms_per_item: Median CPU time of its process for each item, in milliseconds; None where it is not
            known.
        agreement: How closely its outputs agree with those in f32, where a search compares them.
        probes: The rates of arrivals that were tried, where the highest is to be found.
        throttled: How much a quota held it back; None without a quota.
        copies_fps: Median rate of each copy, where several ran at the same time.
    """

    throughput_fps: float
    latency_ms: Latency
    memory_mb: float
    cpu_ms_per_item: float | None = None
    agreement: Agreement | None = None
    probes: tuple[Probe, ...] = ()
    throttled: Throttling | None = None
    copies_fps: tuple[float, ...] = ()

    def at_rate(self, throughput_fps: float) -> Measured:
        """Return the figures on a host that is faster or slower, so that it reaches another rate.

        CPU time stays: where other work takes the cores, waiting for them is none.
        """
        stretch = self.throughput_fps / throughput_fps
        copies_fps = tuple(fps / stretch for fps in self.copies_fps)
        latency_ms = self.latency_ms.scaled(stretch)
        return replace(self, throughput_fps=throughput_fps, latency_ms=latency_ms, copies_fps=copies_fps)
