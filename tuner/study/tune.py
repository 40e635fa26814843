"""One search on one target, from the baseline to the verdict, over any kind of lanes.

This is the path to read first. It knows nothing of files, terminals or real devices, so the same
code runs on simulated lanes in tests.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.result import Final, Finalist, Trial, Verdict
from tuner.domain.space import Space
from tuner.domain.verdict import MINIMUM_GAIN, best_drop_in, decide
from tuner.errors import DeviceError, Interrupted, LaneError
from tuner.measure.lane import Lanes
from tuner.study import final as finals
from tuner.study.budget import FINAL_ROUNDS, Budget
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
    """What a search on one target found; the fields are those of `Result`."""

    baseline: Finalist
    trials: Sequence[Trial]
    final: Final | None
    verdict: Verdict
    drop_in: Finalist
    baseline_fps: Sequence[float]
    interrupted: bool = False


def tune(
    model: Model,
    target: str,
    lanes: Lanes,
    space_for: Callable[[int], Space],
    store: TrialStore,
    budget: Budget,
    seed: int,
    tell: Observer,
) -> Findings:
    """Search one target: baseline, trials, final, verdict.

    Args:
        model: The model, its batch axes proved.
        target: Device string.
        lanes: Opens the lanes and keeps the clock.
        space_for: Lays out the space, given the number of requests that the hint asks for.
        store: Keeps every trial as it ends.
        budget: Seconds and trials.
        seed: Seed of proposals and of the order of windows.
        tell: Hears what happens.

    Raises:
        DeviceError: Not even the performance hint runs.
        Interrupted: The user asked to stop before the baseline was measured.
    """
    history = History(store.trials())
    known = len(history.trials)
    rng = random.Random(seed + known)
    with closing(_open_baseline(lanes, target, model.batch)) as baseline:
        hint = _baseline_trial(baseline, history, store, rng)
        space = space_for(baseline.configuration.requests)
        tell(BaselineReady(as_finalist(hint), len(space), known))
        proposer = Proposer(space, model.batch, seed + known, history.trials)
        runner = TrialRunner(lanes, baseline, history, budget, rng)
        try:
            exhausted = _explore(proposer, runner, history, store, budget, hint, model.batch, tell)
            baseline.close()
            final = _hold_final(lanes, hint, history, model.batch, budget, rng, tell)
        except Interrupted as stop:
            return _stopped(hint, history, model.batch, str(stop))
    if final is None:
        return _without_final(hint, history, exhausted)
    store.save_final(final)
    if final.interrupted:
        return replace(_stopped(hint, history, model.batch, "stopped in the final"), final=final)
    hint_measured = final.baseline if final.baseline.measured else as_finalist(hint)
    drop_in = best_drop_in(final, model.batch)
    return Findings(hint_measured, history.trials, final, decide(final), drop_in, history.baseline_fps())


def _open_baseline(lanes: Lanes, target: str, own_batch: int) -> Baseline:
    try:
        return Baseline(lanes, target, own_batch)
    except LaneError as error:
        raise DeviceError(
            f"The model does not run on {target}, not even with the performance hint: {error}."
        ) from error


def _baseline_trial(baseline: Baseline, history: History, store: TrialStore, rng: random.Random) -> Trial:
    """Return the baseline's trial: of an earlier run, or measured now."""
    if known := history.knows(baseline.configuration):
        return known
    try:
        trial = baseline.trial(len(history.trials), rng)
    except LaneError as error:
        raise DeviceError(f"The model compiles but does not run: {error}.") from error
    history.add(trial)
    store.save(trial)
    return trial


def _explore(
    proposer: Proposer,
    runner: TrialRunner,
    history: History,
    store: TrialStore,
    budget: Budget,
    hint: Trial,
    own_batch: int,
    tell: Observer,
) -> bool:
    """Run trials until time, trials or space run out; return whether it was the space."""

    def closed(configuration: Configuration) -> bool:
        return history.knows(configuration) is not None or too_dear(configuration, history, budget)

    done = 0
    while budget.trials is None or done < budget.trials:
        left_s = budget.left_s() - finals.reserve_s(history, budget, hint, own_batch)
        if left_s <= 0:
            return False
        configuration = proposer.next(closed)
        if configuration is None:
            return True
        tell(TrialBegan(configuration, left_s))
        trial = runner.run(configuration)
        history.add(trial)
        store.save(trial)
        proposer.learn(trial)
        tell(TrialEnded(trial, history.best(), budget.left_s()))
        done += 1
    return False


def _hold_final(
    lanes: Lanes,
    hint: Trial,
    history: History,
    own_batch: int,
    budget: Budget,
    rng: random.Random,
    tell: Observer,
) -> Final | None:
    """Run the final, or return None when there is nobody to invite."""
    chosen = finals.choose(history, own_batch)
    if not chosen:
        return None
    tell(FinalBegan(tuple(chosen), budget.left_s()))

    def on_round(done: int) -> None:
        tell(FinalRound(done, FINAL_ROUNDS, budget.left_s()))

    try:
        return finals.run_final(lanes, hint.configuration, chosen, budget, rng, on_round)
    except LaneError as error:
        return Final(as_finalist(hint), (), (), f"the hint's lane: {error}")


def _stopped(hint: Trial, history: History, own_batch: int, why: str) -> Findings:
    """Return what is known at an interruption: the best so far, claimed for nothing."""
    baseline = as_finalist(hint)
    ranked = [trial for trial in history.measured() if trial.speedup and trial.speedup.low > 1 + MINIMUM_GAIN]
    own = [trial for trial in ranked if trial.configuration.batch == own_batch]
    best = as_finalist(ranked[0]) if ranked else baseline
    drop_in = as_finalist(own[0]) if own else baseline
    verdict = Verdict("inconclusive", best, best.speedup, best.configuration, why)
    return Findings(baseline, history.trials, None, verdict, drop_in, history.baseline_fps(), True)


def _without_final(hint: Trial, history: History, exhausted: bool) -> Findings:
    """Return the answer when nothing but the hint could be measured."""
    baseline = as_finalist(hint)
    if any(trial.state == "failed" for trial in history.trials):
        verdict = Verdict("inconclusive", baseline, why="every configuration but the hint failed")
    elif exhausted:
        verdict = Verdict("keep_hint", baseline, why="within these bounds everything is the hint itself")
    else:
        verdict = Verdict("inconclusive", baseline, why="the budget left no time for a trial")
    return Findings(baseline, history.trials, None, verdict, baseline, history.baseline_fps())
