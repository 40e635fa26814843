"""A limit that a configuration has to keep, and how sure it is that it does."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from tuner.domain.agreement import percent
from tuner.domain.figures import mebibytes, milliseconds, rate
from tuner.domain.sample import Measured
from tuner.domain.stats import LEAST_SITTINGS, percentile_bounds, student_quantile
from tuner.errors import UsageError

LIMIT_CONFIDENCE = 0.95
"""One-sided confidence with which a configuration keeps a limit."""

LEAST = 1e-9
"""A smaller error counts as this one: it has a logarithm."""


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

    @property
    def of_latency(self) -> bool:
        """Whether it limits a percentile of the latency."""
        return self.figure.startswith("p")

    @property
    def quantile(self) -> float:
        """The percentile of the latency as a share: 0.99 of `p99`."""
        return float(self.figure.removeprefix("p")) / 100

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
        if self.of_latency:
            least, most = percentile_bounds(latencies_ms, self.quantile, confidence)
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
