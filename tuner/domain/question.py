"""What a search is asked: what is to be gained, within which limits, under which load, by how many copies."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tuner.domain.agreement import Agreement, percent
from tuner.domain.limit import FIGURES, Bound, Limit
from tuner.domain.load import Load
from tuner.domain.objectives import Objective
from tuner.domain.sample import Latency, Measured, Window
from tuner.domain.stats import Metric
from tuner.domain.visible import shell_word
from tuner.errors import LaneError

METRICS: dict[Objective, Metric] = {
    "throughput": "throughput",
    "latency": "latency_p99",
    "cpu": "cpu",
    "pareto": "throughput_per_latency",
    "rate": "rate",
}
"""What a gain is measured in, by objective."""

SURELY_BROKEN, WINDOWS = math.log(1.1), 3
"""A duel stops when each of so many windows breaks a limit by so much (log-ratio)."""

LATE = 0.05
"""Share of the strictest latency limit, or of the p99 latency without one, by which arrivals may be late on
average."""

WAIT_SHARE = 0.25
"""Share of the strictest latency limit for which a batch may wait to fill, where the rate is to be found."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the user wants to know.

    Attributes:
        objective: What is to be gained.
        limits: What a configuration has to keep.
        load: How items arrive; None where every request is kept in flight, or the rate is to be found.
        holding: Limits of the latency up to whose boundary the rate is to rise; for the objective `rate`
            alone, and then at least one.
        copies: How many processes run a configuration side by side; of several numbers, in order, the hint
            runs in the smallest.
        beside: The command of another program that runs at the same time; empty for none.
        niceness: By how much processes give way to others, as `nice` takes it.
    """

    objective: Objective = "throughput"
    limits: tuple[Limit, ...] = ()
    load: Load | None = None
    holding: tuple[Limit, ...] = ()
    copies: tuple[int, ...] = (1,)
    beside: str = ""
    niceness: int = 0

    @classmethod
    def asked(
        cls,
        objective: Objective,
        limits: Iterable[Limit] = (),
        load: Load | None = None,
        copies: tuple[int, ...] = (1,),
        beside: str = "",
        niceness: int = 0,
    ) -> Question:
        """Return the question of all limits that a user gives, those up to which a rate rises included."""
        given = tuple(limits)
        holding = tuple(limit for limit in given if objective == "rate" and limit.of_latency)
        kept = tuple(limit for limit in given if limit not in holding)
        return cls(objective, kept, load, holding, copies, beside, niceness)

    @property
    def all_limits(self) -> tuple[Limit, ...]:
        """The limits as the user gave them."""
        return (*self.holding, *self.limits)

    @property
    def one_caller(self) -> bool:
        """Whether it is about one caller who waits for each answer."""
        return self.objective == "latency" and self.load is None

    @property
    def arrives(self) -> bool:
        """Whether items arrive by themselves, at a rate that is given or to be found."""
        return self.load is not None or self.objective == "rate"

    @property
    def of_copies(self) -> bool:
        """Whether several processes run side by side, or may do so."""
        return self.copies != (1,)

    @property
    def crowded(self) -> bool:
        """Whether other processes, copies or another program, run on the same cores."""
        return max(self.copies) > 1 or bool(self.beside)

    @property
    def weighs_latency(self) -> bool:
        """Whether few items in flight may be the answer, though more of them have more throughput."""
        return self.limits_latency or self.arrives or self.objective == "pareto"

    @property
    def may_want_fewer_threads(self) -> bool:
        """Whether fewer threads than cores may be the answer."""
        return self.objective in {"latency", "cpu"} or bool(self.beside)

    def wait_ms(self, batch: int, part: float = 1.0) -> float:
        """Return how long the first item of a batch waits at most for the others; 0 where none arrive.

        Under a load that is a part of the time in which a batch fills on average, and without a rate one of
        the strictest latency limit.
        """
        if self.load:
            return self.load.fill_ms(batch, part)
        if not self.holding or batch == 1:
            return 0.0
        return float(f"{WAIT_SHARE * part * min(limit.bound for limit in self.holding):.3g}")

    def is_late(self, window: Window) -> bool:
        """Return whether the items of a window arrived too late for its latencies to count."""
        counts = self.objective in {"latency", "rate"} or self.limits_latency
        if window.late_ms is None or not counts:
            return False
        bounds = [limit.bound for limit in self.all_limits if limit.of_latency]
        return window.late_ms > LATE * min(bounds, default=Latency.of(window.latencies_ms).p99)

    @property
    def metric(self) -> Metric:
        """What a gain is measured in."""
        return METRICS[self.objective]

    @property
    def key(self) -> str:
        """The question in a form that is the same for the same question alone."""
        limits = sorted(f"{limit.figure} {limit.bound!r}" for limit in self.all_limits)
        load = [self.load.key] if self.load else []
        copies = [f"copies {' '.join(map(str, self.copies))}"] * self.of_copies
        beside = [f"beside {self.beside}"] if self.beside else []
        nice = [f"nice {self.niceness}"] if self.niceness else []
        return ", ".join([self.objective, *limits, *load, *copies, *beside, *nice])

    @property
    def limits_latency(self) -> bool:
        """Whether a percentile of the latency is limited."""
        return any(limit.of_latency for limit in self.limits)

    def score(self, window: Window) -> float:
        """Return how good a window is: the higher, the better. Ratios of scores are gains.

        Raises:
            LaneError: CPU time counts, and is not known, or not above 0.
        """
        if self.objective in {"latency", "pareto"}:
            fps = window.rate_fps if self.objective == "pareto" else 1.0
            return fps / Latency.of(window.latencies_ms).p99
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

    @property
    def circumstances(self) -> str:
        """How many copies run, beside what and how nice, in words; empty where that is nothing special."""
        counts = f"{' or '.join(map(str, self.copies))} copies"
        several = f", the hint in {self.copies[0]}" * (len(self.copies) > 1)
        copies = [counts + several] * self.of_copies
        beside = [f"beside {shell_word(self.beside)}"] * bool(self.beside)
        nice = [f"niceness {self.niceness}"] * bool(self.niceness)
        return ", ".join([*copies, *beside, *nice])

    def __str__(self) -> str:
        """Return the question in words: `throughput, with p99 latency <= 20 ms`."""
        words = {
            "throughput": "throughput",
            "latency": "p99 latency of one caller" if self.one_caller else "p99 latency",
            "cpu": "CPU time of an item",
            "pareto": "throughput and p99 latency",
            "rate": "highest arrival rate",
        }
        load = f" at {self.load}" if self.load else ""
        use = f", {self.circumstances}" * bool(self.circumstances)
        limits = " and ".join(map(str, self.all_limits))
        return words[self.objective] + load + use + f", with {limits}" * bool(limits)


THROUGHPUT = Question()
"""The question of those who ask for nothing else."""
