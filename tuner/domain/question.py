"""What a search is asked: what is to be gained, and within which limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from tuner.domain.figures import mebibytes, milliseconds, rate
from tuner.domain.objectives import Objective
from tuner.domain.sample import Latency, Measured, Window
from tuner.domain.stats import LEAST_SITTINGS, Metric, student_quantile

METRICS: dict[Objective, Metric] = {"throughput": "throughput", "latency": "latency_p99", "cpu": "cpu"}
"""What a gain is measured in, by objective."""

LIMIT_CONFIDENCE = 0.95
"""One-sided confidence with which a configuration keeps a limit."""

SURELY_BROKEN, WINDOWS = math.log(1.1), 3
"""A duel stops when each of so many windows breaks a limit by so much (log-ratio)."""


class Figure(NamedTuple):
    """A figure that may be limited.

    Attributes:
        name: In words.
        say: Writes a value with its unit.
        of: Returns it of what was measured; None where it is not known.
        at_least: Whether the limit is the least value, not the greatest.
        peak: Whether it is a peak, so that no process may go beyond the limit.
    """

    name: str
    say: Callable[[float], str]
    of: Callable[[Measured], float | None]
    at_least: bool = False
    peak: bool = False


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
}
"""What may be limited, by the name that a study and an advice keep."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a configuration has to keep.

    Attributes:
        figure: Name of what is limited, one of `FIGURES`.
        bound: The limit, in milliseconds, MiB, or items per second.
    """

    figure: str
    bound: float

    def excess(self, measured: Measured) -> float:
        """Return by how much a limit is broken, as a log-ratio; 0 or less where it is kept."""
        value, figure = self.value(measured), FIGURES[self.figure]
        if value is None or value <= 0:
            return math.inf
        return math.log(self.bound / value if figure.at_least else value / self.bound)

    def value(self, measured: Measured) -> float | None:
        """Return the figure that is limited."""
        return FIGURES[self.figure].of(measured)

    def say(self, measured: Measured, sittings: Sequence[Measured] = ()) -> str:
        """Return the figure that is limited, with its unit and its bound; `unknown` where it is not known."""
        value, figure, beyond = self.value(measured), FIGURES[self.figure], self.bounded_excess(sittings)
        if value is None:
            return "unknown"
        if math.isinf(beyond):
            return figure.say(value)
        bound = self.bound * math.exp(-beyond if figure.at_least else beyond)
        return f"{figure.say(value)}, surely {'above' if figure.at_least else 'below'} {figure.say(bound)}"

    def surely_kept(self, sittings: Sequence[Measured]) -> bool:
        """Return whether the figure's one-sided bound keeps the limit."""
        return self.bounded_excess(sittings) <= 0

    def bounded_excess(self, sittings: Sequence[Measured]) -> float:
        """Return the one-sided bound of the excess, over sittings with fresh processes; infinite for too few.

        Percentiles are pooled in each sitting; their logarithms have Student's bound. The bound of a peak is
        the highest of any process.
        """
        apart = [self.excess(each) for each in sittings]
        if len(apart) < LEAST_SITTINGS or max(apart) == math.inf:
            return math.inf
        if FIGURES[self.figure].peak:
            return max(apart)
        reach = student_quantile(len(apart) - 1, LIMIT_CONFIDENCE) * stdev(apart) / math.sqrt(len(apart))
        return fmean(apart) + reach

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
    """

    objective: Objective = "throughput"
    limits: tuple[Limit, ...] = ()

    @property
    def metric(self) -> Metric:
        """What a gain is measured in."""
        return METRICS[self.objective]

    @property
    def limits_latency(self) -> bool:
        """Whether a percentile of the latency is limited."""
        return any(limit.figure.startswith("p") for limit in self.limits)

    def score(self, window: Window) -> float:
        """Return how good a window is: the higher, the better. Ratios of scores are gains."""
        if self.objective == "latency":
            return 1 / Latency.of(window.latencies_ms).p99
        if self.objective == "cpu":
            return 1 / window.cpu_ms_per_item if window.cpu_ms_per_item else math.nan
        return window.rate_fps

    def excess(self, measured: Measured | None) -> float | None:
        """Return by how much the limit that is broken most is broken, as a log-ratio; None without limits."""
        if not self.limits:
            return None
        return max(limit.excess(measured) for limit in self.limits) if measured else math.inf

    def broken(self, measured: Measured) -> list[Limit]:
        """Return the limits that figures break, the one that is broken most first."""
        broken = [limit for limit in self.limits if limit.excess(measured) > 0]
        return sorted(broken, key=lambda limit: -limit.excess(measured))

    def outgrown(self, measured: Measured) -> bool:
        """Return whether figures are far beyond a limit that more items in flight break even more."""
        growing = (limit for limit in self.limits if not FIGURES[limit.figure].at_least)
        return any(limit.excess(measured) > SURELY_BROKEN for limit in growing)

    def why_not(self, measured: Measured) -> str | None:
        """Return which limits figures break, in words; None where they break none."""
        broken = [f"{limit} ({limit.say(measured)})" for limit in self.broken(measured)]
        return f"breaks {' and '.join(broken)}" if broken else None

    def surely_kept(self, sittings: Sequence[Measured]) -> bool:
        """Return whether all limits are surely kept, over sittings of their own processes."""
        return all(limit.surely_kept(sittings) for limit in self.limits)

    def surely_broken(self, windows: Sequence[Measured]) -> bool:
        """Return whether windows leave no doubt that a limit is broken."""
        return any(
            (FIGURES[limit.figure].peak and any(limit.excess(each) > 0 for each in windows))
            or (len(windows) >= WINDOWS and all(limit.excess(each) > SURELY_BROKEN for each in windows))
            for limit in self.limits
        )

    def __str__(self) -> str:
        """Return the question in words: `throughput, with p99 latency <= 20 ms`."""
        words = {
            "throughput": "throughput",
            "latency": "p99 latency of one caller",
            "cpu": "CPU time of an item",
        }
        limits = " and ".join(map(str, self.limits))
        return words[self.objective] + f", with {limits}" * bool(limits)


THROUGHPUT = Question()
"""The question of those who ask for nothing else."""
