"""A contest: the baseline and the finalists in every round, over sittings with fresh lanes.

Two processes of the same configuration differ in speed for as long as they live. So a single set of lanes,
however long it is measured, cannot tell whether a configuration is a per cent faster than another;
`tests/benchmarks/luck.py` shows by how much processes differ.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import scipy.special  # noqa: F401  # what intervals need, loaded while there is memory for it

from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.sample import Round, log_ratios_by_sitting
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.domain.trial import POOLED, Candidate, Final, pooled_log_ratios
from tuner.domain.verdict import CONFIDENCE
from tuner.errors import LaneError
from tuner.measure.answers import difference, tolerance
from tuner.measure.comparison import Comparison
from tuner.measure.lane import Answers, BudgetOver, DeviceLeftOut, Lane, Lanes, LoadError, require_all_devices
from tuner.measure.left_out import with_the_setting
from tuner.measure.reference import agreement_of
from tuner.tuning.budget import Budget
from tuner.tuning.strategy import Strategy

BEGINNINGS = 3
"""How often a sitting is begun in which the baseline's lane dies: a fault that comes so often will stay."""


@dataclass(slots=True, eq=False)
class Finalist:
    """A candidate that was invited.

    Attributes:
        configuration: What was invited.
        effective: What the device made of it.
        agreement: How closely its outputs agree with those in f32, where precision is asked for.
        died: Whether a lane of it died after sittings in which it lived.
        excluded: Why it is excluded, if it is.
    """

    configuration: Configuration
    effective: Effective | None = None
    agreement: Agreement | None = None
    died: bool = False
    excluded: str | None = None


