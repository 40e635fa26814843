"""The performance hints of all targets: which of them run, and why the others do not."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.target import Target
from tuner.domain.trial import Trial
from tuner.errors import DeviceError, LaneError, UsageError
from tuner.measure.comparison import WINDOW_S
from tuner.measure.lane import CANNOT_HOLD, Lanes, LaneTimeout, LoadError
from tuner.tuning.baseline import measure_hints
from tuner.tuning.budget import Budget
from tuner.tuning.hint import Hint, hint_names

HINTS_SHARE = 0.2
"""Share of the budget for the hints under a load; at least one round is played."""


@dataclass(frozen=True, slots=True)
class Hints:
    """The hints of all targets, measured.

    Attributes:
        trials: Of each hint that is not in the history yet, the baseline's first.
        configurations: Every hint that runs, by target.
        left_out: Why a target is not searched, by target.
    """

    trials: Sequence[Trial]
    configurations: Mapping[Target, Configuration]
    left_out: Mapping[Target, str]


def open_hints(
    lanes: Lanes,
    targets: Sequence[Target],
    own_batch: int,
    history: History,
    rng: random.Random,
    budget: Budget,
    question: Question = THROUGHPUT,
    window_s: float = WINDOW_S,
) -> tuple[Hint, Hints]:
    """Open every target's hint while there is time, and measure those that no earlier run has measured.

    Without a load windows last `window_s`. The hint that everything is compared with is returned with its
    lane open; the lanes of all others are closed.

    Raises:
        DeviceError: No hint runs, or not the hint that earlier trials were compared with.
        UsageError: The budget was over before all hints were open.
        Interrupted: The user asked to stop.
    """
    left_out: dict[Target, str] = {}
    with ExitStack() as stack:
        opened: list[Hint] = []
        for target in targets:
            if opened and budget.left_s() <= 0:
                raise UsageError(
                    f"budget={budget.seconds:g} was over before the hint on {target} was open, of "
                    f"{len(targets)} targets; give a larger budget, or fewer devices."
                )
            if why := _missing_member(target, left_out):
                left_out[target] = why
                continue
            hints, failure = _open_hints_of(lanes, target, own_batch, budget, question, opened)
            for hint in hints:
                stack.callback(hint.close)
            opened += hints
            if failure and not hints:
                if len(targets) == 1 and isinstance(failure, LaneTimeout):
                    raise DeviceError(_refusal(failure)) from failure
                left_out[target] = _why(failure)
        running = [*opened]
        baseline, trials = _measure_living(opened, left_out, history, rng, budget, question, window_s)
        stack.pop_all()
    for hint in running:
        if hint is not baseline:
            hint.close()
    return baseline, Hints(trials, _first_of_each([*opened, *running], left_out), left_out)


def _first_of_each(hints: Sequence[Hint], left_out: Mapping[Target, str]) -> dict[Target, Configuration]:
    """Return the first hint of each target that is not left out."""
    found: dict[Target, Configuration] = {}
    for hint in hints:
        if hint.target not in left_out:
            found.setdefault(hint.target, hint.configuration)
    return found


def _open_hints_of(
    lanes: Lanes,
    target: Target,
    own_batch: int,
    budget: Budget,
    question: Question,
    opened: Sequence[Hint],
) -> tuple[list[Hint], LaneError | None]:
    """Return a target's open hints, and why the first of the others does not run."""
    hints: list[Hint] = []
    failure: LaneError | None = None
    with ExitStack() as stack:
        for name in hint_names(target, question):
            if failure and budget.left_s() <= 0:
                break
            try:
                hint = _opened(lanes, target, own_batch, budget, question, name)
                stack.callback(hint.close)
                _require_gathering(hint, opened)
                hints.append(hint)
            except LaneError as error:
                failure = failure or error
        stack.pop_all()
    return hints, failure


def _opened(
    lanes: Lanes, target: Target, own_batch: int, budget: Budget, question: Question, name: str
) -> Hint:
    """Return a target's open hint; one that did not answer has a second chance while there is time.

    Raises:
        LaneError: It does not run.
    """
    try:
        return Hint(lanes, target, own_batch, question, name)
    except LaneTimeout:
        if budget.left_s() <= 0:
            raise
        return Hint(lanes, target, own_batch, question, name)


