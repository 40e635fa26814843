"""How a search spends its time: all choices that were made from data, in one place.

`python -m tests.benchmarks.strategies` compares them with other choices on replayed landscapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from tuner.domain.history import History
from tuner.domain.place import Quota
from tuner.domain.pruning import StopRule
from tuner.domain.question import Question
from tuner.domain.space import Space
from tuner.domain.trial import Trial
from tuner.measure.comparison import WINDOW_S
from tuner.tuning.proposals import BOTH, Proposer


def to_beat_the_best(history: History) -> StopRule:
    """Return the rule of a duel in which a candidate has to beat the best so far."""
    return StopRule(history.to_beat(), floor=history.floor)


@dataclass(frozen=True, slots=True)
class Strategy:
    """What to try in which order, and how long to measure it.

    Attributes:
        proposer: Makes a proposer of configurations, from the space, the model's own batch, a seed and
            the known trials.
        window_s: Length of a trial's window; lanes stretch it to whole cycles.
        final_window_s: Length of a final's window.
        rule: Makes the rule that ends a duel, from what is known so far.
        trial_share: Greatest share of the budget for the rounds of one trial.
        window_share: Greatest share of the budget for a single window of a candidate.
        expensive_window_s: A longer window is expensive: tried only while the trend leads there.
        finalists: How many of the best are invited to the final; the best with the model's own batch is
            added if it is not among them.
        sittings: Sittings for which time is reserved, each with fresh lanes; with more time, a final
            goes on until its intervals are precise.
        precise: Half an interval's width, on the logarithmic scale, that is precise enough.
        enough_sittings: With fewer sittings, rounds are given up for another sitting, then finalists.
        sitting_rounds: Rounds of a sitting, when time allows.
        least_rounds: Rounds of a sitting below which finalists are given up first.
        switch_share: Share of the budget, before the final, for switches around the best configuration.
        final_share: Least and greatest share of the budget that is reserved for the final.
        short_final_share: The greatest share while nothing gains, and trials can still rule a gain out.
    """

    proposer: Callable[[Space, int, int, Iterable[Trial]], Proposer] = Proposer
    window_s: float = WINDOW_S
    final_window_s: float = WINDOW_S
    rule: Callable[[History], StopRule] = to_beat_the_best
    trial_share: float = 0.08
    window_share: float = 0.05
    expensive_window_s: float = 1.0
    finalists: int = 2
    sittings: int = 12
    precise: float = 0.005
    enough_sittings: int = 8
    sitting_rounds: int = 4
    least_rounds: int = 3
    switch_share: float = 0.15
    final_share: tuple[float, float] = (0.25, 0.5)
    short_final_share: float = 0.3


LATENCY_WINDOW_S = 0.25
"""Length of a window where p99 latency is compared: a sitting then holds a hundred requests of 10 ms."""


FEW_ROUNDS = 3
"""Rounds of a duel about the highest rate of arrivals."""

FRONT_ROUNDS, FRONT_PRECISE = 4, 0.01
"""Rounds of a duel, and half of an interval (log scale), that are enough for a place on a front.

Two rounds are enough for most, which others beat in both figures. With these, windows of 0.1 s and a short
final, replayed searches of 60 s found 0.988 of the front in the median (`reports/evidence`). With three
rounds for all, windows of 0.25 s and half of the time for the final it was 0.873."""


def strategy_for(question: Question) -> Strategy:
    """Return how to search for the answer to a question."""
    if question.arrives:  # windows last as long as items take to arrive, whatever the configuration
        usual = Strategy(expensive_window_s=math.inf)
        return replace(usual, rule=in_few_rounds, window_share=1.0) if question.holding else usual
    if question.objective == "pareto":
        return Strategy(
            proposer=partial(Proposer, goals=BOTH),
            rule=to_find_the_front,
            window_share=0.02,
            final_window_s=LATENCY_WINDOW_S,
            final_share=(0.1, 0.2),
            short_final_share=0.15,
        )
    if question.objective == "latency":
        return Strategy(window_s=LATENCY_WINDOW_S, final_window_s=LATENCY_WINDOW_S)
    return Strategy()


def in_few_rounds(history: History) -> StopRule:
    """Return the rule of a duel whose every round is a search by itself, of which there is time for few."""
    return replace(to_beat_the_best(history), max_rounds=FEW_ROUNDS)


PERIODS = 5
"""Periods of a quota that a window lasts at least: a shorter one sees either a burst or a stall."""


def within(strategy: Strategy, quota: Quota | None) -> Strategy:
    """Return how to search where CPU time is limited."""
    least_s = PERIODS * quota.period_s if quota else 0.0
    return replace(
        strategy,
        window_s=max(strategy.window_s, least_s),
        final_window_s=max(strategy.final_window_s, least_s),
    )


def to_find_the_front(_history: History) -> StopRule:
    """Return the rule of a duel in which no other is to be beaten: a front wants few rounds of many."""
    return StopRule(precise=FRONT_PRECISE, max_rounds=FRONT_ROUNDS, floor=0.0)
