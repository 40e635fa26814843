"""Compares lanes: rounds in random order, and the figures of each lane over all rounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from statistics import fmean

from tuner.domain.figures import milliseconds, share
from tuner.domain.load import Load
from tuner.domain.pruning import Decision, StopRule
from tuner.domain.question import LATE, THROUGHPUT, Question
from tuner.domain.sample import Measured, Round, Window, figures_of
from tuner.measure.boundary import REACH, Boundary
from tuner.measure.lane import CANNOT_FOLLOW, Lane, LoadError
from tuner.measure.sentinel import Sentinel, host_changed

WINDOW_S = 0.1
"""Seconds of a window; on a heavy configuration it lasts longer, until every request ran whole cycles."""

JUST_S = 0.01
"""Seconds for which the last sentinel of a round also serves as the first of the next one."""

SURELY_BELOW = 0.97
"""Share of a load's rate below which what a lane serves is surely less; windows are about as exact."""

SECOND_LOOK_S = 0.5
"""Seconds of the second look at a lane that seems to serve too little: most bursts of other work are over."""

LATE_ROUNDS = 10
"""Rounds in a row in which items may arrive too late; then they always do."""

LONGEST_REPEATED_S = 1.0
"""Seconds of a round's windows up to which it is played again. In longer ones a host changes about as often
within windows as between them: they differ less, and what the sentinel sees at three moments says less. In a
model of a host that switches every 1.5 s, dropping is worth 2 to 5 times the rounds with windows of 0.1 to
0.3 s, 1.1 times with windows of 1 s, and 0.4 times with 2 s."""


