"""The final: who is invited, how many rounds there is time for, and what they say."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.target import target_of
from tuner.domain.trial import Final, Trial, unsteady_rounds
from tuner.errors import Interrupted, LaneError
from tuner.measure.comparison import LONGEST_REPEATED_S, Comparison
from tuner.measure.lane import Lane, Lanes
from tuner.tuning.budget import Budget
from tuner.tuning.contest import Contest
from tuner.tuning.strategy import Strategy

START_S = 0.05
"""Seconds to start a lane beyond compiling, when several start at the same time."""


STAGES = 2**31
"""Stages of arrivals that a final may draw: another one than the trials, an earlier final, or another run."""

SAFE = 0.1
"""How far from a limit (log-ratio) a trial's figure has to be so that a final will hardly find it broken."""


def choose(history: History, own_batch: int, finalists: int) -> list[Configuration]:
    """Return the best few by lower bound, and the best on one device and with the model's own batch.

    Of several, the last is the one with the highest estimate, which people were shown as the best so far. In
    place of a single finalist it would cost more than it gains: few rounds often flatter it.
    Without one device, where it may be as fast, a combination could not lose against one of its devices;
    without the own batch an application that cannot gather items would get no answer; without one that is far
    from every limit, those of exact figures aside, there may be none that surely keeps them. Where anything
    keeps the limits, nothing else is invited.
    """
    ranked = history.measured()
    ranked = [trial for trial in ranked if trial.keeps_limits] or ranked
    chosen = ranked[:finalists]
    leader = history.best()
    if leader and leader not in chosen and finalists > 1:
        chosen[-1] = leader
    single = [trial for trial in ranked if not target_of(trial.configuration.device).combines]
    alone = [trial for trial in single if history.may_tie(trial, ranked[0])]
    own = [trial for trial in ranked if trial.configuration.batch == own_batch]
    safe = [trial for trial in ranked if history.margin(trial) >= SAFE]
    for kind in (alone, own, safe):
        if kind and not any(trial in chosen for trial in kind):
            chosen.append(kind[0])
    return [history.simplest_form(trial) for trial in chosen]


@dataclass(frozen=True, slots=True)
class Cost:
    """The time that the lanes of a final are expected to take.

    Attributes:
        start_s: Seconds to open all of them and to warm them up.
        round_s: Seconds of a round.
    """

    start_s: float
    round_s: float

    def sitting_s(self, rounds: int) -> float:
        """Return the seconds of a sitting of so many rounds."""
        return self.start_s + rounds * self.round_s


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is invited, the rounds of a sitting, and how many sittings are expected to fit into the time.

    `left_out` is the trial with the highest estimate, where time is too short to invite it.
    """

    invited: Sequence[Configuration]
    rounds: int
    sittings: int
    left_out: Trial | None = None


def cost_of(
    chosen: Sequence[Configuration], history: History, baseline: Trial, window_s: float = 0.0
) -> Cost:
    """Return the time that a final among these is expected to take, judging by their trials.

    Its windows last `window_s` at least.
    """
    known = (history.knows(configuration) for configuration in chosen)
    originals = (history.same(trial.effective) for trial in known if trial and trial.effective)
    trials = [baseline, *(trial for trial in originals if trial)]
    round_s = sum(max(trial.window_s or 0.0, window_s) for trial in trials)
    open_s = sum((trial.reopen_s or trial.compile_s or 0.0) + START_S for trial in trials)
    return Cost(open_s + round_s, round_s * _plays_a_round(round_s, history, baseline))


def least_window_s(strategy: Strategy) -> float:
    """Return how long a final's windows last at least, where they are longer than those of trials."""
    return strategy.final_window_s if strategy.final_window_s > strategy.window_s else 0.0


