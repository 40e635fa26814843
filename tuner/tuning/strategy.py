"""How a search spends its time: every choice that was made by data, in one place.

`python -m tests.benchmarks.strategies` compares these choices with others on replayed landscapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tuner.domain.pruning import StopRule
from tuner.domain.space import Space
from tuner.domain.stats import Speedup
from tuner.domain.trial import Trial
from tuner.measure.comparison import WINDOW_S
from tuner.tuning.proposals import Proposer


@dataclass(frozen=True, slots=True)
class Strategy:
    """What to try in which order, and how long to look at it.

    Attributes:
        proposer: Makes what proposes configurations, from the space, the model's own batch, a
            seed and the trials known already.
        window_s: Length of a window; lanes stretch it to whole cycles.
        rule: Makes the rule that ends a duel, from the best speedup so far.
        trial_share: Share of the budget that the rounds of one trial may take at most.
        dearest_window_share: Share of the budget that one window of a candidate may take at most.
        dear_window_s: A window longer than this is dear: tried only while the trend leads there.
        finalists: Best ones invited to the final; the best with the model's own batch comes on
            top where it is not among them.
        sittings: Sittings for which time is kept, each with fresh lanes; a final with more time
            goes on until its intervals are precise.
        precise: Half an interval's width, on the logarithmic scale, that is precise enough.
        enough_sittings: Below this many, rounds are given up for another sitting, then finalists.
        sitting_rounds: Rounds of a sitting, when time allows.
        least_rounds: Rounds of a sitting below which finalists are given up first.
        switch_share: Share of the budget, at the end of the search, for switches around the best.
        final_share: Least and greatest share of the budget that is kept for the final.
    """

    proposer: Callable[[Space, int, int, Iterable[Trial]], Proposer] = Proposer
    window_s: float = WINDOW_S
    rule: Callable[[Speedup | None], StopRule] = StopRule
    trial_share: float = 0.08
    dearest_window_share: float = 0.05
    dear_window_s: float = 1.0
    finalists: int = 2
    sittings: int = 12
    precise: float = 0.005
    enough_sittings: int = 8
    sitting_rounds: int = 4
    least_rounds: int = 2
    switch_share: float = 0.15
    final_share: tuple[float, float] = (0.25, 0.5)
