"""How far a pair is, as data; observers of `tuner.fleet` hear each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Literal

from tuner.commands.fleet.pairs import Pair
from tuner.domain.figures import gain
from tuner.domain.result import Notice, Result
from tuner.study.mirror import STORAGE
from tuner.tuning.hosts import OF_HOSTS
from tuner.tuning.progress import (
    BaselineReady,
    Event,
    Extended,
    FinalBegan,
    FinalRound,
    Started,
    Step,
    TrialBegan,
    TrialEnded,
    Waiting,
    Warned,
)

Stage = Literal["waiting", "searching", "answered", "stopped", "failed", "elsewhere"]


@dataclass(frozen=True, slots=True)
class PairState:
    """How far a pair is.

    Attributes:
        pair: The pair.
        stage: `waiting`, `searching`, `answered`, `stopped` by the user, `failed`, or
            `elsewhere`: another run of the plan searches it, on a host of its kind.
        doing: What its search does now; or why it failed or stopped.
        best: The gain of the best so far, while it is searched.
        left_s: Seconds that its search may still take.
        is_timed: Whether they pass: its search has a host, and has begun.
        notices: What happened to its hosts and its storage, while it was searched.
        result: Its answer, without the trials, which are in its study; None where there is none yet.
        is_known: Whether the answer is that of an earlier run of the plan.
        exit_code: The one that `tuner search` would have ended with, where it failed.
    """

    pair: Pair
    stage: Stage = "waiting"
    doing: str = ""
    best: str = ""
    left_s: float = 0.0
    is_timed: bool = False
    notices: tuple[Notice, ...] = ()
    result: Result | None = None
    is_known: bool = False
    exit_code: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it in this run."""
        return self.stage in {"answered", "stopped", "failed", "elsewhere"}


PairObserver = Callable[[PairState], None]


def at_first(pair: Pair, known: Result | None, again: bool, kind: str | None) -> PairState:
    """Return a pair at the beginning of a run, which may search one kind alone, or everything again."""
    is_ours = kind in {None, pair.kind}
    if known and not (again and is_ours):
        return PairState(pair, "answered", result=known, is_known=True)
    if not is_ours:
        return PairState(pair, "elsewhere")
    return PairState(pair, left_s=pair.seconds, result=known)


def longest_first(states: Iterable[PairState]) -> list[PairState]:
    """Return pairs in the order in which they are searched; those that take as long stay as they are."""
    return sorted(states, key=lambda state: -state.pair.seconds)


def after(state: PairState, event: Event) -> PairState:
    """Return how far a pair is after an event of its search."""
    return _after(event, state)


@singledispatch
def _after(_event: Event, state: PairState) -> PairState:
    return state


@_after.register
def _(event: Started, state: PairState) -> PairState:
    return replace(state, left_s=event.budget_s, is_timed=True)


@_after.register
def _(event: Extended, state: PairState) -> PairState:
    return replace(state, doing="going on, as the answer is open", left_s=event.left_s)


@_after.register
def _(event: Warned, state: PairState) -> PairState:
    is_of_hosts = event.notice.code in (*OF_HOSTS, STORAGE)
    return replace(state, notices=(*state.notices, event.notice)) if is_of_hosts else state


@_after.register
def _(event: Step, state: PairState) -> PairState:
    return replace(state, doing=event.doing)


@_after.register
def _(event: Waiting, state: PairState) -> PairState:
    return replace(state, doing=f"waiting for another search ({event.holder})")


@_after.register
def _(event: BaselineReady, state: PairState) -> PairState:
    return replace(state, doing="measured the hint", best=_gain(event))


@_after.register
def _(event: TrialBegan, state: PairState) -> PairState:
    return replace(state, doing=f"trying {event.configuration}", left_s=event.left_s)


@_after.register
def _(event: TrialEnded, state: PairState) -> PairState:
    return replace(state, best=_gain(event), left_s=event.left_s)


@_after.register
def _(event: FinalBegan, state: PairState) -> PairState:
    return replace(state, doing="final", left_s=event.left_s)


@_after.register
def _(event: FinalRound, state: PairState) -> PairState:
    return replace(state, doing=f"final: round {event.done}", left_s=event.left_s)


def _gain(event: BaselineReady | TrialEnded) -> str:
    found = event.best.speedup if event.best else None
    return gain(found.ratio, metric=found.metric) if found else ""