def _plays_a_round(round_s: float, history: History, baseline: Trial) -> float:
    """Return how often a round is expected to be played until it counts.

    The host is expected to change as often in a second as in the rounds of the trials; where it changes
    in more than half of the rounds, they count.
    """
    if round_s > LONGEST_REPEATED_S:
        return 1.0
    played_s = sum(
        (len(trial.rounds) + trial.unsteady) * ((trial.window_s or 0.0) + (baseline.window_s or 0.0))
        for trial in history.trials
    )
    unsteady, _ = unsteady_rounds(history.trials, None)
    share = min(0.5, unsteady / played_s * round_s) if played_s else 0.0
    return 1 / (1 - share)


def reserve_s(cost: Cost, budget: Budget, strategy: Strategy, short: bool = False) -> float:
    """Return the seconds to keep for the final; fewer for a short one, which nothing promises to win."""
    least, most = (share * budget.seconds for share in strategy.final_share)
    if short:
        most = max(least, strategy.short_final_share * budget.seconds)
    return min(max(strategy.sittings * cost.sitting_s(strategy.sitting_rounds), least), most)


def plan_final(
    history: History,
    own_batch: int,
    baseline: Trial,
    left_s: float,
    strategy: Strategy,
    fits: Callable[[Sequence[Configuration]], bool] = lambda _: True,
) -> Plan | None:
    """Return the plan of a final that has `left_s`, or None when there is nobody to invite.

    A claim wants sittings. Where time is short, rounds are given up for them; then finalists, first
    all but the best (and the best with the model's own batch), then all but the best; then further
    rounds. Finalists are also given up where `fits` says that memory does not hold all of them.
    """
    few = [choose(history, own_batch, finalists) for finalists in range(strategy.finalists, 0, -1)]
    best = few[-1][:1]
    if not best:
        return None
    leader, least_s = history.best(), least_window_s(strategy)

    def plan(invited: Sequence[Configuration], rounds: int) -> Plan:
        sittings = int(left_s / cost_of(invited, history, baseline, least_s).sitting_s(rounds))
        left_out = leader and history.simplest_form(leader) not in invited
        return Plan(invited, rounds, sittings, leader if left_out else None)

    every, fewest = strategy.sitting_rounds, strategy.least_rounds
    plans = [
        plan(invited, rounds) for invited in filter(fits, few) for rounds in range(every, fewest - 1, -1)
    ]
    plans += [plan(best, rounds) for rounds in range(every, 0, -1)]
    enough = (planned for planned in plans if planned.sittings >= strategy.enough_sittings)
    return next(enough, plans[-1])


def run_final(
    lanes: Lanes,
    baseline: Configuration,
    plan: Plan,
    budget: Budget,
    strategy: Strategy,
    rng: random.Random,
    on_round: Callable[[int], None],
    question: Question = THROUGHPUT,
) -> Final:
    """Measure the invited configurations beside the baseline until time is up or enough is known.

    If the user interrupts it or the hint's lane keeps dying, the rounds played so far are kept, and the
    final's `trouble` says what happened. Where items arrive a sitting is a single round, with windows as
    long as all its planned rounds together: a queue takes time until its latency is that of the long run. Its
    items are others than those by which the finalists were chosen.

    Raises:
        LaneError: The hint's lane kept dying, and no sitting ended before.
    """
    stretch, stage = (plan.rounds, rng.randrange(1, STAGES)) if question.arrives else (1, 0)

    def compare(opened: Sequence[Lane]) -> Comparison:
        window_s, clock = strategy.final_window_s, budget.spent_s
        return Comparison(opened, rng, clock, window_s, lanes.sentinel, question, stretch, stage)

    contest = Contest(lanes, baseline, plan.invited, compare, rng, budget.looks, question)
    try:
        contest.play(plan.rounds // stretch, budget, strategy, on_round)
    except Interrupted as stop:
        return contest.sum_up(str(stop), interrupted=True)
    except LaneError as error:
        if not contest.rounds:
            raise
        return contest.sum_up(f"the hint's lane: {error}")
    return contest.sum_up()
