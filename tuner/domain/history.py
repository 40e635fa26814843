"""What a search knows so far: its trials, their duplicates, and how long another window would take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import fmean, median

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.pruning import at_a_look
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.result import Outcome
from tuner.domain.sample import Gains
from tuner.domain.space import Bounds, Space
from tuner.domain.stats import Speedup
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.domain.verdict import Verdict

CYCLES_A_WINDOW = 4
"""Cycles that a window of a heavy configuration lasts: a dropped cycle, a counted one, up to one more until
all requests have finished theirs, and one until the queue is empty."""

CAUTION = 2.0
"""Standard errors by which trials rank below their estimate; replayed searches pick the same with 1 and 3."""

LEAST_NOISE, UNKNOWN_NOISE = 0.01, 0.1
"""How far rounds stray at least, and while there are too few to tell; on the logarithmic scale."""

GO_ON = "run the same command again to go on"


class History:
    """Trials in the order in which they ended, with the questions that a search asks about them.

    Attributes:
        trials: All of them.
        over_a_limit: What breaks a limit that more items in flight break even more.
    """

    def __init__(
        self, trials: Iterable[Trial] = (), bounds: Bounds | None = None, question: Question = THROUGHPUT
    ) -> None:
        """Begin with the trials of earlier runs; only what the `bounds` of this run allow is a candidate."""
        self.trials: list[Trial] = []
        self._bounds, self._question = bounds or Bounds(), question
        self._by_configuration: dict[Configuration, Trial] = {}
        self._by_effective: dict[Effective, Trial] = {}
        self._compiled: dict[Configuration, Effective] = {}
        self._forms: dict[Effective | None, list[Configuration]] = {}
        self._looks: dict[int, tuple[Trial, Speedup]] = {}
        self._strayed: list[float] = []
        self._noise = UNKNOWN_NOISE
        self.over_a_limit: list[Configuration] = []
        self._repeated: set[int] = set()
        for trial in trials:
            self.add(trial)

    def add(self, trial: Trial) -> None:
        """Add a trial that ended."""
        self.trials.append(trial)
        self._by_configuration[trial.configuration] = trial
        if trial.measured and not self._question.arrives and self._question.outgrown(trial.measured):
            self.over_a_limit.append(trial.configuration)
        if trial.effective and self._bounds.allow(trial.configuration):
            self._forms.setdefault(trial.effective, []).append(trial.configuration)
        if trial.effective:
            self._compiled[_without_requests(trial.configuration)] = trial.effective
            if trial.speedup and (trial.rounds or trial.effective not in self._by_effective):
                if before := self._by_effective.get(trial.effective):
                    self._repeated.add(before.number)
                self._by_effective[trial.effective] = trial
        self._learn_noise(trial)

    def margin(self, trial: Trial) -> float:
        """Return how far a trial is from the nearest limit that another process may break, as a log-ratio."""
        return self._question.margin(trial.measured)

    def began_with(self, target: Target) -> bool:
        """Return whether all trials were compared with the hint on this target."""
        return bool(self.trials) and target.covers(self.trials[0].configuration.device)

    def same(self, effective: Effective) -> Trial | None:
        """Return the measured trial with this effective configuration, the latest if it was repeated."""
        return self._by_effective.get(effective)

    def was_tried(self, configuration: Configuration) -> bool:
        """Return whether a trial was of this very configuration."""
        return configuration in self._by_configuration

    def knows(self, configuration: Configuration) -> Trial | None:
        """Return the trial that makes a trial of `configuration` unnecessary, or None."""
        if known := self._by_configuration.get(configuration):
            return known
        compiled = self._compiled.get(_without_requests(configuration))
        same = self.same(replace(compiled, requests=configuration.requests)) if compiled else None
        return same if same and same.effective in self._forms else None

    def covered(self, space: Space) -> int:
        """Return how many points of a space need no further trial."""
        tried = (point for known in self._by_configuration if (point := space.point(known)))
        beside = {space.configuration(each) for point in tried for each in space.with_every_count(point)}
        return sum(self.knows(configuration) is not None for configuration in beside)

    def rounds_by_program(self) -> dict[Effective, list[list[float]]]:
        """Return the log-ratios of each program's rounds, a list for each of its trials."""
        found: dict[Effective, list[list[float]]] = {}
        for trial in self.trials:
            if trial.effective and trial.rounds:
                logs = [played.log_ratio() for played in trial.rounds]
                found.setdefault(trial.effective, []).append(logs)
        return found

    def simplest_form(self, trial: Trial) -> Configuration:
        """Return the simplest allowed configuration that has the trial's effective configuration."""
        forms = self._forms.get(trial.effective, [trial.configuration])
        return min(forms, key=lambda form: form.complexity)

    def measured(self) -> list[Trial]:
        """Return the candidates' trials with an estimate, the highest lower bound first.

        How far rounds stray is learnt from all duels together, so that a trial of two rounds, for which
        there was no time for more, has a lower bound as well. Trials no better than the baseline come last,
        and after them those that break a limit, the closest miss first. Of a configuration that was measured
        again, only the latest trial counts: it was repeated because the first looked good, perhaps by luck.
        """
        candidates = [
            trial
            for trial in self.trials
            if trial.speedup
            and trial.rounds
            and trial.effective in self._forms
            and trial.number not in self._repeated
        ]
        return sorted(
            candidates,
            key=lambda trial: (
                max(trial.excess or 0.0, 0.0),
                trial.ratio <= self.floor,
                -self._lower_bound(trial),
            ),
        )

    def best(self) -> Trial | None:
        """Return the trial with the highest estimate among those not pruned, or None if the hint is best.

        It keeps all limits, as far as its trial tells. A hint that breaks one is never best.
        """
        complete = [trial for trial in self.measured() if trial.state == "measured" and trial.keeps_limits]
        best = max(complete, key=lambda trial: trial.ratio, default=None)
        return best if best and best.ratio > self.floor else None

    @property
    def floor(self) -> float:
        """The ratio that a candidate has to beat in any case: the hint's, or 0 where that breaks a limit."""
        return 1.0 if self.trials[0].keeps_limits else 0.0

    def may_tie(self, trial: Trial, best: Trial) -> bool:
        """Return whether a trial may be as fast as the best, by the intervals of their rounds so far."""
        return self._look(trial).high >= self._look(best).low

    def gains(self, trial: Trial, over: Trial, least: float) -> bool:
        """Return whether a trial is faster than another one by a factor, and by more than noise explains."""
        apart = math.log(trial.ratio / over.ratio) if over.ratio else math.inf
        return apart >= max(math.log(least), CAUTION * math.hypot(self._error(trial), self._error(over)))

    def to_beat(self) -> Speedup | None:
        """Return the best trial's speedup with the interval that duels use, or None if the hint is best."""
        best = self.best()
        return self._look(best) if best else None

    def best_ratio(self) -> float:
        """Return a lower bound of the best trial's ratio so far, 1 while that is the hint."""
        best = self.best()
        return math.exp(self._lower_bound(best)) if best else 1.0

    def baseline_boundary(self) -> float:
        """Return the highest rate of arrivals that the hint held, as far as known; 0 for other questions."""
        measured = self.trials[0].measured
        return measured.throughput_fps if measured and self._question.holding else 0.0

    def gains_in_both(self) -> list[Gains]:
        """Return the gains in throughput and in latency of every trial that has them and keeps all limits."""
        return [trial.gains for trial in self.trials if trial.gains and trial.keeps_limits]

    def window_s(self, configuration: Configuration) -> float:
        """Predict the seconds of a window of a configuration, from the highest rate so far."""
        if self._question.load:
            return self._question.load.window_s
        if self._question.holding:  # as long as items take to arrive at the rates that were tried
            return median(trial.window_s for trial in self.trials if trial.window_s)
        rates = [trial.measured.throughput_fps for trial in self.trials if trial.measured]
        fps = max(rates, default=float("inf"))
        return CYCLES_A_WINDOW * configuration.copies * configuration.items_in_flight / fps

    def most_in_flight(self) -> int:
        """Return the most items in flight of the hint and of the trials that keep all limits."""
        keeping = (trial for trial in self.trials[1:] if trial.measured and trial.keeps_limits)
        return max(trial.configuration.items_in_flight for trial in (self.trials[0], *keeping))

    def trial_s(self) -> float:
        """Return the mean seconds of the trials that were measured; 0 before there is one."""
        took = [trial.took_s for trial in self.trials if trial.took_s and trial.rounds]
        return fmean(took) if took else 0.0

    def open_s(self, configuration: Configuration) -> float:
        """Predict the seconds to compile a configuration, from earlier ones of its target."""
        known = [trial for trial in self.trials if trial.compile_s]
        wanted = _without_requests(configuration)
        same = [trial for trial in known if _without_requests(trial.configuration) == wanted]
        if same:
            return min(trial.reopen_s or trial.compile_s or 0.0 for trial in same)
        target = target_of(configuration.device)
        own = [trial.compile_s or 0.0 for trial in known if target.covers(trial.configuration.device)]
        return median(own) if own else 0.0

    def _learn_noise(self, trial: Trial) -> None:
        """Learn how far a trial's rounds stray from their median, as a robust deviation over all trials."""
        logs = [played.log_ratio() for played in trial.rounds]
        if len(logs) > 1:
            middle, widen = median(logs), math.sqrt(len(logs) / (len(logs) - 1))
            self._strayed += [widen * abs(log - middle) for log in logs]
            self._noise = max(LEAST_NOISE, 1.4826 * median(self._strayed))

    def _lower_bound(self, trial: Trial) -> float:
        """Return a lower bound of a trial's log-ratio."""
        return math.log(trial.ratio) - CAUTION * self._error(trial)

    def _error(self, trial: Trial) -> float:
        """Return the standard error of a trial's log-ratio."""
        return self._noise / math.sqrt(len(trial.rounds) or 1)

    def _look(self, trial: Trial) -> Speedup:
        """Return a trial's estimate with the interval that duels use; it is computed once."""
        if id(trial) not in self._looks:
            self._looks[id(trial)] = trial, at_a_look([played.log_ratio() for played in trial.rounds])
        return self._looks[id(trial)][1]

    def baseline_fps(self) -> Sequence[float]:
        """Return the baseline's rate in every round so far."""
        return [played.rates_fps[0] for trial in self.trials for played in trial.rounds]


def unfinished(history: History, why: str, advice: str = GO_ON) -> Outcome:
    """Return the outcome of a search without a whole final: keep the hint, and name the best so far.

    Trials prove nothing, so the best so far is not what to deploy. It is the verdict's `closest`. `advice`
    says what to do.
    """
    hint, best = history.trials[0].as_candidate(), history.best()
    verdict = Verdict("inconclusive", hint, why=f"{why}; {advice}")
    if best:
        verdict = replace(verdict, speedup=best.speedup, closest=history.simplest_form(best))
    return Outcome(hint, verdict, hint)


def _without_requests(configuration: Configuration) -> Configuration:
    return replace(configuration, requests=0)
