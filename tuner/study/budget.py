"""How a search spends its time: trials first, the final inside the same budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

FINAL_ROUNDS = 40
"""Rounds that a final is given when time allows."""

FINAL_SHARE = (0.25, 0.5)
"""Least and greatest share of the budget that is kept for the final."""

DEAREST_WINDOW_SHARE = 0.05
"""Share of the budget that one window of a candidate may take at most."""

DEAR_WINDOW_S = 1.0
"""A window longer than this is dear: tried only while the trend leads there."""

TRIAL_SHARE = 0.08
"""Share of the budget that the rounds of one trial may take at most."""


class Budget:
    """Seconds and trials of one run, counted from when it is made."""

    def __init__(self, seconds: float, trials: int | None, now: Callable[[], float]) -> None:
        """Start the clock; `trials` of None means as many as time allows."""
        self.seconds, self.trials = seconds, trials
        self._now, self._began = now, now()

    def spent_s(self) -> float:
        """Return seconds since the run began."""
        return self._now() - self._began

    def left_s(self) -> float:
        """Return seconds left, never below zero."""
        return max(0.0, self.seconds - self.spent_s())

    def final_reserve_s(self, open_s: Sequence[float], window_s: Sequence[float]) -> float:
        """Return what the final wants, by what opening and one window of each of its lanes take."""
        wanted = sum(open_s) + (FINAL_ROUNDS + 1) * sum(window_s)
        least, most = (share * self.seconds for share in FINAL_SHARE)
        return min(max(wanted, least), most)
