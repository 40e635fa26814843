"""How much longer an open answer takes: the time after which half of such answers are settled.

Nothing can tell it for a single search: two further runs of the same one settle it in times that differ by
a factor of 2.6 (a standard deviation), because one may meet early what the other meets late. So this is a
median over replayed searches; `python -m tests.benchmarks.settling_attempts` compares it with others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

SCALE_S = 5.5
"""Settles half of the replayed answers, times the root of the seconds of the open trials."""

LEAST_TRIALS_S = 15.0
"""Where hardly any trial is open, there is still a final to hold."""

LONGEST_TRIED_S = 960.0
"""The longest run that was tried. A longer prediction, as for a large space, only says that it is more."""


def seconds_to_settle(costs_s: Sequence[float]) -> float:
    """Return the seconds of another run after which half of such answers are settled.

    It grows more slowly than the time of the open trials: a gain is often found before all of them were run.

    Args:
        costs_s: Seconds that the trials of each open configuration take.
    """
    return SCALE_S * math.sqrt(max(sum(costs_s), LEAST_TRIALS_S))
