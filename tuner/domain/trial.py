"""Trials of the search, and the final with its finalists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.limit import Bound
from tuner.domain.sample import Gains, Measured, Round, log_ratios_by_sitting
from tuner.domain.stats import Metric, Speedup, speedup_over_sittings

TrialState = Literal["measured", "pruned", "duplicate", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration that was tried.

    Attributes:
        number: Position in the study, from 0.
        configuration: What was asked for.
        state: `pruned`: measured until it was clearly slower than the best; `duplicate`: has the same
            effective configuration as an earlier trial; `refused`: its outputs are further from those in
            f32 than is allowed; `failed`: could not run.
        rounds: Paired rounds against the baseline, the baseline first.
        effective: The effective configuration.
        speedup: Estimate from the rounds (a duplicate has that of its original); only the final claims.
        measured: Figures over its windows.
        window_s: Mean duration of its windows, in seconds.
        compile_s: Seconds to read, reshape and compile the model.
        reopen_s: Seconds that another lane is expected to take for this; less where blobs are kept.
        reason: Why it failed or was refused, or the configuration that it duplicates.
        took_s: Seconds from its beginning to its end; None for hints, which are measured together.
        unsteady: Rounds in which the host changed: they were played again, and are not among the `rounds`.
        excess: By how much it breaks the limit that it breaks most, as a log-ratio; 0 or less where it keeps
            all of them, None where there are none.
    """

    number: int
    configuration: Configuration
    state: TrialState
    rounds: tuple[Round, ...] = ()
    effective: Effective | None = None
    speedup: Speedup | None = None
    measured: Measured | None = None
    window_s: float | None = None
    compile_s: float | None = None
    reason: str | None = None
    took_s: float | None = None
    reopen_s: float | None = None
    unsteady: int = 0
    excess: float | None = None

    @property
    def ratio(self) -> float:
        """The estimated speedup; 0 without an estimate."""
        return self.speedup.ratio if self.speedup else 0.0

    @property
    def keeps_limits(self) -> bool:
        """Whether it keeps all limits, as far as a trial can tell."""
        return self.excess is None or self.excess <= 0

    @property
    def rate_ratio(self) -> float:
        """The ratio of its rate to the baseline's, whatever it was searched for."""
        if self.speedup and self.speedup.metric != "throughput" and self.rounds:
            return median(played.rates_fps[1] / played.rates_fps[0] for played in self.rounds)
        return self.ratio

    @property
    def gains(self) -> Gains | None:
        """Its gains in throughput and in p99 latency, where throughput for its p99 latency is compared.

        Both are 1 for the baseline itself; None where there are no rounds that tell them.
        """
        if self.speedup is None or self.speedup.metric != "throughput_per_latency":
            return None
        if not self.rounds:
            return Gains(1.0, 1.0) if self.speedup.rounds == 0 else None
        speeds, latencies = zip(*(played.gains() for played in self.rounds), strict=True)
        return Gains(median(speeds), median(latencies))

    def as_candidate(self) -> Candidate:
        """Return the trial as a candidate, the form that finals and verdicts use."""
        return Candidate(self.configuration, self.effective, self.speedup, self.measured)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration and its figures, from a trial or from the final; the baseline too.

    Attributes:
        configuration: What was compiled.
        effective: The effective configuration; None where it did not run.
        speedup: Against the baseline; in a final the intervals of all finalists hold together.
        measured: Figures over its windows.
        disqualified: Why it cannot win (its outputs differ, its lane died), or None.
        by_sitting: In a final, the figures of each sitting, whose processes are its own.
        bounds: In a final, between what the figure of each limit surely is, in the order of the limits.
    """

    configuration: Configuration
    effective: Effective | None
    speedup: Speedup | None
    measured: Measured | None
    disqualified: str | None = None
    by_sitting: tuple[Measured, ...] = ()
    bounds: tuple[Bound, ...] = ()

    @property
    def ratio(self) -> float:
        """The measured speedup; 1 for the baseline, 0 for a candidate that never ran."""
        return self.speedup.ratio if self.speedup else 1.0 if self.measured else 0.0

    @property
    def boundary(self) -> Speedup | None:
        """The highest rate at which the latency held in a final, in items per second, with its interval.

        It is of the boundaries of all sittings; None for other questions.
        """
        if not any(each.probes for each in self.by_sitting):
            return None
        found = speedup_over_sittings([[math.log(each.throughput_fps)] for each in self.by_sitting])
        return replace(found, metric="rate")


@dataclass(frozen=True, slots=True)
class Final:
    """A fresh comparison of the baseline with the best candidates; the verdict comes from it alone.

    Attributes:
        baseline: The performance hint.
        finalists: The best candidates, in the order of the rounds' lanes from 1 on.
        rounds: Raw rounds; lane 0 is the baseline, the others are the finalists that could run.
        trouble: Why it ended early, or None when it ran to its end.
        interrupted: Whether it ended early because the user stopped it.
        unsteady: Rounds in which the host changed: they were played again, and are not among the `rounds`.
        looks: How many finals the run might hold, this one included: intervals hold for all of them together.
    """

    baseline: Candidate
    finalists: tuple[Candidate, ...]
    rounds: tuple[Round, ...]
    trouble: str | None = None
    interrupted: bool = False
    unsteady: int = 0
    looks: int = 1

    def log_ratios(self, candidate: Candidate, to: Candidate | None = None) -> list[list[float]]:
        """Return the log-ratios of one that ran to another, by default the baseline: a list for each sitting.

        There is one for each round; of a percentile, which is taken of all requests of a sitting, only one.
        """
        to = to or self.baseline
        if candidate.speedup and candidate.speedup.metric in POOLED:
            return pooled_log_ratios(candidate.by_sitting, to.by_sitting, candidate.speedup.metric)
        lanes = [self.baseline, *(known for known in self.finalists if known.speedup)]
        return log_ratios_by_sitting(self.rounds, lanes.index(candidate), lanes.index(to))


POOLED: tuple[Metric, ...] = ("latency_p99", "throughput_per_latency")
"""Metrics with a percentile, which is taken of all requests of a sitting."""


def pooled_log_ratios(
    candidate: Sequence[Measured], to: Sequence[Measured], metric: Metric
) -> list[list[float]]:
    """Return how much better a pooled metric is, as a log-ratio in a list for each sitting."""

    def score(measured: Measured) -> float:
        fps = measured.throughput_fps if metric == "throughput_per_latency" else 1.0
        return fps / measured.latency_ms.p99

    pairs = zip(candidate, to, strict=True)
    return [[math.log(score(own) / score(other))] for own, other in pairs]


def unsteady_rounds(trials: Sequence[Trial], final: Final | None) -> tuple[int, int]:
    """Return in how many rounds the host changed, so that they were played again, and how many count."""
    unsteady = sum(trial.unsteady for trial in trials) + (final.unsteady if final else 0)
    return unsteady, sum(len(trial.rounds) for trial in trials) + (len(final.rounds) if final else 0)
