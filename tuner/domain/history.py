"""What a search knows so far: trials, what they duplicate, and what another window would cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.pruning import at_a_look
from tuner.domain.result import Outcome
from tuner.domain.space import Space
from tuner.domain.stats import Speedup
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.domain.verdict import Verdict

CYCLES_A_WINDOW = 4
"""Cycles that a heavy window lasts: one dropped, one counted, up to one to finish, one to drain."""


class History:
    """Trials in the order they ended, with the lookups that a search needs."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        """Take over the trials of earlier runs."""
        self.trials: list[Trial] = []
        self._by_configuration: dict[Configuration, Trial] = {}
        self._by_effective: dict[Effective, Trial] = {}
        self._compiled: dict[Configuration, Effective] = {}
        self._looks: dict[int, tuple[Trial, Speedup]] = {}
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Add a trial that ended."""
        self.trials.append(trial)
        self._by_configuration[trial.configuration] = trial
        if trial.effective:
            self._compiled[_without_requests(trial.configuration)] = trial.effective
            if trial.speedup:
                self._by_effective.setdefault(trial.effective, trial)

    def began_with(self, target: Target) -> bool:
        """Return whether all trials were compared with the hint on this target."""
        return bool(self.trials) and target.covers(self.trials[0].configuration.device)

    def same(self, effective: Effective) -> Trial | None:
        """Return the measured trial with this effective configuration."""
        return self._by_effective.get(effective)

    def knows(self, configuration: Configuration) -> Trial | None:
        """Return the trial that makes another one of `configuration` pointless."""
        if known := self._by_configuration.get(configuration):
            return known
        compiled = self._compiled.get(_without_requests(configuration))
        return self.same(replace(compiled, requests=configuration.requests)) if compiled else None

    def covered(self, space: Space) -> int:
        """Return how many points of a space need no trial any more."""
        return sum(self.knows(space.configuration(point)) is not None for point in space.points())

    def simplest_form(self, trial: Trial) -> Configuration:
        """Return the simplest configuration with the trial's effective one."""
        forms = [one.configuration for one in self.trials if one.effective == trial.effective]
        return min(forms, key=lambda one: one.complexity, default=trial.configuration)

    def measured(self) -> list[Trial]:
        """Return trials with an estimate, the baseline excluded, by lower bound, the best first.

        What seems no faster than the baseline comes last: with rounds enough for a bound, it would
        rank above a winner that has too few.
        """
        challengers = [trial for trial in self.trials if trial.speedup and trial.rounds]
        return sorted(challengers, key=lambda one: (one.ratio <= 1.0, -self._look(one).low, -one.ratio))

    def best(self, batch: int | None = None) -> Trial | None:
        """Return the trial with the highest estimate among those not pruned, or None for the hint.

        With `batch`, only trials of that batch count.
        """
        open_ones = [
            trial
            for trial in self.measured()
            if trial.state == "measured" and batch in {None, trial.configuration.batch}
        ]
        best = max(open_ones, key=lambda trial: trial.ratio, default=None)
        return best if best and best.ratio > 1.0 else None

    def may_tie(self, trial: Trial, best: Trial) -> bool:
        """Return whether the rounds so far leave it open that a trial is as fast as the best."""
        return self._look(trial).high >= self._look(best).low

    def to_beat(self) -> Speedup | None:
        """Return the best trial's speedup as a duel looks at it, or None while that is the hint."""
        best = self.best()
        return self._look(best) if best else None

    def window_s(self, configuration: Configuration) -> float:
        """Predict how long one window of a configuration takes, from the best rate seen so far."""
        rates = [trial.measured.throughput_fps for trial in self.trials if trial.measured]
        fps = max(rates, default=float("inf"))
        return CYCLES_A_WINDOW * configuration.batch * configuration.requests / fps

    def open_s(self, configuration: Configuration) -> float:
        """Predict how long a configuration takes to compile, from those that its target compiled so far."""
        known = [trial for trial in self.trials if trial.compile_s]
        wanted = _without_requests(configuration)
        same = [one for one in known if _without_requests(one.configuration) == wanted]
        if same:
            return min(one.reopen_s or one.compile_s or 0.0 for one in same)
        target = target_of(configuration.device)
        own = [one.compile_s or 0.0 for one in known if target.covers(one.configuration.device)]
        return median(own) if own else 0.0

    def _look(self, trial: Trial) -> Speedup:
        """Return a trial's estimate with the interval by which trials are ranked, computed once."""
        if id(trial) not in self._looks:
            self._looks[id(trial)] = trial, at_a_look([each.log_ratio() for each in trial.rounds])
        return self._looks[id(trial)][1]

    def baseline_fps(self) -> Sequence[float]:
        """Return the baseline's rate in every round so far."""
        return [one.rates_fps[0] for trial in self.trials for one in trial.rounds]


def unfinished(history: History, own_batch: int, why: str) -> Outcome:
    """Return what is known of a search that has not ended: its best so far, claimed for nothing."""
    hint, best, own = history.trials[0], history.best(), history.best(batch=own_batch)
    verdict = Verdict("inconclusive", hint.as_candidate(), why=why)
    if best:
        verdict = Verdict("inconclusive", best.as_candidate(), best.speedup, best.configuration, why)
    return Outcome(hint.as_candidate(), verdict, (own or hint).as_candidate())


def _without_requests(configuration: Configuration) -> Configuration:
    return replace(configuration, requests=0)
