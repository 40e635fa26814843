"""A contest: the baseline and its challengers in every round, over sittings with fresh lanes.

Two processes of one configuration differ for as long as they live, so one set of lanes, however
long it is measured, cannot tell configurations apart by a per cent; `tests/benchmarks/luck.py`
shows by how much.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.sample import Round, log_ratios_by_sitting
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.domain.trial import Candidate, Final
from tuner.domain.verdict import CONFIDENCE
from tuner.errors import LaneError
from tuner.measure.answers import difference, tolerance
from tuner.measure.comparison import Comparison
from tuner.measure.lane import Answers, Lane, Lanes, open_in_turn, require_all_devices
from tuner.tuning.budget import Budget
from tuner.tuning.strategy import Strategy


@dataclass(slots=True, eq=False)
class Finalist:
    """A configuration, what the device made of it, and why it is out, if it is."""

    configuration: Configuration
    effective: Effective | None = None
    out: str | None = None


class Contest:
    """The baseline and its challengers over the sittings of a final."""

    def __init__(
        self,
        lanes: Lanes,
        baseline: Configuration,
        invited: Sequence[Configuration],
        compare: Callable[[Sequence[Lane]], Comparison],
        rng: random.Random,
    ) -> None:
        """Seat those invited; `compare` begins the comparison once the first lanes are open."""
        self._lanes, self._compare, self._rng = lanes, compare, rng
        self._hint = Finalist(baseline)
        self._challengers = [Finalist(one) for one in invited]
        self._comparison: Comparison | None = None

    @property
    def rounds(self) -> Sequence[Round]:
        """The rounds played so far, of those still in."""
        return self._comparison.rounds if self._comparison else ()

    def play(self, rounds: int, budget: Budget, strategy: Strategy, on_round: Callable[[int], None]) -> None:
        """Play sittings of so many rounds; one is begun only while time for all of it is left.

        Beyond the sittings that every final is given, precision ends it: never a look at who leads.

        Raises:
            LaneError: The hint's lane does not open, or died.
            Interrupted: The user asked to stop.
        """
        sitting_s = 0.0
        for sitting in count():
            if sitting and (budget.left_s() < sitting_s or not self._running()):
                return
            if sitting >= strategy.sittings and self._precision() <= strategy.precise:
                return
            began_s = budget.spent_s()
            with ExitStack() as stack:
                comparison = self._sit_down(stack)
                self._play_sitting(comparison, rounds, budget, on_round)
            sitting_s = budget.spent_s() - began_s

    def sum_up(self, trouble: str | None = None, interrupted: bool = False) -> Final:
        """Return what the rounds played so far say."""
        lanes = {id(one): lane for lane, one in enumerate(self._running(), start=1)}
        told = tuple(self._finalist(one, lanes.get(id(one))) for one in self._challengers)
        return Final(self._finalist(self._hint, 0), told, tuple(self.rounds), trouble, interrupted)

    def _running(self) -> list[Finalist]:
        """Return the challengers still in, in the order of the comparison's lanes from 1 on."""
        return [one for one in self._challengers if one.out is None]

    def _sit_down(self, stack: ExitStack) -> Comparison:
        """Open fresh lanes; who gets none, or at first gives other answers than the hint, is out."""
        running = self._running()
        hint, *others = self._open(stack, (self._hint, *running))
        if isinstance(hint, LaneError):
            raise hint
        self._hint.effective = hint.facts.effective
        truth = None if self._comparison else hint.answers()
        seated = [hint]
        for entrant, lane in zip(running, others, strict=True):
            try:
                seated.append(_admit(entrant.configuration, lane, hint, truth))
                entrant.effective = seated[-1].facts.effective
            except LaneError as error:
                self._leave_out(entrant, str(error))
        if self._comparison:
            self._comparison.renew(seated)
        else:
            self._comparison = self._compare(seated)
        return self._comparison

    def _open(self, stack: ExitStack, entrants: Sequence[Finalist]) -> list[Lane | LaneError]:
        """Open a lane for each, in random order: none is to be always the first that is started."""
        order = self._rng.sample(range(len(entrants)), len(entrants))
        started = self._lanes.open_all([entrants[index].configuration for index in order])
        self._close_with(stack, started)
        opened = [started[order.index(index)] for index in range(len(entrants))]
        if self._comparison is None:
            return opened
        return [self._once_more(stack, one, lane) for one, lane in zip(entrants, opened, strict=True)]

    def _once_more(self, stack: ExitStack, one: Finalist, lane: Lane | LaneError) -> Lane | LaneError:
        """Open again, alone, what opened in an earlier sitting and now failed."""
        if not isinstance(lane, LaneError):
            return lane
        (again,) = open_in_turn(self._lanes, [one.configuration])
        self._close_with(stack, [again])
        return again

    @staticmethod
    def _close_with(stack: ExitStack, lanes: Sequence[Lane | LaneError]) -> None:
        for lane in lanes:
            if not isinstance(lane, LaneError):
                stack.callback(lane.close)

    def _play_sitting(
        self, comparison: Comparison, rounds: int, budget: Budget, on_round: Callable[[int], None]
    ) -> None:
        """Play rounds among the present lanes; a challenger whose lane dies is left out."""
        goal, warm = len(comparison.rounds) + rounds, False
        while len(comparison.rounds) < goal:
            try:
                if not warm:
                    comparison.warm_up()
                    warm = True
                if comparison.rounds and budget.left_s() < comparison.round_s():
                    return
                comparison.play()
                on_round(len(comparison.rounds))
            except LaneError as error:
                dead = comparison.dead()
                if not dead or dead[0] == 0:
                    raise
                running = self._running()
                for lane in dead:
                    self._leave_out(running[lane - 1], str(error))
                if comparison.rounds and not self._running():
                    return

    def _leave_out(self, entrant: Finalist, why: str) -> None:
        if self._comparison:
            self._comparison.drop(1 + self._running().index(entrant))
        entrant.out = why

    def _finalist(self, one: Finalist, lane: int | None) -> Candidate:
        """Sum up a configuration that is in the rounds as `lane`; None for one that is out."""
        if lane is None or not (self._comparison and self.rounds):
            return Candidate(one.configuration, one.effective, None, None, one.out)
        gain = self._speedup(lane) if lane else None
        return Candidate(one.configuration, one.effective, gain, self._comparison.measured(lane))

    def _precision(self) -> float:
        """Return half the width of the widest interval."""
        lanes = range(1, 1 + len(self._running()))
        return max((self._speedup(lane).half_width for lane in lanes), default=0.0)

    def _speedup(self, lane: int) -> Speedup:
        logs = log_ratios_by_sitting(self.rounds, lane)
        return speedup_over_sittings(logs, CONFIDENCE, len(self._challengers))


def _admit(configuration: Configuration, lane: Lane | LaneError, hint: Lane, truth: Answers | None) -> Lane:
    """Return a challenger's lane.

    Raises:
        LaneError: It did not open, or not on all of its devices, or its answers differ from the
            hint's `truth`, where given.
    """
    if isinstance(lane, LaneError):
        raise lane
    require_all_devices(configuration, lane)
    if truth:
        allowed = tolerance(hint.facts.effective.precision, lane.facts.effective.precision)
        apart = difference(truth, lane.answers())
        if apart > allowed:
            lane.close()
            differ = f"its answers differ from the hint's by {apart:.2g} of the largest value"
            raise LaneError(f"{differ} ({allowed:g} is allowed)")
    return lane
