"""What a search is asked: what is to be gained, and within which limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from tuner.domain.agreement import Agreement, percent
from tuner.domain.figures import mebibytes, milliseconds, rate
from tuner.domain.load import Load
from tuner.domain.objectives import Objective
from tuner.domain.sample import Latency, Measured, Window
from tuner.domain.stats import LEAST_SITTINGS, Metric, percentile_bounds, student_quantile
from tuner.errors import LaneError, UsageError

METRICS: dict[Objective, Metric] = {"throughput": "throughput", "latency": "latency_p99", "cpu": "cpu"}
"""What a gain is measured in, by objective."""

LIMIT_CONFIDENCE = 0.95
"""One-sided confidence with which a configuration keeps a limit."""

SURELY_BROKEN, WINDOWS = math.log(1.1), 3
"""A duel stops when each of so many windows breaks a limit by so much (log-ratio)."""


LEAST = 1e-9
"""A smaller error counts as this one: it has a logarithm."""

LATE = 0.05
"""Share of the strictest latency limit, or of the p99 latency without one, by which arrivals may be late on
average."""


class Figure(NamedTuple):
    """A figure that may be limited.

    Attributes:
        name: In words.
        say: Writes a value with its unit.
        of: Returns it of what was measured; None where it is not known.
        at_least: Whether the limit is the least value, not the greatest.
        peak: Whether it is a peak, so that no process may go beyond the limit.
        exact: Whether it is the same in every process, so that one of them is enough.
    """

    name: str
    say: Callable[[float], str]
    of: Callable[[Measured], float | None]
    at_least: bool = False
    peak: bool = False
    exact: bool = False


FIGURES = {
    "p50": Figure("p50 latency", milliseconds, lambda measured: measured.latency_ms.p50),
    "p90": Figure("p90 latency", milliseconds, lambda measured: measured.latency_ms.p90),
    "p99": Figure("p99 latency", milliseconds, lambda measured: measured.latency_ms.p99),
    "p99.9": Figure("p99.9 latency", milliseconds, lambda measured: measured.latency_ms.p99_9),
    "memory": Figure("memory", mebibytes, lambda measured: measured.memory_mb, peak=True),
    "throughput": Figure(
        "throughput",
        lambda fps: f"{rate(fps)} items/s",
        lambda measured: measured.throughput_fps,
        at_least=True,
    ),
    "error": Figure(
        "difference from f32",
        percent,
        lambda measured: measured.agreement.max_error if measured.agreement else None,
        exact=True,
    ),
}
"""What may be limited, by the name that a study and an advice keep."""


class Bound(NamedTuple):
    """Between what a figure surely is; 0 and infinite where that is not known."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a configuration has to keep.

    Attributes:
        figure: Name of what is limited, one of `FIGURES`.
        bound: The limit, in milliseconds, MiB, items per second, or as a share.

    Raises:
        UsageError: It is no number above 0.
    """

    figure: str
    bound: float

    def __post_init__(self) -> None:
        """Refuse a bound that nothing can be compared with."""
        if not 0 < self.bound < math.inf:
            raise UsageError(
                f"{self.bound} is no limit of {FIGURES[self.figure].name}; give a number above 0."
            )

    def excess(self, measured: Measured) -> float:
        """Return by how much a limit is broken, as a log-ratio; 0 or less where it is kept."""
        value, figure = self.value(measured), FIGURES[self.figure]
        if value is None or (value <= 0 and not figure.exact):
            return math.inf
        value = max(value, LEAST)
        return math.log(self.bound / value if figure.at_least else value / self.bound)

    def value(self, measured: Measured) -> float | None:
        """Return the figure that is limited."""
        return FIGURES[self.figure].of(measured)

    def say(self, measured: Measured) -> str:
        """Return the figure that is limited, with its unit; `unknown` where it is not known."""
        value = self.value(measured)
        return "unknown" if value is None else FIGURES[self.figure].say(value)

    def bounds(self, sittings: Sequence[Measured], latencies_ms: Sequence[float], among: int = 1) -> Bound:
        """Return between what the figure surely is, each end with `LIMIT_CONFIDENCE`.

        Over sittings, each with fresh processes, the logarithms of the figure have Student's bounds. A
        percentile also has those of order statistics of all requests (Hahn & Meeker, *Statistical Intervals*,
        section 5.2), because the p99 of few requests is just the slowest of them. Of a peak, the highest
        counts.

        Args:
            sittings: The figures of each sitting; with fewer than three nothing is sure.
            latencies_ms: Of all requests.
            among: Number of bounds that hold together (Bonferroni's correction).
        """
        if FIGURES[self.figure].exact and sittings and (exact := self.value(sittings[0])) is not None:
            return Bound(exact, exact)
        values = [value for each in sittings if (value := self.value(each)) and value > 0]
        if len(values) < max(LEAST_SITTINGS, len(sittings)):
            return Bound(0.0, math.inf)
        if FIGURES[self.figure].peak:
            return Bound(max(values), max(values))
        confidence = 1 - (1 - LIMIT_CONFIDENCE) / among
        logs = [math.log(value) for value in values]
        reach = student_quantile(len(logs) - 1, confidence) * stdev(logs) / math.sqrt(len(logs))
        low, high = math.exp(fmean(logs) - reach), math.exp(fmean(logs) + reach)
        if self.figure.startswith("p"):
            share = float(self.figure.removeprefix("p")) / 100
            least, most = percentile_bounds(latencies_ms, share, confidence)
            low, high = min(low, least), max(high, most)
        return Bound(low, high)

    def is_kept(self, bound: Bound) -> bool:
        """Return whether a figure between such bounds surely keeps the limit."""
        return bound.low >= self.bound if FIGURES[self.figure].at_least else bound.high <= self.bound

    def is_broken(self, bound: Bound) -> bool:
        """Return whether a figure between such bounds surely breaks the limit."""
        return bound.high < self.bound if FIGURES[self.figure].at_least else bound.low > self.bound

    def standing(self, measured: Measured, bound: Bound | None) -> str:
        """Return whether a limit is kept, in words, with the figure and its bound."""
        if FIGURES[self.figure].exact:
            return f"{'broken' if self.excess(measured) > 0 else 'kept'} ({self.say(measured)})"
        if bound is None:
            place = "over it" if self.excess(measured) > 0 else "within it, not proven"
            return f"{place} ({self.say(measured)})"
        figure, at_least = FIGURES[self.figure], FIGURES[self.figure].at_least
        if self.is_kept(bound):
            edge = figure.say(bound.low if at_least else bound.high)
            return f"kept ({self.say(measured)}, surely {'above' if at_least else 'below'} {edge})"
        if self.is_broken(bound):
            return f"broken ({self.say(measured)})"
        return f"not sure ({self.say(measured)})"

    def __str__(self) -> str:
        """Return the limit in words: `p99 latency <= 20 ms`."""
        figure = FIGURES[self.figure]
        return f"{figure.name} {'>=' if figure.at_least else '<='} {figure.say(self.bound)}"


@dataclass(frozen=True, slots=True)
class Question:
    """What the user wants to know.

    Attributes:
        objective: What is to be gained.
        limits: What a configuration has to keep.
        load: How items arrive; None where every request is kept in flight.
    """

    objective: Objective = "throughput"
    limits: tuple[Limit, ...] = ()
    load: Load | None = None

    @property
    def one_caller(self) -> bool:
        """Whether it is about one caller who waits for each answer."""
        return self.objective == "latency" and self.load is None

    def is_late(self, window: Window) -> bool:
        """Return whether the items of a window arrived too late for its latencies to count."""
        if window.late_ms is None or not (self.objective == "latency" or self.limits_latency):
            return False
        bounds = [limit.bound for limit in self.limits if limit.figure.startswith("p")]
        return window.late_ms > LATE * min(bounds, default=Latency.of(window.latencies_ms).p99)

    @property
    def metric(self) -> Metric:
        """What a gain is measured in."""
        return METRICS[self.objective]

    @property
    def key(self) -> str:
        """The question in a form that is the same for the same question alone."""
        limits = sorted(f"{limit.figure} {limit.bound!r}" for limit in self.limits)
        load = [self.load.key] if self.load else []
        return ", ".join([self.objective, *limits, *load])

    @property
    def limits_latency(self) -> bool:
        """Whether a percentile of the latency is limited."""
        return any(limit.figure.startswith("p") for limit in self.limits)

    def score(self, window: Window) -> float:
        """Return how good a window is: the higher, the better. Ratios of scores are gains.

        Raises:
            LaneError: CPU time counts, and is not known, or not above 0.
        """
        if self.objective == "latency":
            return 1 / Latency.of(window.latencies_ms).p99
        if self.objective == "cpu":
            if window.cpu_ms_per_item is None or window.cpu_ms_per_item <= 0:
                raise LaneError("its CPU time is not known, so it cannot be compared")
            return 1 / window.cpu_ms_per_item
        return window.rate_fps

    def excess(self, measured: Measured | None) -> float | None:
        """Return by how much the limit that is broken most is broken, as a log-ratio; None without limits."""
        if not self.limits:
            return None
        return max(limit.excess(measured) for limit in self.limits) if measured else math.inf

    def margin(self, measured: Measured | None) -> float:
        """Return how far figures are from the nearest limit that another process may break, as a log-ratio.

        It is infinite without such a limit: a figure that is the same in every process needs no margin.
        """
        if measured is None:
            return -math.inf
        varying = (limit for limit in self.limits if not FIGURES[limit.figure].exact)
        return min((-limit.excess(measured) for limit in varying), default=math.inf)

    def broken(self, measured: Measured) -> list[Limit]:
        """Return the limits that figures break, the one that is broken most first."""
        broken = [limit for limit in self.limits if limit.excess(measured) > 0]
        return sorted(broken, key=lambda limit: -limit.excess(measured))

    def outgrown(self, measured: Measured) -> bool:
        """Return whether figures are far beyond a limit that more items in flight break even more."""
        figures = {limit: FIGURES[limit.figure] for limit in self.limits}
        growing = (limit for limit, figure in figures.items() if not (figure.at_least or figure.exact))
        return any(limit.excess(measured) > SURELY_BROKEN for limit in growing)

    def why_not(self, measured: Measured) -> str | None:
        """Return which limits figures break, in words; None where they break none."""
        broken = [f"{limit} ({limit.say(measured)})" for limit in self.broken(measured)]
        return f"breaks {' and '.join(broken)}" if broken else None

    def keeps(self, bounds: Sequence[Bound]) -> bool:
        """Return whether figures between such bounds, one for each limit, surely keep all limits."""
        pairs = zip(self.limits, bounds, strict=True) if bounds else ()
        return len(bounds) == len(self.limits) and all(limit.is_kept(bound) for limit, bound in pairs)

    def breaks(self, bounds: Sequence[Bound]) -> bool:
        """Return whether figures between such bounds surely break a limit."""
        return any(limit.is_broken(bound) for limit, bound in zip(self.limits, bounds, strict=False))

    def surely_broken(self, windows: Sequence[Measured]) -> bool:
        """Return whether windows leave no doubt that a limit is broken."""
        return any(
            (FIGURES[limit.figure].peak and any(limit.excess(each) > 0 for each in windows))
            or (len(windows) >= WINDOWS and all(limit.excess(each) > SURELY_BROKEN for each in windows))
            for limit in self.limits
            if not FIGURES[limit.figure].exact
        )

    def too_far(self, agreement: Agreement | None) -> str | None:
        """Return in words that outputs differ from f32's by more than is allowed; None where they do not."""
        bound = next((limit.bound for limit in self.limits if limit.figure == "error"), math.inf)
        if agreement is None or agreement.max_error <= min(bound, agreement.most):
            return None
        differs = f"differs from f32 by {percent(agreement.max_error)}, more than"
        if agreement.max_error > bound:
            return f"{differs} max_error={percent(bound)}"
        return f"{differs} the {percent(agreement.most)} that rounding in {agreement.precision} explains"

    def __str__(self) -> str:
        """Return the question in words: `throughput, with p99 latency <= 20 ms`."""
        words = {
            "throughput": "throughput",
            "latency": "p99 latency of one caller" if self.one_caller else "p99 latency",
            "cpu": "CPU time of an item",
        }
        load = f" at {self.load}" if self.load else ""
        limits = " and ".join(map(str, self.limits))
        return words[self.objective] + load + f", with {limits}" * bool(limits)


THROUGHPUT = Question()
"""The question of those who ask for nothing else."""
