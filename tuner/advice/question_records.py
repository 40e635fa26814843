"""The question in the advice YAML: what was to be gained, within which limits, under which load."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

from tuner.advice.records import Copies, Figure, Record
from tuner.domain.limit import FIGURES, Limit
from tuner.domain.load import Load
from tuner.domain.objectives import Objective
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.units import MOST_RATE


class LimitRecord(Record, frozen=True):
    """What was asked to be kept.

    A percentile of latency in ms, `memory` in MiB, `throughput` at least, `error` (from f32) as a share.
    """

    figure: str
    bound: Figure

    def __post_init__(self) -> None:
        """Refuse a figure that cannot be limited, and a bound that is none."""
        if self.figure not in FIGURES:
            raise ValueError(f"'{self.figure}' is not a figure with a limit; expected: {', '.join(FIGURES)}")
        if not 0 < self.bound < math.inf:
            raise ValueError(f"{self.bound} is no limit above 0")


class LoadRecord(Record, frozen=True, omit_defaults=True):
    """How items arrive: so many a second, at random or as recorded in the file `arrivals`."""

    rate: Annotated[float, msgspec.Meta(gt=0, le=MOST_RATE)]
    arrivals: str = ""
    sha256: str = ""

    @classmethod
    def of(cls, load: Load) -> LoadRecord:
        """Return a load as it is written."""
        return cls(rate=load.rate, arrivals=load.source, sha256=load.sha256)

    @property
    def load(self) -> Load:
        """The same as the rest of the project has it, without the recorded times."""
        return Load(self.rate, source=self.arrivals, sha256=self.sha256)


class QuestionRecord(Record, frozen=True, omit_defaults=True):
    """What was asked: what is to be gained, within which limits, under which load, by how many copies."""

    objective: Objective = "throughput"
    limits: list[LimitRecord] = msgspec.field(default_factory=list)
    load: LoadRecord | None = None
    copies: list[Copies] = msgspec.field(default_factory=list)
    beside: str = ""
    niceness: Annotated[int, msgspec.Meta(ge=0, le=19)] = 0

    def __post_init__(self) -> None:
        """Refuse a throughput that is to be gained and given at once, and a rate without what it holds."""
        if self.load and self.objective not in {"latency", "cpu"}:
            why = f"a load has the objective '{self.objective}', which it fixes"
            raise ValueError(f"{why}; expected: latency, cpu")
        if self.objective == "rate" and not self.question.holding:
            raise ValueError("the objective 'rate' has no limit of the latency; expected: one")

    @classmethod
    def of(cls, question: Question) -> QuestionRecord | None:
        """Return a question as it is written; None for that of those who ask for nothing else."""
        if question == THROUGHPUT:
            return None
        limits = [LimitRecord(figure=limit.figure, bound=limit.bound) for limit in question.all_limits]
        load = LoadRecord.of(question.load) if question.load else None
        return cls(
            objective=question.objective,
            limits=limits,
            load=load,
            copies=list(question.copies) if question.of_copies else [],
            beside=question.beside,
            niceness=question.niceness,
        )

    @property
    def question(self) -> Question:
        """The same as the rest of the project has it."""
        limits = tuple(Limit(each.figure, each.bound) for each in self.limits)
        load = self.load.load if self.load else None
        copies = tuple(self.copies) or (1,)
        return Question.asked(self.objective, limits, load, copies, self.beside, self.niceness)
