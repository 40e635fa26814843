"""What a search reports while it runs, as data; `tuner.cli.terminal` draws it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tuner.domain.configuration import Configuration
from tuner.domain.host import Host
from tuner.domain.model import Model
from tuner.domain.result import Notice
from tuner.domain.target import Target
from tuner.domain.trial import Candidate, Trial


@dataclass(frozen=True, slots=True)
class Started:
    """From now on time counts; the command is to end when `budget_s` is over."""

    budget_s: float


@dataclass(frozen=True, slots=True)
class Extended:
    """The answer is open, so the search goes on for `left_s` more seconds, as it may; `why` it is open."""

    why: str
    left_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """What is done from now on, in a few words: `reading the model`."""

    doing: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The command ended, with a result or with an error; no event follows."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another search holds the host; `holder` says which."""

    holder: str


@dataclass(frozen=True, slots=True)
class Began:
    """The model is read and the host described."""

    model: Model
    host: Host
    targets: Sequence[str]
    budget_s: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something makes the figures worth less."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class BaselineReady:
    """The hints are compiled and measured; `known` trials come from earlier runs of the study.

    Everything is compared with the `baseline`, the best of them; `others` are those of further
    targets, `left_out` says why a target is not searched. `best` is the best trial of earlier runs, or
    None while that is the hint.
    """

    baseline: Candidate
    points: int
    known: int
    others: Sequence[Candidate] = ()
    left_out: Mapping[Target, str] = field(default_factory=dict)
    best: Trial | None = None


@dataclass(frozen=True, slots=True)
class TrialBegan:
    """A configuration is about to be compiled."""

    configuration: Configuration
    left_s: float


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial ended; `best` is the best measured so far, or None while that is the hint."""

    trial: Trial
    best: Trial | None
    left_s: float


@dataclass(frozen=True, slots=True)
class FinalBegan:
    """The final compiles its lanes; `left_out` is the best so far, where time is too short to invite it."""

    finalists: tuple[Configuration, ...]
    left_s: float
    left_out: Trial | None = None


@dataclass(frozen=True, slots=True)
class FinalRound:
    """A round of the final ended."""

    done: int
    left_s: float


Event = (
    Started
    | Extended
    | Step
    | Ended
    | Waiting
    | Began
    | Warned
    | BaselineReady
    | TrialBegan
    | TrialEnded
    | FinalBegan
    | FinalRound
)
Observer = Callable[[Event], None]


@contextmanager
def ending(observer: Observer) -> Iterator[None]:
    """Report the end of a command, whatever ends it."""
    try:
        yield
    finally:
        observer(Ended())
