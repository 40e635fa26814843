"""One search, on one target or several, from the hints to the verdict, over any kind of lanes.

This is the path to read first. It knows nothing of files, terminals or real devices, so the same
code runs on simulated lanes in tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.result import Final, Finalist, Trial, Verdict
from tuner.domain.space import Space
from tuner.domain.target import Target
from tuner.domain.verdict import best_drop_in, decide
from tuner.errors import Interrupted, LaneError
from tuner.measure.lane import Lanes
from tuner.study import final as finals
from tuner.tuning.budget import Budget
from tuner.tuning.exploration import Exploration
from tuner.tuning.hints import Hints, open_hints
from tuner.domain.history import History
from tuner.tuning.portfolio import Portfolio
from tuner.tuning.progress import (
    BaselineReady,
    FinalBegan,
    FinalRound,
    Observer,
    TrialBegan,
    TrialEnded,
)
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import TrialRunner, as_finalist, so_far


class TrialStore(Protocol):
    """Where trials are kept as they end."""

    def trials(self) -> list[Trial]:
        """Return the trials of earlier runs."""

    def save(self, trial: Trial) -> None:
        """Keep a trial."""

    def save_final(self, final: Final) -> None:
        """Keep the final with its raw rounds; a later one takes its place."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found.

    Attributes:
        baseline_fps: The hint's rate in every round.
        points: Configurations in the spaces, late switches not counted.
        covered: How many of them need no trial any more.
        targets: Those that were searched.
        left_out: Why a target was not searched.
        interrupted: Whether the user stopped it.
        switches: Switches around the best, in words, and whether each was tried.
        refused: A sentence for each choice that was closed because it fails.
        gone: Why a target was given up on the way.
    """

    baseline: Finalist
    trials: Sequence[Trial]
    final: Final | None
    verdict: Verdict
    drop_in: Finalist
    baseline_fps: Sequence[float]
    points: int
    covered: int
    targets: Sequence[Target]
    left_out: Mapping[Target, str] = field(default_factory=dict)
    interrupted: bool = False
    switches: Mapping[str, bool] = field(default_factory=dict)
    refused: Sequence[str] = ()
    gone: Mapping[Target, str] = field(default_factory=dict)


SpaceFor = Callable[[Target, Mapping[Target, Configuration]], Space]
"""Lays out a target's space, given every target's hint with the requests that it asks for."""

Spaces = Mapping[Target, Space]


@dataclass(frozen=True, slots=True)
class Task:
    """What to search, and with what.

    Attributes:
        model: The model, its batch axes proved.
        targets: Single devices first, then combinations of them.
        lanes: Opens the lanes and keeps the clock.
        space_for: Lays out the spaces.
        store: Keeps every trial as it ends.
        budget: Seconds and trials.
        seed: Seed of proposals and of the order of windows.
        tell: Hears what happens.
        strategy: How to spend the budget.
    """

    model: Model
    targets: Sequence[Target]
    lanes: Lanes
    space_for: SpaceFor
    store: TrialStore
    budget: Budget
    seed: int
    tell: Observer
    strategy: Strategy = field(default_factory=Strategy)


def tune(task: Task) -> Findings:
    """Search: hints, trials, final, verdict.

    Raises:
        DeviceError: Not even a performance hint runs.
        Interrupted: The user asked to stop before the baseline was measured.
    """
    history = History(task.store.trials())
    known = len(history.trials)
    rng = random.Random(task.seed + known)
    hints = open_hints(task.lanes, task.targets, task.model.batch, history, rng, task.budget)
    with closing(hints.baseline):
        for trial in hints.trials:
            history.add(trial)
            task.store.save(trial)
        found = _search(task, history, hints, rng, known)
    return replace(found, left_out=hints.left_out)


def _search(task: Task, history: History, hints: Hints, rng: random.Random, known: int) -> Findings:
    hint = history.trials[0]
    spaces = {target: task.space_for(target, hints.configurations) for target in hints.configurations}
    others = [history.knows(one) for one in hints.configurations.values() if one != hint.configuration]
    told = tuple(as_finalist(trial) for trial in others if trial)
    points = sum(map(len, spaces.values()))
    task.tell(BaselineReady(as_finalist(hint), points, known, told, hints.left_out))
    exploration = _exploration(task, spaces, history, known, hints)
    found = _to_the_verdict(task, history, hints, spaces, exploration, rng)
    return replace(
        found, switches=exploration.switches(), refused=exploration.refused(), gone=exploration.gone
    )


def _to_the_verdict(
    task: Task, history: History, hints: Hints, spaces: Spaces, exploration: Exploration, rng: random.Random
) -> Findings:
    """Run trials and the final, and answer; whatever cuts them short leaves what is known."""
    hint = history.trials[0]
    runner = TrialRunner(task.lanes, hints.baseline, history, task.budget, task.strategy, rng)
    try:
        _explore(task, exploration, runner, history, hint)
        hints.baseline.close()
        final = _hold_final(task, history, hint, rng)
    except Interrupted as stop:
        return replace(_unfinished(task, history, hint, spaces, str(stop)), interrupted=True)
    except LaneError as error:
        why = f"the hint's lane died and cannot be opened again ({error}); run the same command again"
        return _unfinished(task, history, hint, spaces, why)
    if final is None:
        return _without_final(history, hint, spaces)
    task.store.save_final(final)
    if final.interrupted:
        unfinished = _unfinished(task, history, hint, spaces, "stopped in the final")
        return replace(unfinished, final=final, interrupted=True)
    measured = final.baseline if final.baseline.measured else as_finalist(hint)
    return _findings(history, spaces, measured, decide(final), best_drop_in(final, task.model.batch), final)


def _exploration(task: Task, spaces: Spaces, history: History, known: int, hints: Hints) -> Exploration:
    """Return what chooses configurations: of the one target, or of several in turn."""
    proposers = {
        target: task.strategy.proposer(space, task.model.batch, task.seed + known, history.trials)
        for target, space in spaces.items()
    }
    alone = next(iter(proposers.values()))
    proposer = alone if len(proposers) == 1 else Portfolio(proposers, spaces, history.trials)
    return Exploration(proposer, spaces, hints.configurations, history, task.budget, task.strategy)


def _explore(
    task: Task, exploration: Exploration, runner: TrialRunner, history: History, hint: Trial
) -> None:
    """Run trials until time, trials or space run out."""
    done = 0
    while task.budget.trials is None or done < task.budget.trials:
        finalists = finals.choose(history, task.model.batch, task.strategy.finalists)
        cost = finals.cost_of(finalists, history, hint)
        left_s = task.budget.left_s() - finals.reserve_s(cost, task.budget, task.strategy)
        configuration = exploration.next(left_s) if left_s > 0 else None
        if configuration is None:
            return
        task.tell(TrialBegan(configuration, left_s))
        trial = runner.run(configuration)
        history.add(trial)
        task.store.save(trial)
        exploration.learn(trial, runner)
        task.tell(TrialEnded(trial, history.best(), task.budget.left_s()))
        done += 1


def _hold_final(task: Task, history: History, hint: Trial, rng: random.Random) -> Final | None:
    """Run the final, or return None when there is nobody to invite."""
    left_s = task.budget.left_s()
    plan = finals.plan_final(history, task.model.batch, hint, left_s, task.strategy)
    if plan is None:
        return None
    task.tell(FinalBegan(tuple(plan.invited), left_s))

    def on_round(done: int) -> None:
        task.tell(FinalRound(done, task.budget.left_s()))

    try:
        return finals.run_final(
            task.lanes, hint.configuration, plan, task.budget, task.strategy, rng, on_round
        )
    except LaneError as error:
        return Final(as_finalist(hint), (), (), f"the hint's lane: {error}")


def _unfinished(task: Task, history: History, hint: Trial, spaces: Spaces, why: str) -> Findings:
    """Return what is known of a search cut short: the best so far, claimed for nothing."""
    verdict, drop_in = so_far(history, hint, task.model.batch, why)
    return _findings(history, spaces, as_finalist(hint), verdict, drop_in)


def _without_final(history: History, hint: Trial, spaces: Spaces) -> Findings:
    """Return the answer when nothing but the hint could be measured."""
    baseline = as_finalist(hint)
    failed = [trial for trial in history.trials if trial.state == "failed"]
    if failed:
        why = f"every other configuration that was tried failed ({failed[-1].reason})"
        verdict = Verdict("inconclusive", baseline, why=why)
    elif _covered(history, spaces) == sum(map(len, spaces.values())):
        verdict = Verdict("keep_hint", baseline, why="within these bounds everything is the hint itself")
    else:
        why = "the budget is too short for any other configuration; give it a larger --budget"
        verdict = Verdict("inconclusive", baseline, why=why)
    return _findings(history, spaces, baseline, verdict, baseline)


def _findings(
    history: History,
    spaces: Spaces,
    baseline: Finalist,
    verdict: Verdict,
    drop_in: Finalist,
    final: Final | None = None,
) -> Findings:
    return Findings(
        baseline=baseline,
        trials=history.trials,
        final=final,
        verdict=verdict,
        drop_in=drop_in,
        baseline_fps=history.baseline_fps(),
        points=sum(map(len, spaces.values())),
        covered=_covered(history, spaces),
        targets=tuple(spaces),
    )


def _covered(history: History, spaces: Spaces) -> int:
    return sum(map(history.covered, spaces.values()))
