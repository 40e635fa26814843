"""One search on one target, from the baseline to the verdict, over any kind of lanes.

This is the path to read first. It knows nothing of files, terminals or real devices, so the same
code runs on simulated lanes in tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.result import Final, Finalist, Trial, Verdict
from tuner.domain.space import Space
from tuner.domain.verdict import best_drop_in, decide
from tuner.errors import DeviceError, Interrupted, LaneError
from tuner.measure.lane import Lanes
from tuner.study import final as finals
from tuner.study.budget import Budget
from tuner.study.history import History
from tuner.study.progress import (
    BaselineReady,
    FinalBegan,
    FinalRound,
    Observer,
    TrialBegan,
    TrialEnded,
)
from tuner.study.proposals import Proposer
from tuner.study.strategy import Strategy
from tuner.study.trials import Baseline, TrialRunner, as_finalist, too_dear


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
    """What a search on one target found; `baseline_fps` is the hint's rate in every round."""

    baseline: Finalist
    trials: Sequence[Trial]
    final: Final | None
    verdict: Verdict
    drop_in: Finalist
    baseline_fps: Sequence[float]
    points: int
    covered: int
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What to search, and with what.

    Attributes:
        model: The model, its batch axes proved.
        target: Device string.
        lanes: Opens the lanes and keeps the clock.
        space_for: Lays out the space, given the number of requests that the hint asks for.
        store: Keeps every trial as it ends.
        budget: Seconds and trials.
        seed: Seed of proposals and of the order of windows.
        tell: Hears what happens.
        strategy: How to spend the budget.
    """

    model: Model
    target: str
    lanes: Lanes
    space_for: Callable[[int], Space]
    store: TrialStore
    budget: Budget
    seed: int
    tell: Observer
    strategy: Strategy = field(default_factory=Strategy)


def tune(task: Task) -> Findings:
    """Search one target: baseline, trials, final, verdict.

    Raises:
        DeviceError: Not even the performance hint runs.
        Interrupted: The user asked to stop before the baseline was measured.
    """
    history = History(task.store.trials())
    known = len(history.trials)
    rng = random.Random(task.seed + known)
    with closing(_open_baseline(task)) as baseline:
        hint = _baseline_trial(task, baseline, history, rng)
        space = task.space_for(baseline.configuration.requests)
        task.tell(BaselineReady(as_finalist(hint), len(space), known))
        proposer = task.strategy.proposer(space, task.model.batch, task.seed + known, history.trials)
        runner = TrialRunner(task.lanes, baseline, history, task.budget, task.strategy, rng)
        try:
            _explore(task, proposer, runner, history, hint)
            baseline.close()
            final = _hold_final(task, history, hint, rng)
        except Interrupted as stop:
            return replace(_unfinished(task, history, hint, space, str(stop)), interrupted=True)
        except LaneError as error:
            why = f"the hint's lane died and cannot be opened again ({error}); run the same command again"
            return _unfinished(task, history, hint, space, why)
    if final is None:
        return _without_final(history, hint, space)
    task.store.save_final(final)
    if final.interrupted:
        unfinished = _unfinished(task, history, hint, space, "stopped in the final")
        return replace(unfinished, final=final, interrupted=True)
    measured = final.baseline if final.baseline.measured else as_finalist(hint)
    return _findings(history, space, measured, decide(final), best_drop_in(final, task.model.batch), final)


def _open_baseline(task: Task) -> Baseline:
    try:
        return Baseline(task.lanes, task.target, task.model.batch)
    except LaneError as error:
        raise DeviceError(
            f"The model does not run on {task.target}, not even with the performance hint: {error}."
        ) from error


def _baseline_trial(task: Task, baseline: Baseline, history: History, rng: random.Random) -> Trial:
    """Return the baseline's trial: of an earlier run, or measured now."""
    if known := history.knows(baseline.configuration):
        return known
    try:
        trial = baseline.trial(len(history.trials), rng)
    except LaneError as error:
        raise DeviceError(
            f"The model compiles but does not run: {error}; a slow model wants a larger --budget."
        ) from error
    history.add(trial)
    task.store.save(trial)
    return trial


def _explore(task: Task, proposer: Proposer, runner: TrialRunner, history: History, hint: Trial) -> None:
    """Run trials until time, trials or space run out."""

    def closed(configuration: Configuration) -> bool:
        known = history.knows(configuration) is not None
        return known or too_dear(configuration, history, task.budget, task.strategy)

    done = 0
    while task.budget.trials is None or done < task.budget.trials:
        finalists = finals.choose(history, task.model.batch, task.strategy.finalists)
        cost = finals.cost_of(finalists, history, hint)
        left_s = task.budget.left_s() - finals.reserve_s(cost, task.budget, task.strategy)
        if left_s <= 0:
            return
        configuration = proposer.next(closed)
        if configuration is None:
            return
        task.tell(TrialBegan(configuration, left_s))
        trial = runner.run(configuration)
        history.add(trial)
        task.store.save(trial)
        proposer.learn(trial)
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


def _unfinished(task: Task, history: History, hint: Trial, space: Space, why: str) -> Findings:
    """Return what is known of a search cut short: the best so far, claimed for nothing."""
    baseline = as_finalist(hint)
    best, own = history.best(), history.best(batch=task.model.batch)
    drop_in = as_finalist(own) if own else baseline
    if best:
        verdict = Verdict("inconclusive", as_finalist(best), best.speedup, best.configuration, why)
    else:
        verdict = Verdict("inconclusive", baseline, why=why)
    return _findings(history, space, baseline, verdict, drop_in)


def _without_final(history: History, hint: Trial, space: Space) -> Findings:
    """Return the answer when nothing but the hint could be measured."""
    baseline = as_finalist(hint)
    failed = [trial for trial in history.trials if trial.state == "failed"]
    if failed:
        why = f"every other configuration that was tried failed ({failed[-1].reason})"
        verdict = Verdict("inconclusive", baseline, why=why)
    elif history.covered(space) == len(space):
        verdict = Verdict("keep_hint", baseline, why="within these bounds everything is the hint itself")
    else:
        why = "the budget is too short for any other configuration; give it a larger --budget"
        verdict = Verdict("inconclusive", baseline, why=why)
    return _findings(history, space, baseline, verdict, baseline)


def _findings(
    history: History,
    space: Space,
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
        points=len(space),
        covered=history.covered(space),
    )
