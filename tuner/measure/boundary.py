"""The highest rate of arrivals at which a lane holds limits of its latency: its boundary.

That is what MLPerf's Server scenario asks for (Reddi et al., *MLPerf Inference Benchmark*, ISCA 2020,
section 4). Latency grows with the rate, so the boundary is bracketed by a few windows of arrivals, probes,
and read off their isotonic fit (Barlow et al., *Statistical Inference under Order Restrictions*). All probes
of a round have the same arrivals, only closer together or further apart, in every lane: what differs between
lanes is the configuration (common random numbers: Law, *Simulation Modeling and Analysis*, 5th ed., section
11.2).

The percentile of few items of a queue that began a moment ago is too low, so a boundary is some per cent too
high, for every lane alike: trust ratios of boundaries more than boundaries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np

from tuner.domain.configuration import Effective
from tuner.domain.figures import digits, share
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.sample import Probe, Window
from tuner.measure.lane import CANNOT_HOLD, Lane, LoadError
from tuner.measure.open_loop import LEAD_SHARE

BEYOND = 1.25
"""Items of a probe that are expected beyond the limited percentile."""

LEAST_S = 0.25
"""Seconds that the items of a probe would take at the rate with every request in flight, at least."""

CAPACITY_S = 0.1
"""Seconds of a window with every request in flight, which warms a lane up and tells what it can serve."""

START = 0.6
"""Share of what a lane can serve at which its boundary is looked for first."""

STEP, SHORT_STEP = 1.25, 1.09
"""Factor from one probe to the next while nothing is known of a lane, and later."""

CLOSE = 1.1
"""Factor between a rate that holds and one that does not, within which the fit tells the boundary."""

MOST_PROBES = 10
"""Probes of a window at most."""

REACH = 0.9
"""A candidate that does not hold the limits at this share of the best, beside the hint, is given up."""

LOWEST = 0.2
"""A lane that breaks the limits at this share of the highest rate that was tried does so at any."""

MOST_SERVED = 1.1
"""Share of what a lane serves with every request in flight beyond which no rate is tried: a short window may
hold it, because its queue has no time to grow."""

LIMITS_LONG = 5.0
"""How many times as long as the longest limit a probe lasts at least, at what the first lane can serve."""

MOST_EXCESS = math.log(4)
"""A greater excess counts as this one: beyond it a queue only tells how long it was watched."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A probe with what it measured.

    Attributes:
        rate_fps: Items per second that arrived.
        excess: By how much the limit that is broken most is broken, as a log-ratio; infinite where the lane
            could not follow.
        window: What was measured; None where the lane could not follow.
    """

    rate_fps: float
    excess: float
    window: Window | None = None


class Boundary:
    """Finds boundaries of several lanes at the same arrivals."""

    def __init__(
        self,
        holding: Sequence[Limit],
        clock: Callable[[], float],
        stretch: int = 1,
        stage: int = 0,
        start_fps: float = 0.0,
    ) -> None:
        """Look for where limits of the latency, at least one, are held; `clock` returns seconds.

        Windows have `stretch` times as many items, those of a `stage`. What nothing is known of is probed at
        `start_fps` first, or at a share of what it can serve.
        """
        self._holding, self._clock, self._start_fps = holding, clock, start_fps
        self._stretch, self._stage = stretch, stage
        self._count = 0
        self._capacity: dict[Effective, float] = {}
        self._found: dict[Effective, list[float]] = {}

    def warm_up(self, lane: Lane) -> None:
        """Look at what a lane can serve; a disturbed look counts less than another one."""
        program = lane.facts.effective
        served = lane.window(CAPACITY_S).rate_fps
        self._capacity[program] = max(served, self._capacity.get(program, 0.0))

    def window(self, lane: Lane, number: int, least_fps: float = 0.0) -> Window:
        """Return the window whose rate is a lane's boundary at the arrivals of this number.

        Raises:
            LoadError: It does not hold the limits at `least_fps`, or at no rate that was tried.
        """
        began_s, program = self._clock(), lane.facts.effective
        probed = [self._reaching(lane, number, least_fps)] if least_fps else []
        found = self._found.setdefault(program, [])
        step = SHORT_STEP if found else STEP
        near = median(found) if found else self._start_fps or START * self._capacity[program]
        rate = next_rate(probed, step) if probed else near
        while rate and len(probed) < MOST_PROBES:
            probed.append(self._probe(lane, rate, number))
            rate = next_rate(probed, step)
        windows = [(each.rate_fps, each.window) for each in probed if each.window and each.excess <= 0]
        boundary = boundary_of(probed)
        if boundary is None:
            least = min(each.rate_fps for each in probed)
            raise LoadError(
                f"{CANNOT_HOLD} {self._limits()} at any rate that was tried, down to {least:.3g} items/s"
            )
        found.append(boundary)
        _, below = max(windows, key=lambda pair: pair[0])
        return replace(
            below,
            rate_fps=boundary,
            seconds=self._clock() - began_s,
            memory_mb=max(window.memory_mb for _, window in windows),
            late_ms=_lateness_around(boundary, probed),
            counts=all(each.window.counts for each in probed if each.window),
            probes=tuple(Probe(each.rate_fps, self._latency_ms(each.window)) for each in probed),
        )

    def _reaching(self, lane: Lane, number: int, least_fps: float) -> Probed:
        """Return the probe at a rate that a lane has to reach.

        Raises:
            LoadError: It does not.
        """
        probed = self._probe(lane, least_fps, number)
        if probed.excess > 0:
            so_much = f"{digits(least_fps)} items/s, {share(REACH)} of what the best would hold now"
            raise LoadError(f"{CANNOT_HOLD} {self._limits()} at {so_much}")
        return probed

    def _probe(self, lane: Lane, rate_fps: float, number: int) -> Probed:
        self._count = self._count or self._items(lane)
        if rate_fps > MOST_SERVED * self._capacity[lane.facts.effective]:
            return Probed(rate_fps, math.inf)
        surplus = lane.facts.effective.batch - 1
        try:
            window = lane.open_loop(Load(rate_fps).items(number, self._count, surplus, self._stage))
        except LoadError:
            return Probed(rate_fps, math.inf)
        return Probed(rate_fps, max(_excess(limit, window) for limit in self._holding), window)

    def _items(self, lane: Lane) -> int:
        """Return the items of every probe: enough for the percentiles, for a queue, for the first lane."""
        least_s = max(LEAST_S, LIMITS_LONG * max(limit.bound for limit in self._holding) / 1e3)
        fast = least_s * self._capacity[lane.facts.effective]
        return self._stretch * math.ceil(max(items_for(self._holding), fast))

    def _latency_ms(self, window: Window | None) -> float | None:
        return _percentile_ms(self._holding[0], window) if window else None

    def _limits(self) -> str:
        return " and ".join(map(str, self._holding))


def next_rate(probed: Sequence[Probed], step: float) -> float | None:
    """Return the rate of the next probe, or None where the boundary is known closely enough."""
    held = max((each.rate_fps for each in probed if each.excess <= 0), default=0.0)
    over = min((each.rate_fps for each in probed if each.excess > 0), default=math.inf)
    if math.isinf(over):
        return held * step ** len(probed)
    if not held:
        lowest = LOWEST * max(each.rate_fps for each in probed)
        return max(over / step ** len(probed), lowest) if over > lowest else None
    return None if over / held <= CLOSE else math.sqrt(held * over)


def boundary_of(probed: Sequence[Probed]) -> float | None:
    """Return the rate at which the isotonic fit of the excess crosses 0, on logarithmic scales.

    Without a crossing it is the highest rate that was tried, or None where none holds.
    """
    from scipy.optimize import isotonic_regression  # takes 0.2 s, which other questions save

    ordered = sorted(probed, key=lambda each: each.rate_fps)
    fit = isotonic_regression([min(each.excess, MOST_EXCESS) for each in ordered]).x
    held = int((fit <= 0).sum())
    if held == 0:
        return None
    if held == len(ordered):
        return ordered[-1].rate_fps
    below, above = (math.log(each.rate_fps) for each in ordered[held - 1 : held + 1])
    part = float(fit[held - 1] / (fit[held - 1] - fit[held]))
    return math.exp(below + part * (above - below))


def items_for(holding: Sequence[Limit]) -> float:
    """Return the items that a probe has at least, so that some are expected beyond each percentile."""
    return BEYOND * max(1 / (1 - limit.quantile) for limit in holding) / (1 - LEAD_SHARE)


def _excess(limit: Limit, window: Window) -> float:
    """Return by how much a percentile is beyond its limit, as a log-ratio."""
    return math.log(_percentile_ms(limit, window) / limit.bound)


def _percentile_ms(limit: Limit, window: Window) -> float:
    """Return the percentile that is limited.

    Of few items it is taken so that as many are beyond it in the long run as it says (Hyndman & Fan, *The
    American Statistician* 50:361, 1996, definition 6).
    """
    latencies_ms = np.asarray(window.latencies_ms)
    return float(np.percentile(latencies_ms, 100 * limit.quantile, method="weibull"))


def _lateness_around(boundary: float, probed: Sequence[Probed]) -> float | None:
    """Return how late batches were started in the probes just below and just above a boundary."""
    below = [each for each in probed if each.rate_fps <= boundary]
    above = [each for each in probed if each.rate_fps > boundary]
    nearest = [max(below, key=_rate, default=None), min(above, key=_rate, default=None)]
    late = [each.window.late_ms for each in nearest if each and each.window]
    return max((late_ms for late_ms in late if late_ms is not None), default=None)


def _rate(probed: Probed) -> float:
    return probed.rate_fps
