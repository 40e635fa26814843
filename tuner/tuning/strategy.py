"""How a search spends its time: all choices that were made from data, in one place.

`python -m tests.benchmarks.strategies` compares them with other choices on replayed landscapes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tuner.domain.pruning import StopRule
from tuner.domain.question import Question
from tuner.domain.space import Space
from tuner.domain.stats import Speedup
from tuner.domain.trial import Trial
from tuner.measure.comparison import WINDOW_S
from tuner.tuning.proposals import Proposer


@dataclass(frozen=True, slots=True)
class Strategy:
    """What to try in which order, and how long to measure it.

    Attributes:
        proposer: Makes a proposer of configurations, from the space, the model's own batch, a seed and
            the known trials.
        window_s: Length of a window; lanes stretch it to whole cycles.
        rule: Makes the rule that ends a duel, from the best speedup so far.
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
    rule: Callable[[Speedup | None], StopRule] = StopRule
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


def strategy_for(question: Question) -> Strategy:
    """Return how to search for the answer to a question."""
    if question.load:  # windows last as long as items take to arrive, whatever the configuration
        return Strategy(expensive_window_s=math.inf)
    return Strategy(window_s=LATENCY_WINDOW_S) if question.objective == "latency" else Strategy()
