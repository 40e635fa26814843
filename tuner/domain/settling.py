"""How much longer a search is expected to take until its answer is sure, by the noise and costs so far.

It is rough: of 27 replayed searches of 60 s that went on, 10 were settled before half of that time, 4 between
half and twice of it, 13 later. Where something is faster, it is often found sooner; where nothing is, a space
that grows and configurations that look fast by luck take longer (`python -m tests.benchmarks.settling`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from statistics import fmean

from tuner.domain.sample import Round
from tuner.domain.stats import LEAST_SITTINGS
from tuner.domain.trial import Final
from tuner.domain.verdict import GAIN_WORTH_FINDING, MINIMUM_GAIN, gains_of

FULL_FINAL = 12
"""Sittings that a final takes where there is time."""

LEAST_FINAL_SHARE = 0.25
"""Share of a search that its final takes at least."""

NARROWEST = 0.004
"""The least distance of an estimate from its bound (log-ratio): an estimate is not more exact than that."""


def seconds_to_settle(final: Final, costs_s: Sequence[float], least_s: float = 0.0) -> float:
    """Return how long another run is expected to take until the answer is no longer open.

    Every open configuration is expected to take its trials, and the final as many sittings as narrow its
    intervals enough, which shrink with the square root of their number.

    Args:
        final: The final that left the answer open.
        costs_s: Seconds that the trials of each open configuration take.
        least_s: The least budget that has the time for one window of each.
    """
    trials_s = sum(costs_s)
    final_s = _sittings(final) * _sitting_s(final.rounds)
    return max(trials_s + final_s, trials_s / (1 - LEAST_FINAL_SHARE), least_s)


def _sittings(final: Final) -> float:
    """Return how many sittings the intervals need: to show a gain, or to rule it out for every finalist."""
    gains = gains_of(final)
    if not gains or any(gain.sittings < LEAST_SITTINGS for gain, _ in gains):
        return FULL_FINAL
    to_win, to_keep = math.inf, 0.0
    for claimed, alone in gains:
        log_ratio, sittings = math.log(alone.ratio), alone.sittings
        above = max(log_ratio - math.log1p(MINIMUM_GAIN), 0.0)
        below = max(math.log1p(GAIN_WORTH_FINDING) - log_ratio, NARROWEST)
        if above:
            to_win = min(to_win, sittings * (claimed.half_width / max(above, NARROWEST)) ** 2)
        to_keep = max(to_keep, sittings * (alone.half_width / below) ** 2)
    return max(min(to_win, to_keep), FULL_FINAL)


def _sitting_s(rounds: Sequence[Round]) -> float:
    """Return the mean seconds from one sitting's beginning to the next one's."""
    begins = [next(sitting).at_s for _, sitting in groupby(rounds, key=lambda played: played.sitting)]
    apart = [later - earlier for earlier, later in pairwise(begins)]
    return fmean(apart) if apart else 0.0
