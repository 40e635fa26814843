"""The loop: ask for a configuration, duel it against the baseline, tell what came of it."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.properties import DEVICE_PROPERTIES, as_text
from tuner.domain.pruning import Decision
from tuner.domain.stats import speedup
from tuner.domain.trial import Trial
from tuner.errors import LaneError
from tuner.measure.comparison import Comparison, duel
from tuner.measure.lane import DeviceLeftOut, Lane, Lanes, require_all_devices
from tuner.tuning.budget import Budget
from tuner.tuning.hint import Hint
from tuner.tuning.strategy import Strategy


class TrialRunner:
    """Runs single trials against one baseline."""

    def __init__(
        self,
        lanes: Lanes,
        baseline: Hint,
        history: History,
        budget: Budget,
        strategy: Strategy,
        rng: random.Random,
    ) -> None:
        """Share the search's lanes, history, budget, strategy and random numbers."""
        self._lanes, self._baseline, self._history = lanes, baseline, history
        self._budget, self._strategy, self._rng = budget, strategy, rng

    def run(self, configuration: Configuration) -> Trial:
        """Compile and measure a configuration; whatever goes wrong in its lane is its own failure.

        A baseline that dies meanwhile is opened again and the trial repeated, once.
        """
        began_s = self._budget.spent_s()
        trial = self._ended(configuration)
        return replace(trial, took_s=self._budget.spent_s() - began_s)

    def refusal(self, configuration: Configuration) -> str | None:
        """Return why a configuration that has run does not run any more, or None: it does."""
        try:
            with closing(self._lanes.open(configuration)) as lane:
                require_all_devices(configuration, lane)
        except LaneError as error:
            return str(error)
        return None

    def _ended(self, configuration: Configuration) -> Trial:
        failure = ""
        for _ in range(2):
            try:
                return self._run(configuration)
            except LaneError as error:
                failure = str(error)
            if not self._baseline.reopen_if_dead():
                break
        return Trial(len(self._history.trials), configuration, "failed", reason=failure)

    def _run(self, configuration: Configuration) -> Trial:
        number = len(self._history.trials)
        with closing(self._lanes.open(configuration)) as lane:
            try:
                require_all_devices(configuration, lane)
            except DeviceLeftOut as silent:
                lane.close()
                raise LaneError(self._blame(configuration, silent)) from silent
            known = self._history.same(lane.facts.effective)
            if known is None:
                return self._measure(number, configuration, lane)
            return Trial(
                number,
                configuration,
                "duplicate",
                effective=lane.facts.effective,
                speedup=known.speedup,
                reason=f"same as trial {known.number} ({known.configuration})",
            )

    def _blame(self, configuration: Configuration, silent: DeviceLeftOut) -> str:
        """Say which of its settings a device was left out for, by leaving each out in turn."""
        own = configuration.plain_properties.get(DEVICE_PROPERTIES, {})
        for device in silent.devices:
            for name, value in own.get(device, {}).items():
                if not self._lacks(configuration.without(device, name), device):
                    return f"{silent} for {name}={as_text(value)}; without that, {device} takes part"
        return str(silent)

    def _lacks(self, configuration: Configuration, device: str) -> bool:
        try:
            with closing(self._lanes.open(configuration)) as lane:
                return device in lane.facts.effective.lacks(configuration.device)
        except LaneError:
            return True

    def _measure(self, number: int, configuration: Configuration, lane: Lane) -> Trial:
        strategy, pair = self._strategy, [self._baseline.lane, lane]
        comparison = Comparison(pair, self._rng, self._budget.spent_s, strategy.window_s)
        ends_at = self._budget.spent_s() + strategy.trial_share * self._budget.seconds
        decision = duel(
            comparison,
            strategy.rule(self._history.to_beat()),
            out_of_time=lambda: self._budget.spent_s() > ends_at,
        )
        return Trial(
            number,
            configuration,
            "pruned" if decision is Decision.WORSE else "measured",
            rounds=tuple(comparison.rounds),
            effective=lane.facts.effective,
            speedup=speedup(comparison.log_ratios()),
            measured=comparison.measured(1),
            window_s=comparison.window_s(1),
            compile_s=lane.facts.compile_s,
            reopen_s=lane.facts.reopen_s,
        )


def too_dear(
    configuration: Configuration, history: History, budget: Budget, strategy: Strategy, left_s: float
) -> bool:
    """Whether a window of this configuration costs more than it promises.

    Dear ones are tried only while the trend leads there: when the best so far has at least half
    their batch. What would not compile in the `left_s` seconds before the final is not begun.
    """
    if history.open_s(configuration) > left_s:
        return True
    window_s = history.window_s(configuration)
    if window_s > strategy.dearest_window_share * budget.seconds:
        return True
    best = history.best()
    best_batch = best.configuration.batch if best else 1
    return window_s > strategy.dear_window_s and configuration.batch > 2 * best_batch