class Comparison:
    """Rounds between a baseline (the first lane) and its candidates.

    Attributes:
        rounds: The rounds played so far that count.
        unsteady: How often the host changed in a round, so that it was dropped.
        sitting: Number of the sitting, from 0 on.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        rng: random.Random,
        clock: Callable[[], float],
        window_s: float = WINDOW_S,
        sentinel: Sentinel | None = None,
        question: Question = THROUGHPUT,
        stretch: int = 1,
        stage: int = 0,
        start_fps: float = 0.0,
        best_ratio: float = 0.0,
    ) -> None:
        """Compare `lanes`; `clock` returns seconds since the search began.

        The `sentinel` works between windows; without one every round counts. The `question` says what makes a
        window good. Under its load windows are `stretch` times as long as the load's, and the
        items those of a `stage`. Where the highest rate of arrivals is to be found, it is looked for from
        `start_fps` on, and a candidate that does not come near `best_ratio` times the baseline's is given up.
        """
        self.rounds: list[Round] = []
        self.unsteady = 0
        self._played = self._changed = 0  # rounds, and those of them in which the host changed
        self._sentinel, self._sentinels_s = sentinel, 0.0
        self._last: tuple[float, float] | None = None  # when the sentinel last ended, and what it returned
        self._lanes, self._rng, self._clock, self._window_s = lanes, rng, clock, window_s
        self._question, self._stretch, self._stage = question, stretch, stage
        holding = question.holding
        self._boundary = Boundary(holding, clock, stretch, stage, start_fps) if holding else None
        self._best_ratio = best_ratio
        self._windows: list[list[Window]] = [[] for _ in lanes]
        self._late = 0  # rounds in a row in which items arrived too late
        self.sitting = 0

    def renew(self, lanes: Sequence[Lane]) -> None:
        """Begin a new sitting, with fresh lanes of the same configurations."""
        self._lanes = lanes
        self.sitting += 1

    def go_back_to(self, sittings: int) -> None:
        """Drop all rounds after so many sittings; `renew` begins the next one."""
        self.rounds = [played for played in self.rounds if played.sitting < sittings]
        for windows in self._windows:
            del windows[len(self.rounds) :]
        self.sitting = sittings - 1

    def warm_up(self, first: int = 0) -> None:
        """Run one window in every lane from `first` on, in random order, and discard the figures.

        The first inferences are slower: they allocate memory, and its pages are mapped on first use.

        Raises:
            LoadError: A lane serves surely fewer items per second than arrive; it is closed.
        """
        first = 0 if self._boundary else first  # no rate is tried that is beyond what a lane can serve
        for lane in self._rng.sample(self._lanes[first:], len(self._lanes) - first):
            with closed_if_overloaded(lane):
                if self._question.load:
                    require_capacity(lane, self._question.load)
                elif self._boundary:
                    self._boundary.warm_up(lane)
                else:
                    lane.window(self._window_s)

    def play(self) -> Round | None:
        """Play one round: a window in every lane, in random order.

        Returns:
            The round, or None: the host changed in it, items arrived too late, or the program beside which it
            was to run ended; so it does not count, and is to be played again. Which lane was faster has no
            say in that. Rounds longer than `LONGEST_REPEATED_S` count, and so do those of a host that changes
            in more than half of them: to drop them would cost more than it is worth, because the others are
            hardly better.
        """
        at_s = self._clock()
        order = self._rng.sample(range(len(self._lanes)), len(self._lanes))
        if self._best_ratio and not self.rounds:
            order.sort()  # what a candidate has to reach is told by the baseline
        windows: dict[int, Window] = {}
        durations = [self._just_now() or self._look()]
        for index in order:
            least_fps = self._least_fps(windows) if index else 0.0
            windows[index] = self._window(self._lanes[index], least_fps)
            durations.append(self._look())
        self._played += 1
        if self._is_late(windows) or not all(window.counts for window in windows.values()):
            return None
        if self._is_short(windows.values()) and self._is_unsteady(durations):
            self.unsteady += 1
            return None
        for index, window in windows.items():
            self._windows[index].append(window)
        in_order = [windows[index] for index in range(len(self._lanes))]
        rates, scores = (tuple(map(of, in_order)) for of in (_rate, self._question.score))
        self.rounds.append(Round(rates, tuple(order), at_s, self.sitting, scores if scores != rates else ()))
        return self.rounds[-1]

    def _least_fps(self, windows: Mapping[int, Window]) -> float:
        """Return the rate of arrivals that a candidate has to hold in the first round; 0 for any."""
        if not self._best_ratio or self.rounds or 0 not in windows:
            return 0.0
        return REACH * self._best_ratio * windows[0].rate_fps

    def _window(self, lane: Lane, least_fps: float = 0.0) -> Window:
        """Run a window in a lane; under a load, with the same arrivals as in all other lanes of the round.

        As many follow as may fill the lane's last batch.
        """
        load = self._question.load
        with closed_if_overloaded(lane):
            if self._boundary:
                return self._boundary.window(lane, self._played, least_fps)
            if load is None:
                return lane.window(self._window_s)
            surplus = lane.facts.effective.batch - 1
            seconds = self._stretch * load.window_s
            return lane.open_loop(load.arrivals(self._played, seconds, surplus, self._stage))

    def _is_late(self, windows: Mapping[int, Window]) -> bool:
        """Return whether items arrived too late in a window; a lane in which they always do is closed.

        Raises:
            LoadError: They were late `LATE_ROUNDS` times in a row.
        """
        late = [index for index, window in windows.items() if self._question.is_late(window)]
        self._late = self._late + 1 if late else 0
        if self._late < LATE_ROUNDS:
            return bool(late)
        self._late = 0
        self._lanes[late[0]].close()
        late_ms = windows[late[0]].late_ms or 0.0
        raise LoadError(
            f"cannot be measured at {self._question.load or 'such rates'}: arrivals were started "
            f"{milliseconds(late_ms)} late on average, more than {share(LATE)} of the latency, "
            f"{LATE_ROUNDS} times in a row"
        )

    def _is_short(self, windows: Collection[Window]) -> bool:
        """Return whether a round of these windows may be dropped.

        Under a load that is the same for all rounds: how long the items of one happen to take to arrive has
        no say in whether it counts.
        """
        if self._boundary:
            return False
        if load := self._question.load:
            return len(windows) * self._stretch * load.window_s <= LONGEST_REPEATED_S
        return sum(window.seconds for window in windows) <= LONGEST_REPEATED_S

    def _is_unsteady(self, durations: Sequence[float]) -> bool:
        """Return whether a short round with these durations of the sentinel is dropped."""
        changed = host_changed(durations)
        self._changed += changed
        return changed and 2 * self._changed <= self._played + 1

    def _just_now(self) -> float | None:
        """Return what the sentinel returned, if it has just worked."""
        if self._last is None or self._clock() - self._last[0] > JUST_S:
            return None
        return self._last[1]

    def _look(self) -> float:
        """Let the sentinel work, and return its seconds; without one, all are alike."""
        if self._sentinel is None:
            return 1.0
        began_s = self._clock()
        duration_s, ended_s = self._sentinel(), self._clock()
        self._sentinels_s += ended_s - began_s
        self._last = ended_s, duration_s
        return duration_s

    def drop(self, lane: int) -> None:
        """Take a candidate out of the comparison, and out of the rounds played so far."""
        del self._windows[lane]
        self._lanes = [kept for index, kept in enumerate(self._lanes) if index != lane]
        self.rounds = [played.without(lane) for played in self.rounds]

    def dead(self) -> list[int]:
        """Return the lanes that can no longer answer."""
        return [index for index, lane in enumerate(self._lanes) if not lane.alive()]

    def log_ratios(self, lane: int = 1) -> list[float]:
        """Return each round's log-ratio of a lane to the baseline."""
        return [played.log_ratio(lane) for played in self.rounds]

    def measured(self, lane: int) -> Measured:
        """Return the figures of a lane over the rounds so far; at least one is needed."""
        return figures_of(self._windows[lane])

    def by_window(self, lane: int) -> list[Measured]:
        """Return the figures of each window of a lane."""
        return [figures_of([window]) for window in self._windows[lane]]

    def latencies_ms(self, lane: int) -> list[float]:
        """Return the latency of every request of a lane."""
        return [ms for window in self._windows[lane] for ms in window.latencies_ms]

    def by_sitting(self, lane: int) -> tuple[Measured, ...]:
        """Return the figures of a lane over the windows of each sitting."""
        pairs = zip(self.rounds, self._windows[lane], strict=True)
        sittings = groupby(pairs, key=lambda pair: pair[0].sitting)
        return tuple(figures_of([window for _, window in pairs]) for _, pairs in sittings)

    def window_s(self, lane: int) -> float:
        """Return the mean time that a window of this lane took."""
        return fmean(window.seconds for window in self._windows[lane])

    def round_s(self) -> float:
        """Return the mean time that a round took, its sentinels included."""
        return sum(map(self.window_s, range(len(self._lanes)))) + self._sentinels_s / self._played


