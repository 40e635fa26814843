"""What was measured: trials of the search, and the final with its finalists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.sample import Measured, Round
from tuner.domain.stats import Speedup

TrialState = Literal["measured", "pruned", "duplicate", "failed"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One configuration that was tried.

    Attributes:
        number: Position in the study, from 0.
        configuration: What was asked for.
        state: `pruned` trials were measured until they had clearly lost; `duplicate` ones are, by
            their effective configuration, an earlier one; `failed` ones could not run.
        rounds: Paired rounds against the baseline, the baseline first.
        effective: What the device made of it.
        speedup: Estimate from the rounds (a duplicate's is that of its original); no claim, the
            final makes those.
        measured: Figures over its windows.
        window_s: Mean time that one of its windows took, in seconds.
        compile_s: Seconds to read, reshape and compile the model.
        reopen_s: Seconds that another lane is expected to take for that; less where blobs are kept.
        reason: Why it failed, or the configuration that it duplicates.
        took_s: Seconds from its beginning to its end; None for a hint's, which are measured together.
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

    @property
    def ratio(self) -> float:
        """The estimated speedup; 0 where there is none."""
        return self.speedup.ratio if self.speedup else 0.0

    def as_candidate(self) -> Candidate:
        """Return the trial in the form in which a final and a verdict speak of it."""
        return Candidate(self.configuration, self.effective, self.speedup, self.measured)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A configuration with what was measured of it, in a trial or in the final; the baseline too.

    Attributes:
        configuration: What was compiled.
        effective: What the device made of it; None where it did not run.
        speedup: Against the baseline; in a final the intervals of all finalists hold together.
        measured: Figures over its windows.
        disqualified: Why it cannot win (its answers differ, its lane died), or None.
    """

    configuration: Configuration
    effective: Effective | None
    speedup: Speedup | None
    measured: Measured | None
    disqualified: str | None = None

    @property
    def ratio(self) -> float:
        """The measured speedup; 1 for the baseline, 0 for one that never ran."""
        return self.speedup.ratio if self.speedup else 1.0 if self.measured else 0.0


@dataclass(frozen=True, slots=True)
class Final:
    """A fresh comparison of the baseline with the best few, from which alone the verdict comes.

    Attributes:
        baseline: The performance hint.
        finalists: The best few, in the order of the rounds' lanes from 1 on.
        rounds: Raw rounds; index 0 is the baseline, then every finalist that could run.
        trouble: What cut it short, or None when it ran to its end.
        interrupted: Whether it was the user who cut it short.
    """

    baseline: Candidate
    finalists: tuple[Candidate, ...]
    rounds: tuple[Round, ...]
    trouble: str | None = None
    interrupted: bool = False
