"""The search, on one target or several, from the hints to the verdict, over any kind of lanes.

Read this file first. It knows nothing of files, terminals or real devices, so the same code runs on
simulated lanes in tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.history import History, unfinished
from tuner.domain.model import Model
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.result import Notice, Outcome
from tuner.domain.settling import seconds_to_settle
from tuner.domain.space import Bounds, Space
from tuner.domain.support import HOSTS_GONE
from tuner.domain.target import Target
from tuner.domain.trial import Final, Trial
from tuner.domain.verdict import best_drop_in, decide
from tuner.errors import Interrupted, LaneError
from tuner.tuning import final as finals
from tuner.tuning.budget import Budget
from tuner.tuning.exploration import Exploration
from tuner.tuning.growth import Growth
from tuner.tuning.hints import Hints
from tuner.tuning.hosts import Hosts, HostsGone, Work
from tuner.tuning.memory import MemoryGuard
from tuner.tuning.open_points import OpenPoints
from tuner.tuning.portfolio import Portfolio
from tuner.tuning.progress import (
    BaselineReady,
    Extended,
    FinalBegan,
    FinalRound,
    Observer,
    TrialBegan,
    TrialEnded,
    Warned,
)
from tuner.tuning.strategy import Strategy
from tuner.tuning.without_final import decide_without_final


class TrialStore(Protocol):
    """Keeps trials as they end."""

    def trials(self) -> list[Trial]:
        """Return the trials of earlier runs."""

    def save(self, trial: Trial) -> None:
        """Keep a trial."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found.

    Attributes:
        outcome: The answer and its figures; the command that ran it adds notices, importance and the run.
        trials: Every trial, earlier runs included.
        final: The final, or None if it did not begin.
        targets: The targets that were searched.
        left_out: Why a target was not searched, by target.
        refused: A sentence for each choice that was given up because it fails.
        gone: Why a target was given up on the way, by target.
        too_large: A sentence on what was not tried because it would not fit into memory.
    """

    outcome: Outcome
    trials: Sequence[Trial]
    final: Final | None
    targets: Sequence[Target]
    left_out: Mapping[Target, str] = field(default_factory=dict)
    refused: Sequence[str] = ()
    gone: Mapping[Target, str] = field(default_factory=dict)
    too_large: Sequence[str] = ()


SpaceFor = Callable[[Target, Mapping[Target, Configuration]], Space]
"""Lays out a target's space; the hints of all targets say how many requests each device asks for."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to search, and with what.

    Attributes:
        model: The model, its batch axes proved.
        targets: Single devices first, then combinations of them.
        hosts: Where to measure.
        space_for: Lays out the spaces.
        store: Keeps every trial as it ends.
        budget: Seconds and trials.
        seed: Seed of proposals and of the order of windows.
        tell: Called with every event.
        strategy: How to spend the budget.
        bounds: What the user allows; an earlier run may have tried more.
        question: What the user wants to know.
        item_mb: What an item in flight takes at most, in MiB; 0 if that is not known.
    """

    model: Model
    targets: Sequence[Target]
    hosts: Hosts
    space_for: SpaceFor
    store: TrialStore
    budget: Budget
    seed: int
    tell: Observer
    strategy: Strategy = field(default_factory=Strategy)
    bounds: Bounds = field(default_factory=Bounds)
    question: Question = THROUGHPUT
    item_mb: float = 0.0


def tune(task: Task) -> Findings:
    """Measure the hints, run trials, hold the final, and decide.

    Raises:
        DeviceError: No performance hint runs.
        UsageError: The copies that are asked for would not fit into memory.
        Interrupted: The user asked to stop before the baseline was measured.
    """
    history = History(task.store.trials(), task.bounds, task.question)
    known = len(history.trials)
    work = Work(task.targets, task.model.batch, task.bounds, task.question, task.strategy, task.seed)
    with closing(task.hosts):
        hints = task.hosts.open_hints(work, history, task.budget)
        for trial in hints.trials:
            _keep(task, history, trial)
        laid_out = {target: task.space_for(target, hints.configurations) for target in hints.configurations}
        growth = Growth(laid_out, history)
        _report_hints(task, history, hints, growth, known)
        exploration = _prepare(task, growth, history, known, hints)
        outcome, final = _explore_and_decide(task, history, exploration)
        while (more_s := _may_be_settled_in(outcome)) and task.budget.extend(more_s):
            task.tell(Extended(outcome.verdict.why or "", task.budget.left_s()))
            longer, longer_final = _explore_and_decide(task, history, exploration)
            if final and longer.interrupted and longer_final is None:  # what was found before stands
                outcome = replace(outcome, interrupted=True, notices=longer.notices)
            else:
                outcome, final = longer, longer_final
    spaces = list(growth.points.spaces)
    outcome = replace(
        outcome,
        points=sum(map(len, spaces)),
        covered=sum(map(history.covered, spaces)),
        switches=exploration.switches(),
        edges=tuple(growth.sentences()),
    )
    return Findings(
        outcome,
        history.trials,
        final,
        tuple(laid_out),
        hints.left_out,
        exploration.refused(),
        exploration.gone,
        exploration.memory.sentences(),
    )


def _keep(task: Task, history: History, trial: Trial) -> None:
    history.add(trial)
    task.store.save(trial)


def _report_hints(task: Task, history: History, hints: Hints, growth: Growth, known: int) -> None:
    """Report the baseline, the hints of further targets, and what is to be searched."""
    hint = history.trials[0]
    measured = map(history.knows, hints.configurations.values())
    others = tuple(trial.as_candidate() for trial in measured if trial and trial is not hint)
    points = sum(map(len, growth.points.spaces))
    task.tell(BaselineReady(hint.as_candidate(), points, known, others, hints.left_out, history.best()))


def _prepare(task: Task, growth: Growth, history: History, known: int, hints: Hints) -> Exploration:
    """Return what chooses the configurations to try, of a single target or of several in turn."""
    spaces = {target: growth.points.space(target) for target in hints.configurations}
    proposers = {
        target: task.strategy.proposer(space, task.model.batch, task.seed + known, history.trials)
        for target, space in spaces.items()
    }
    first = next(iter(proposers.values()))
    proposer = first if len(proposers) == 1 else Portfolio(proposers, spaces, history.trials)
    memory = MemoryGuard(history, task.item_mb, task.hosts.available_mb)
    return Exploration(
        proposer,
        growth,
        hints.configurations,
        history,
        task.budget,
        task.strategy,
        memory,
        task.question,
        running=lambda: task.hosts.running,
    )


def _may_be_settled_in(outcome: Outcome) -> float | None:
    """Return the seconds in which time alone may settle an open answer, infinite if unknown; else None."""
    verdict = outcome.verdict
    return verdict.more_s if verdict.kind == "inconclusive" and not outcome.interrupted else None


def _explore_and_decide(
    task: Task, history: History, exploration: Exploration
) -> tuple[Outcome, Final | None]:
    """Run trials and the final, and decide; if they are cut short, return what is known by then."""
    own_batch = task.model.batch
    open_points = OpenPoints(history, exploration, task.budget, task.strategy)
    try:
        task.hosts.begin_trials()
        _run_trials(task, exploration, open_points, history)
        task.hosts.end_trials()
        final = _hold_final(task, history, exploration.memory)
    except Interrupted as stop:
        return replace(unfinished(history, str(stop)), interrupted=True), None
    except HostsGone as gone:
        notice = Notice(HOSTS_GONE, f"The search was cut short: {gone}; the same command goes on.")
        task.tell(Warned(notice))
        outcome = unfinished(history, str(gone))
        return replace(outcome, interrupted=True, notices=(notice,)), None
    except LaneError as error:
        return unfinished(history, f"the hint's lane died and cannot be opened again ({error})"), None
    if final is None:
        return decide_without_final(history, exploration, task.question), None
    if final.trouble or not any(finalist.speedup for finalist in final.finalists):
        return _cut_short(history, final), final
    measured = final.baseline if final.baseline.measured else history.trials[0].as_candidate()
    known = open_points.survey(final)
    verdict = decide(final, known, task.question)
    if verdict.more_s:
        verdict = replace(verdict, more_s=seconds_to_settle(open_points.costs_s(known)))
    drop_in = best_drop_in(final, own_batch, verdict, task.question)
    return Outcome(measured, verdict, drop_in), final


def _cut_short(history: History, final: Final) -> Outcome:
    """Return the outcome of a final that can say nothing of any finalist.

    The best so far is not named where the final refused it, because its answers differ from the hint's or it
    no longer opens.
    """
    if final.interrupted:
        return replace(unfinished(history, "stopped in the final"), interrupted=True)
    if final.trouble:
        return unfinished(history, f"the final was cut short ({final.trouble})")
    excluded = [finalist for finalist in final.finalists if finalist.disqualified]
    if not excluded:
        return unfinished(history, "no finalist was measured to the end", "give a larger budget")
    outcome = unfinished(history, f"no finalist could be measured ({excluded[0].disqualified})")
    refused = [finalist.configuration for finalist in excluded if finalist.effective is None]
    if outcome.verdict.closest not in refused:
        return outcome
    return replace(outcome, verdict=replace(outcome.verdict, speedup=None, closest=None))


def _run_trials(task: Task, exploration: Exploration, open_points: OpenPoints, history: History) -> None:
    """Run trials until time, trials or configurations run out, as many at a time as there are hosts."""
    while True:
        while task.hosts.free and (following := _following(task, exploration, open_points, history)):
            configuration, left_s = following
            task.tell(TrialBegan(configuration, left_s))
            task.hosts.start(configuration)
        if task.hosts.free and not task.hosts.running:
            return
        ended = task.hosts.ended()
        if ended is None:
            continue
        trial = replace(ended, number=len(history.trials))
        task.budget.trials_done += 1
        _keep(task, history, trial)
        exploration.learn(trial, task.hosts.why_it_fails)
        task.tell(TrialEnded(trial, history.best(), task.budget.left_s()))


def _following(
    task: Task, exploration: Exploration, open_points: OpenPoints, history: History
) -> tuple[Configuration, float] | None:
    """Return what to try next, and the seconds left for trials; None if there is no time or nothing left."""
    if not task.budget.allows_a_trial(len(task.hosts.running)):
        return None
    finalists = finals.choose(history, task.model.batch, task.strategy.finalists)
    cost = finals.cost_of(finalists, history, history.trials[0], finals.least_window_s(task.strategy))
    left_s = task.budget.left_s() - finals.reserve_s(cost, task.budget, task.strategy, short=True)
    if left_s > 0 and (configuration := open_points.next(left_s)):
        return configuration, left_s
    left_s = task.budget.left_s() - finals.reserve_s(cost, task.budget, task.strategy)
    if left_s <= 0:
        return None
    following = task.hosts.lost() or exploration.next(left_s) or open_points.last(left_s)
    return (following, left_s) if following else None


def _hold_final(task: Task, history: History, memory: MemoryGuard) -> Final | None:
    """Run the final, or return None if there is no candidate to invite."""
    hint, left_s = history.trials[0], task.budget.left_s()
    memory.look()

    def fits(invited: Sequence[Configuration]) -> bool:
        return memory.fit_together([hint.configuration, *invited])

    plan = finals.plan_final(history, task.model.batch, hint, left_s, task.strategy, fits)
    if plan is None:
        return None
    task.tell(FinalBegan(tuple(plan.invited), left_s, plan.left_out))

    def on_round(done: int) -> None:
        task.tell(FinalRound(done, task.budget.left_s()))

    try:
        return task.hosts.hold_final(plan, on_round)
    except HostsGone:
        raise
    except LaneError as error:
        return Final(hint.as_candidate(), (), (), f"the hint's lane: {error}")