def require_capacity(lane: Lane, load: Load) -> None:
    """Run windows with every request in flight, and make sure that a lane serves as many items as arrive.

    A window of arrivals begins with an empty queue, and is too short to tell a queue that grows slowly. A
    queue that grows fills every batch, so the rate with full batches decides.

    Raises:
        LoadError: It surely serves fewer, also at a second look.
    """
    for seconds in (WINDOW_S, SECOND_LOOK_S):
        served = lane.window(seconds).rate_fps
        if served >= SURELY_BELOW * load.rate:
            return
    raise LoadError(f"{CANNOT_FOLLOW} {load.rate:.4g} items/s: it serves {served:.3g}")


@contextmanager
def closed_if_overloaded(lane: Lane) -> Iterator[None]:
    """Close a lane that cannot be measured under a load: so callers know which of several it was."""
    try:
        yield
    except LoadError:
        lane.close()
        raise


def _rate(window: Window) -> float:
    return window.rate_fps


def duel(
    comparison: Comparison,
    rule: StopRule,
    out_of_time: Callable[[], bool],
    hopeless: Callable[[], bool] = lambda: False,
) -> Decision:
    """Play rounds between a baseline and one candidate until the rule, a reason or the time stops them.

    Only the candidate is warmed up, because the baseline has run before. At least one round counts, however
    little time is left.
    """
    comparison.warm_up(first=1)
    while True:
        if comparison.play():
            if hopeless():
                return Decision.HOPELESS
            decision = rule.decide(comparison.log_ratios())
            if decision is not Decision.CONTINUE:
                return decision
        if comparison.rounds and out_of_time():
            return Decision.ENOUGH
