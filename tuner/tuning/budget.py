"""Seconds and trials of one run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """What a budget says at a moment, for another host.

    Attributes:
        seconds: What the run may take.
        spent_s: Seconds since it began.
        looks: How many finals it may hold at most.
    """

    seconds: float
    spent_s: float
    looks: int


class Budget:
    """Seconds and trials of one run, counted from when it is made.

    Attributes:
        seconds: What the run may take now; more after `extend`.
        trials: Greatest number of trials, or None for as many as fit.
        trials_done: Trials of the run so far.
        looks: How many finals the run may hold at most: one, and one after each time that it is extended.
    """

    def __init__(
        self,
        seconds: float,
        trials: int | None,
        now: Callable[[], float],
        spent_s: float = 0.0,
        up_to_s: float = 0.0,
    ) -> None:
        """Start the clock, after what was spent before; the run may be extended to `up_to_s` seconds."""
        self.seconds, self.trials, self.trials_done = seconds, trials, 0
        self._up_to_s = max(seconds, up_to_s)
        self.looks = 1 + math.ceil(math.log2(self._up_to_s / seconds))
        self._now, self._began = now, now() - spent_s

    def spent_s(self) -> float:
        """Return the seconds since the run began."""
        return self._now() - self._began

    def left_s(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self.seconds - self.spent_s())

    def moment(self) -> Moment:
        """Return what the budget says now."""
        return Moment(self.seconds, self.spent_s(), self.looks)

    def follow(self, moment: Moment) -> None:
        """Say from now on what the budget of another host said at a moment."""
        self.seconds, self.looks = moment.seconds, moment.looks
        self._began = self._now() - moment.spent_s

    def allows_a_trial(self, running: int = 0) -> bool:
        """Return whether the run may have another trial beside those that are running, if there is time."""
        return self.trials is None or self.trials_done + running < self.trials

    def extend(self, more_s: float) -> bool:
        """Allow further seconds, and return whether there were any.

        The whole at least doubles, so that the finals are few; where more is expected to be needed, it grows
        as far. An infinite `more_s` means that nothing is expected.
        """
        if self.seconds >= self._up_to_s:
            return False
        expected_s = 0.0 if math.isinf(more_s) else self.spent_s() + more_s
        self.seconds = min(max(2 * self.seconds, expected_s), self._up_to_s)
        return True
