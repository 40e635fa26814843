"""A trial: compile a configuration and duel it against the baseline."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import replace

from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.front import is_dominated
from tuner.domain.history import History
from tuner.domain.pruning import Decision
from tuner.domain.question import Question
from tuner.domain.stats import speedup
from tuner.domain.trial import Trial
from tuner.errors import LaneError
from tuner.measure.comparison import Comparison, duel
from tuner.measure.lane import DeviceLeftOut, Lane, Lanes, LoadError, require_all_devices
from tuner.measure.left_out import with_the_setting
from tuner.measure.reference import agreement_of
from tuner.tuning.budget import Budget
from tuner.tuning.hint import Hint
from tuner.tuning.strategy import Strategy


class _HintCannotFollow(LoadError):
    """The baseline cannot follow the load, which says nothing of the candidate beside it.

    Attributes:
        effective: What the candidate compiled to.
    """

    def __init__(self, error: LoadError, effective: Effective) -> None:
        super().__init__(f"the hint {error}")
        self.effective = effective


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
        question: Question,
    ) -> None:
        """Share the search's lanes, history, budget, strategy, random numbers and question."""
        self._lanes, self._baseline, self._history = lanes, baseline, history
        self._budget, self._strategy, self._rng, self._question = budget, strategy, rng, question
        self._stage = rng.randrange(1, 2**31) if question.holding else 0

    def run(self, configuration: Configuration) -> Trial:
        """Compile and measure a configuration; if anything goes wrong in its lane, the trial has failed.

        If the baseline's lane dies meanwhile, it is opened again and the trial is repeated once. Where the
        baseline cannot follow a load, also when repeated, the trial is pruned: it has not failed. A
        configuration that was tried before is measured again; another that compiles to the same is not.

        Raises:
            LaneError: The baseline's lane died, and does not open again, or the time is over.
        """
        began_s = self._budget.spent_s()
        trial = self._measured_or_failed(configuration)
        return replace(trial, took_s=self._budget.spent_s() - began_s)

    def why_it_fails(self, configuration: Configuration) -> str | None:
        """Return why a configuration no longer runs, or None if it does."""
        try:
            with closing(self._lanes.open(configuration)) as lane:
                require_all_devices(configuration, lane)
        except LaneError as error:
            return str(error)
        return None

    def _measured_or_failed(self, configuration: Configuration) -> Trial:
        ended = Trial(len(self._history.trials), configuration, "failed")
        for _ in range(2):
            try:
                return self._open_and_measure(configuration)
            except _HintCannotFollow as error:
                ended = replace(ended, state="pruned", effective=error.effective, reason=str(error))
                self._require_time_or_hint(error)
            except LaneError as error:
                ended = replace(ended, state="failed", effective=None, reason=str(error))
                self._require_time_or_hint(error)
            if not self._baseline.reopen_if_dead():
                break
        return ended

    def _require_time_or_hint(self, error: LaneError) -> None:
        """Raise the error if the baseline's lane is dead and there is no time to open it again."""
        if not (self._baseline.lane.alive() or self._budget.left_s()):
            raise error

    def _open_and_measure(self, configuration: Configuration) -> Trial:
        number = len(self._history.trials)
        with closing(self._lanes.open(configuration)) as lane:
            try:
                require_all_devices(configuration, lane)
            except DeviceLeftOut as left_out:
                lane.close()
                raise LaneError(with_the_setting(left_out, self._lanes, configuration)) from left_out
            known = self._history.same(lane.facts.effective)
            if known is None or self._history.was_tried(configuration):
                try:
                    return self._judged(number, configuration, lane)
                except LoadError as error:
                    if lane.alive():
                        raise _HintCannotFollow(error, lane.facts.effective) from error
                    effective = lane.facts.effective
                    return Trial(number, configuration, "pruned", effective=effective, reason=str(error))
            return Trial(
                number,
                configuration,
                "duplicate",
                effective=lane.facts.effective,
                speedup=known.speedup,
                reason=f"same as trial {known.number} ({known.configuration})",
                excess=known.excess,
            )

    def _judged(self, number: int, configuration: Configuration, lane: Lane) -> Trial:
        """Measure a lane, unless its outputs differ from those in f32 by more than is allowed."""
        agreement = agreement_of(self._lanes, lane)
        if why := self._question.too_far(agreement):
            return Trial(number, configuration, "refused", effective=lane.facts.effective, reason=why)
        return self._measure(number, configuration, lane, agreement)

    def _measure(
        self, number: int, configuration: Configuration, lane: Lane, agreement: Agreement | None
    ) -> Trial:
        strategy, pair = self._strategy, [self._baseline.lane, lane]
        clock = self._budget.spent_s
        question, sentinel = self._question, self._lanes.sentinel
        comparison = Comparison(
            pair,
            self._rng,
            clock,
            strategy.window_s,
            sentinel,
            question,
            stage=self._stage,
            start_fps=self._history.baseline_boundary(),
            best_ratio=self._history.best_ratio() if question.holding else 0.0,
        )
        ends_at = self._budget.spent_s() + strategy.trial_share * self._budget.seconds
        decision = duel(
            comparison,
            strategy.rule(self._history),
            out_of_time=lambda: self._budget.spent_s() > ends_at,
            hopeless=lambda: self._is_hopeless(comparison),
        )
        measured = replace(comparison.measured(1), agreement=agreement)
        return Trial(
            number,
            configuration,
            "measured" if decision is Decision.ENOUGH else "pruned",
            rounds=tuple(comparison.rounds),
            effective=lane.facts.effective,
            speedup=replace(speedup(comparison.log_ratios()), metric=question.metric),
            measured=measured,
            reason=question.why_not(measured) or self._beaten(decision, comparison),
            excess=question.excess(measured),
            window_s=comparison.window_s(1),
            compile_s=lane.facts.compile_s,
            reopen_s=lane.facts.reopen_s,
            unsteady=comparison.unsteady,
        )

    def _beaten(self, decision: Decision, comparison: Comparison) -> str | None:
        """Return in words that another trial is better in both figures of a front, where that is why."""
        dominated = decision is Decision.HOPELESS and self._is_off_the_front(comparison)
        return "another trial is better in throughput and in latency" if dominated else None

    def _is_off_the_front(self, comparison: Comparison) -> bool:
        return self._question.objective == "pareto" and is_dominated(
            [played.gains() for played in comparison.rounds], self._history.gains_in_both()
        )

    def _is_hopeless(self, comparison: Comparison) -> bool:
        """Return whether a candidate surely breaks a limit, or other trials are clearly better in all."""
        question = self._question
        if question.limits and question.surely_broken(comparison.by_window(1)):
            return True
        return self._is_off_the_front(comparison)


def takes_more_than_its_share(
    configuration: Configuration, history: History, budget: Budget, strategy: Strategy
) -> bool:
    """Return whether a single window of a configuration would take more than its share of the budget."""
    return history.window_s(configuration) > strategy.window_share * budget.seconds


def too_expensive(
    configuration: Configuration, history: History, budget: Budget, strategy: Strategy, left_s: float
) -> bool:
    """Return whether measuring a configuration costs more time than it is worth.

    Configurations with expensive windows are tried only while the trend leads there: when the best so far
    has at least half their batch. A configuration that would not compile in the `left_s` seconds before the
    final is not tried.
    """
    if history.open_s(configuration) > left_s or takes_more_than_its_share(
        configuration, history, budget, strategy
    ):
        return True
    window_s = history.window_s(configuration)
    best = history.best()
    best_batch = best.configuration.batch if best else 1
    return window_s > strategy.expensive_window_s and configuration.batch > 2 * best_batch
