"""What to try where nothing gains so far: what may still be faster, so that the answer becomes sure."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.survey import Survey
from tuner.domain.surveying import WIDER, survey
from tuner.domain.trial import Final
from tuner.domain.verdict import GAIN_WORTH_FINDING
from tuner.tuning.budget import Budget
from tuner.tuning.exploration import Exploration
from tuner.tuning.strategy import Strategy

FIRST_TRIALS = 6
"""Trials that are the proposer's alone; from fewer, the trend of a space says little."""

DEAR_WINDOWS = 3
"""Windows that a trial of a dear configuration takes at least."""


@dataclass(frozen=True, slots=True)
class OpenPoints:
    """Proposes configurations that may still be faster, while no trial shows a gain worth finding."""

    history: History
    exploration: Exploration
    budget: Budget
    strategy: Strategy

    def next(self, left_s: float) -> Configuration | None:
        """Return the most promising open configuration, or None if another way is better.

        One that was measured is measured again where that promises more. Those with expensive windows come
        last: they would make the final expensive, too.
        """
        best = self.history.best()
        if best and best.ratio > 1 + GAIN_WORTH_FINDING:
            return None
        if not self.history.trials[0].keeps_limits:  # the hint will not be kept
            return None
        if len(self.history.measured()) < FIRST_TRIALS:
            return None
        most_s = self.strategy.expensive_window_s
        known = self.survey(None, WIDER)
        if known.unlisted:  # only what was measured would be tried, again and again
            return None
        cheap = (each for each in known.promising if self.history.window_s(each) <= most_s)
        return next((each for each in cheap if self.exploration.affords(each, left_s)), None)

    def last(self, left_s: float) -> Configuration | None:
        """Return what to measure when nothing else is left, perhaps again; None if nothing is open."""
        known = self.survey(None, WIDER)
        still_open = () if known.gains else (*known.doubtful, *known.unmeasured)
        return next((each for each in still_open if self._fits(each, left_s)), None)

    def survey(self, final: Final | None, wider: float = 1.0) -> Survey:
        """Return what is known of all configurations; `wider` is how many times intervals are widened."""
        exploration, spaces = self.exploration, self.exploration.growth.points.spaces
        return survey(self.history, spaces, final, exploration.impossible, wider, exploration.vanished)

    def costs_s(self, known: Survey) -> list[float]:
        """Return the seconds that the trials of each open configuration are expected to take."""
        trial_s = self.history.trial_s()
        listed = (*known.unmeasured, *known.doubtful)
        costs_s = [max(trial_s, DEAR_WINDOWS * self.history.window_s(each)) for each in listed]
        return [known.trials_each * cost_s for cost_s in (*costs_s, known.unlisted * trial_s)]

    def _fits(self, configuration: Configuration, left_s: float) -> bool:
        """Return whether there is time for it, also where the trend does not lead there."""
        if self.exploration.is_running(configuration):
            return False
        most_s = self.strategy.window_share * self.budget.seconds
        return self.history.open_s(configuration) <= left_s and self.history.window_s(configuration) <= most_s