class Contest:
    """The baseline and the finalists over the sittings of a final."""

    def __init__(
        self,
        lanes: Lanes,
        baseline: Configuration,
        invited: Sequence[Configuration],
        compare: Callable[[Sequence[Lane]], Comparison],
        rng: random.Random,
        looks: int = 1,
        question: Question = THROUGHPUT,
    ) -> None:
        """Take the invited candidates; `compare` makes the comparison when the first lanes are open.

        Where this is one of several `looks` at the same `question`, intervals are as much wider.
        """
        self._lanes, self._compare, self._rng, self._looks = lanes, compare, rng, looks
        self._question = question
        self._hint = Finalist(baseline)
        self._finalists = [Finalist(configuration) for configuration in invited]
        self._comparison: Comparison | None = None

    @property
    def rounds(self) -> Sequence[Round]:
        """The rounds played so far, of the finalists that are not excluded."""
        return self._comparison.rounds if self._comparison else ()

    def play(self, rounds: int, budget: Budget, strategy: Strategy, on_round: Callable[[int], None]) -> None:
        """Play sittings of so many rounds each; a sitting begins only if there is time for all of it.

        After the sittings that every final is given, it ends when the intervals are precise enough;
        which configuration leads has no say in that. A sitting in which the baseline's lane dies does not
        count: it begins again with fresh lanes; so it does the first time that a finalist's lane dies which
        lived in whole sittings. Where the budget is over before a lane answers, the final
        ends with the rounds that are whole, and nobody is excluded for it.

        Raises:
            LaneError: The baseline's lane did not open, or died, several times in a row.
            Interrupted: The user asked to stop.
        """
        sitting_s, sittings, deaths = 0.0, 0, 0
        while not sittings or (budget.left_s() >= sitting_s and self._remaining()):
            if sittings >= strategy.sittings and self._widest_half_width() <= strategy.precise:
                return
            began_s = budget.spent_s()
            try:
                if self._sit(rounds, budget, on_round):
                    sitting_s, sittings, deaths = budget.spent_s() - began_s, sittings + 1, 0
                elif self._comparison:
                    self._comparison.go_back_to(sittings)
            except BudgetOver:
                return
            except LaneError:
                deaths += 1
                if self._comparison:
                    self._comparison.go_back_to(sittings)
                if deaths == BEGINNINGS or not (sittings or budget.left_s()):
                    raise

    def _sit(self, rounds: int, budget: Budget, on_round: Callable[[int], None]) -> bool:
        """Hold a sitting with fresh lanes, and return whether it counts.

        Raises:
            BudgetOver: The budget was over before a lane answered.
            LaneError: The baseline's lane did not open, or died.
        """
        with ExitStack() as stack:
            comparison = self._begin_sitting(stack)
            return self._play_rounds(comparison, rounds, budget, on_round)

    def sum_up(self, trouble: str | None = None, interrupted: bool = False) -> Final:
        """Return what the rounds played so far say."""
        lanes = {id(finalist): lane for lane, finalist in enumerate(self._remaining(), start=1)}
        baseline = self._measured(self._hint, 0)
        candidates = [self._candidate(finalist, lanes.get(id(finalist))) for finalist in self._finalists]
        unsteady = self._comparison.unsteady if self._comparison else 0
        rounds, looks = tuple(self.rounds), self._looks
        return Final(baseline, tuple(candidates), rounds, trouble, interrupted, unsteady, looks)

    def _remaining(self) -> list[Finalist]:
        """Return the finalists that are not excluded, in the order of the comparison's lanes from 1 on."""
        return [finalist for finalist in self._finalists if finalist.excluded is None]

    def _begin_sitting(self, stack: ExitStack) -> Comparison:
        """Open fresh lanes; exclude finalists that do not open or first answer differently."""
        remaining = self._remaining()
        hint, *others = self._open(
            stack, [self._hint.configuration, *(each.configuration for each in remaining)]
        )
        if isinstance(hint, LaneError):
            raise hint
        self._hint.effective = hint.facts.effective
        first = self._comparison is None
        expected = hint.answers() if first and not self._lanes.reference else None
        if first:
            self._hint.agreement = agreement_of(self._lanes, hint)
        lanes = [hint]
        for finalist, lane in zip(remaining, others, strict=True):
            try:
                admitted = _admitted(finalist.configuration, lane, hint, expected)
                if first:
                    finalist.agreement = agreement_of(self._lanes, admitted)
                finalist.effective = admitted.facts.effective
                lanes.append(admitted)
            except DeviceLeftOut as left_out:
                self._exclude(finalist, with_the_setting(left_out, self._lanes, finalist.configuration))
            except BudgetOver:
                raise
            except LaneError as error:
                self._exclude(finalist, str(error))
        if self._comparison:
            self._comparison.renew(lanes)
        else:
            self._comparison = self._compare(lanes)
        return self._comparison

    def _open(self, stack: ExitStack, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Open a lane for each, in random order, so that no configuration is always started first."""
        order = self._rng.sample(range(len(configurations)), len(configurations))
        started = self._lanes.open_all([configurations[index] for index in order])
        self._close_with(stack, started)
        opened = [started[order.index(index)] for index in range(len(configurations))]
        if self._comparison is None:
            return opened
        return [self._retried(stack, *pair) for pair in zip(configurations, opened, strict=True)]

    def _retried(
        self, stack: ExitStack, configuration: Configuration, lane: Lane | LaneError
    ) -> Lane | LaneError:
        """Open a lane again, alone, if it opened in an earlier sitting and failed in this sitting."""
        if not isinstance(lane, LaneError) or isinstance(lane, BudgetOver):
            return lane
        (again,) = self._lanes.open_all([configuration])
        self._close_with(stack, [again])
        return again

    @staticmethod
    def _close_with(stack: ExitStack, lanes: Sequence[Lane | LaneError]) -> None:
        for lane in lanes:
            if not isinstance(lane, LaneError):
                stack.callback(lane.close)

    def _play_rounds(
        self, comparison: Comparison, rounds: int, budget: Budget, on_round: Callable[[int], None]
    ) -> bool:
        """Play rounds among the open lanes, and return whether they count.

        A finalist whose lane dies is excluded, and the others go on; but the first time that one dies which
        lived in whole sittings, the sitting does not count. One that cannot follow the load has no fault that
        may pass: it is excluded at once.
        """
        goal, warm = len(comparison.rounds) + rounds, False
        while len(comparison.rounds) < goal:
            try:
                if not warm:
                    comparison.warm_up()
                    warm = True
                if comparison.rounds and budget.left_s() < comparison.round_s():
                    return True
                _play(comparison, on_round)
            except BudgetOver:
                raise
            except LaneError as error:
                dead = comparison.dead()
                if not dead or dead[0] == 0:
                    raise
                remaining = self._remaining()
                lost = [remaining[lane - 1] for lane in dead]
                if not isinstance(error, LoadError) and self._has_another_chance(lost):
                    return False
                for finalist in lost:
                    self._exclude(finalist, str(error))
                if not self._remaining() and (comparison.rounds or not budget.left_s()):
                    return True
        return True

    def _has_another_chance(self, lost: Sequence[Finalist]) -> bool:
        """Return whether these, whose lanes died, lived in whole sittings and died for the first time."""
        if not (self._comparison and self._comparison.sitting) or any(finalist.died for finalist in lost):
            return False
        for finalist in lost:
            finalist.died = True
        return True

    def _exclude(self, finalist: Finalist, why: str) -> None:
        if self._comparison:
            self._comparison.drop(1 + self._remaining().index(finalist))
        finalist.excluded = why

    def _candidate(self, finalist: Finalist, lane: int | None) -> Candidate:
        """Return a finalist with its figures; `lane` is its place in the rounds, None if it is excluded."""
        if lane is None:
            return Candidate(finalist.configuration, finalist.effective, None, None, finalist.excluded)
        return self._measured(finalist, lane)

    def _measured(self, finalist: Finalist, lane: int) -> Candidate:
        """Return what the rounds say of a finalist; lane 0 is the baseline, which has no speedup."""
        configuration, effective = finalist.configuration, finalist.effective
        if not (self._comparison and self.rounds):
            return Candidate(configuration, effective, None, None)
        gain = self._speedup(lane) if lane else None
        measured = replace(self._comparison.measured(lane), agreement=finalist.agreement)
        if self._question == THROUGHPUT:
            return Candidate(configuration, effective, gain, measured)
        sittings, latencies_ms = self._comparison.by_sitting(lane), self._comparison.latencies_ms(lane)
        sittings = tuple(replace(each, agreement=finalist.agreement) for each in sittings)
        among = len(self._finalists) * self._looks
        bounds = tuple(limit.bounds(sittings, latencies_ms, among) for limit in self._question.limits)
        found = Candidate(configuration, effective, gain, measured, by_sitting=sittings, bounds=bounds)
        if not found.boundary:
            return found
        return replace(found, measured=replace(measured, throughput_fps=found.boundary.ratio))

    def _widest_half_width(self) -> float:
        """Return half the width of the widest interval."""
        lanes = range(1, 1 + len(self._remaining()))
        return max((self._speedup(lane).half_width for lane in lanes), default=0.0)

    def _speedup(self, lane: int) -> Speedup:
        logs, among = log_ratios_by_sitting(self.rounds, lane), len(self._finalists) * self._looks
        metric = self._question.metric
        if metric in POOLED and self._comparison:
            own, baseline = self._comparison.by_sitting(lane), self._comparison.by_sitting(0)
            logs = pooled_log_ratios(own, baseline, metric)
        gain = speedup_over_sittings(logs, CONFIDENCE, among)
        return replace(gain, rounds=len(self.rounds), metric=metric)


def _play(comparison: Comparison, on_round: Callable[[int], None]) -> None:
    """Play a round, and tell of it if it counts."""
    if comparison.play():
        on_round(len(comparison.rounds))


def _admitted(
    configuration: Configuration, lane: Lane | LaneError, hint: Lane, expected: Answers | None
) -> Lane:
    """Return a finalist's lane.

    Raises:
        LaneError: It did not open, or not on all of its devices, or its answers differ from the
            hint's `expected` answers, if given.
    """
    if isinstance(lane, LaneError):
        raise lane
    require_all_devices(configuration, lane)
    if expected:
        allowed = tolerance(hint.facts.effective.precision, lane.facts.effective.precision)
        apart = difference(expected, lane.answers())
        if apart > allowed:
            lane.close()
            differ = f"its answers differ from the hint's by {apart:.2g} of the largest value"
            raise LaneError(f"{differ} ({allowed:g} is allowed)")
    return lane