def _measure_living(
    opened: list[Hint],
    left_out: dict[Target, str],
    history: History,
    rng: random.Random,
    budget: Budget,
    question: Question,
    window_s: float,
) -> tuple[Hint, list[Trial]]:
    """Measure the hints; a lane that dies is opened once again while there is time.

    If that does not help, its hint is a trial that says so where the target has another one, or where it is
    only too slow for a load. Otherwise its target is left out, and all targets that need its device.
    """
    again: set[Configuration] = set()
    lost: list[tuple[Hint, LaneError]] = []
    hurried = partial(_is_hurried, budget, question)
    while opened:
        try:
            for hint in opened:
                hint.reopen_if_dead()
            baseline, trials = measure_hints(
                opened, history, rng, budget.spent_s, question, window_s, hurried
            )
            said = [(hint, error) for hint, error in lost if hint.target not in left_out]
            first = len(history.trials) + len(trials)
            return baseline, [*trials, *(_lost(first + at, *each) for at, each in enumerate(said))]
        except LaneError as error:
            dead = [hint for hint in opened if not hint.lane.alive()]
            if dead and budget.left_s() > 0 and again.isdisjoint(hint.configuration for hint in dead):
                again |= {hint.configuration for hint in dead}
                continue
            if not dead or len(dead) == len(opened):
                raise DeviceError(_refusal(error, [*lost, *((hint, error) for hint in dead)])) from error
            lost += [(hint, error) for hint in dead]
            opened[:] = [hint for hint in opened if hint not in dead]
            running = {hint.target for hint in opened}
            running |= {hint.target for hint, why in lost if isinstance(why, LoadError)}
            left_out |= {hint.target: _why(error) for hint in dead if hint.target not in running}
        for hint in [*opened]:
            if why := _missing_member(hint.target, left_out):
                left_out.setdefault(hint.target, why)
            if hint.target in left_out:
                hint.close()
                opened.remove(hint)
    raise DeviceError(_none_runs(left_out))


def _is_hurried(budget: Budget, question: Question) -> bool:
    """Return whether the hints have had their share of the time: items that arrive slowly take theirs."""
    return question.arrives and budget.spent_s() > HINTS_SHARE * budget.seconds


def _lost(number: int, hint: Hint, error: LaneError) -> Trial:
    if not isinstance(error, LoadError):
        return Trial(number, hint.configuration, "failed", reason=str(error))
    return Trial(number, hint.configuration, "pruned", effective=hint.lane.facts.effective, reason=str(error))


def _missing_member(target: Target, left_out: Mapping[Target, str]) -> str | None:
    """Return which device of a virtual device does not run by itself, and why; None if all do."""
    for other, why in left_out.items():
        if target.kind and other.devices[0] in target.devices and not other.kind:
            return f"{other} does not run ({why})"
    return None


def _require_gathering(hint: Hint, opened: Sequence[Hint]) -> None:
    """Refuse automatic batching that asks for no more requests than its device alone: it gathers nothing.

    A device that asks for more requests than it has streams may gather by itself without reporting it.
    """
    requests_alone = [
        other.configuration.requests
        for other in opened
        if str(other.target) == hint.target.devices[0]
        and other.lane.facts.effective.streams in {None, other.configuration.requests}
    ]
    if hint.target.kind == "BATCH" and requests_alone and hint.configuration.requests <= requests_alone[0]:
        hint.close()
        raise LaneError("OpenVINO gathers no requests of this model: its batch is not 1, or not recognised")


def _refusal(error: LaneError, lost: Sequence[tuple[Hint, LaneError]] = ()) -> str:
    """Return why there is no baseline; `lost` are the hints that died or cannot follow."""
    if isinstance(error, LoadError):
        return _refusal_of_a_load(error, lost)
    if isinstance(error, LaneTimeout):
        return f"The hint gave {_why(error)}."
    return f"The model compiles but does not run: {error}."


def _refusal_of_a_load(error: LoadError, lost: Sequence[tuple[Hint, LaneError]]) -> str:
    """Return why no hint can be measured where items arrive, and what to give instead."""
    reasons = "; ".join(f"{hint.name} on {hint.target} {why}" for hint, why in lost) or str(error)
    if CANNOT_HOLD in reasons:
        return f"No performance hint can be compared with ({reasons}); give a longer max_latency=."
    if len(lost) > 1:
        return (
            f"No performance hint can be measured at this load ({reasons}), so there is nothing to compare "
            "with, even if a larger batch may follow; give a load of a lower rate."
        )
    return f"The performance hint {error}; give a load of a lower rate."


def _why(error: LaneError) -> str:
    """Return why a hint does not run; one that only hung may be healthy."""
    if not isinstance(error, LaneTimeout):
        return str(error)
    return (
        f"no answer within {error.seconds:.3g} s; other programs may block the CPU: end them, or give a "
        "larger budget"
    )


def _none_runs(left_out: Mapping[Target, str]) -> str:
    if len(left_out) == 1:
        ((target, why),) = left_out.items()
        return f"The model does not run on {target}, not even with the performance hint: {why}."
    reasons = "; ".join(f"{target}: {why}" for target, why in left_out.items())
    return f"The model runs on none of the devices, not even with the performance hint ({reasons})."
