"""Seconds and trials of one run."""

from __future__ import annotations

from collections.abc import Callable


class Budget:
    """Seconds and trials of one run, counted from when it is made."""

    def __init__(
        self, seconds: float, trials: int | None, now: Callable[[], float], spent_s: float = 0.0
    ) -> None:
        """Start the clock, after what was spent before; `trials` of None allows as many as fit."""
        self.seconds, self.trials = seconds, trials
        self._now, self._began = now, now() - spent_s

    def spent_s(self) -> float:
        """Return the seconds since the run began."""
        return self._now() - self._began

    def left_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self.seconds - self.spent_s())
