"""Seconds and trials of one run."""

from __future__ import annotations

from collections.abc import Callable


class Budget:
    """Seconds and trials of one run, counted from when it is made."""

    def __init__(self, seconds: float, trials: int | None, now: Callable[[], float]) -> None:
        """Start the clock; `trials` of None allows as many as there is time for."""
        self.seconds, self.trials = seconds, trials
        self._now, self._began = now, now()

    def spent_s(self) -> float:
        """Return the seconds since the run began."""
        return self._now() - self._began

    def left_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self.seconds - self.spent_s())
