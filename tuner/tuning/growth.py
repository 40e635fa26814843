"""Where the best configuration lies at the edge of its space and the gain still rises, the space grows.

The next doubling of batch, of infer requests a stream, or of the items that automatic batching gathers joins
the space and is tried next. That goes on until the gain ends, the device takes no more, memory would not hold
it, or a window would take more than its share of the budget. The summary says which of them it was. Where
each doubling of the batch gains much, several are leapt over, inside the space as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from tuner.domain.configuration import Configuration
from tuner.domain.history import GO_ON, History
from tuner.domain.space import Point, Space
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.tuning.points import Points

RISING = 1.02
"""The gain still rises if the best at an edge is faster by this factor than the same with half of the count,
and by more than noise explains: the best of many estimates is partly luck."""

STEEP = 1.5
"""Each doubling of the batch gains much if it makes the best faster by this factor."""

LEAPS = (8, 4, 2)
"""By so much the batch is multiplied where doublings gain much: by less if more is refused or has lost."""

FEWER = (2, 4)
"""Where a doubling of the batch loses, it is tried on so many times fewer streams, one after the other."""

WORDS = {
    "batch": "batch {}",
    "requests_per_stream": "{} requests per stream",
    "gathered": "{} gathered items",
}
"""The axes that may grow, with a count on them."""


class Step(NamedTuple):
    """What to try next where the gain goes on.

    Attributes:
        space: The space, which may have grown for it.
        point: The point to try.
        can_wait: Whether guesses of the same space may come first.
    """

    space: Space
    point: Point
    can_wait: bool = True


@dataclass(frozen=True, slots=True)
class _Edge:
    """The best configuration at the end of an axis."""

    space: Space
    axis: str
    count: int  # The doubling that follows
    before: Point  # With a smaller count, from which the gain may rise
    further: Point  # With the doubling that follows


class Growth:
    """Lets spaces grow where their best configuration lies at an edge.

    Attributes:
        points: The points of the spaces, as far as these have grown.
    """

    def __init__(self, spaces: Mapping[Target, Space], history: History) -> None:
        """Take the spaces as they are laid out; they grow at once as far as trials went."""
        self._laid_out, self._history = spaces, history
        self._stopped: dict[tuple[Target, str], str] = {}
        measured = [trial.configuration for trial in history.trials if trial.rounds]
        self.points = Points(
            {target: _including(space, target, measured) for target, space in spaces.items()}
        )

    def steps(self, why_not: Callable[[Configuration], str | None]) -> Iterator[Step]:
        """Yield what to try next where the gain goes on.

        Where the best lies at an edge, that is half of the count, if it is not known, to see whether the gain
        rises; then twice the count. Where it rises steeply with the batch, it is several times the batch.

        Args:
            why_not: Says why a configuration cannot be tried, or returns None if it can.
        """
        if leap := self._leap(why_not):
            yield leap
            return
        can_wait = not self._is_steep()
        for edge in self._edges_of_the_best():
            if not self._knows(edge.space, edge.before):
                yield Step(edge.space, edge.before, can_wait)
            elif self._rises_from(edge):
                if edge.count > edge.space.edge(edge.axis):
                    yield from self._grown(edge, why_not)
                elif not self._knows(edge.space, edge.further):
                    yield Step(edge.space, edge.further, can_wait)
                elif edge.axis == "batch":
                    yield from self._with_fewer_streams(edge)

    def _leap(self, why_not: Callable[[Configuration], str | None]) -> Step | None:
        """Return several times the best's batch, where each doubling gains much; None if it does not."""
        best = self._history.best()
        found = self.points.at(best.configuration) if best else None
        if best is None or found is None or "batch" not in found[0].growing:
            return None
        space, point = found
        if _gain_of_a_doubling(best, over=self._fastest_below(best)) < STEEP:
            return None
        doubling = _doubling(space, "batch", int(point["batch"]))
        for times in LEAPS:
            further = {**point, "batch": times * doubling}
            reaching = space.reaching("batch", times * doubling)
            if (
                reaching
                and not self._knows(reaching, further)
                and not self._has_lost(times * doubling, best)
                and not why_not(reaching.configuration(further))
            ):
                self.points.replace(target_of(space.target), reaching)
                return Step(reaching, further, can_wait=False)
        return None

    def _has_lost(self, batch: int, best: Trial) -> bool:
        """Return whether the gain is known to end before a batch, on as many streams as the best has.

        It is where a batch up to this one was slower than a smaller one with all other settings the same.
        """
        alike = [
            trial
            for trial in self._history.measured()
            if trial.configuration.device == best.configuration.device
            and (trial.effective and trial.effective.streams) == (best.effective and best.effective.streams)
        ]
        smaller = [trial for trial in alike if trial.configuration.batch <= best.configuration.batch]
        return any(
            best.configuration.batch < trial.configuration.batch <= batch
            and replace(trial.configuration, batch=other.configuration.batch) == other.configuration
            and trial.ratio < other.ratio
            for trial in alike
            for other in smaller
        )

    def _fastest_below(self, best: Trial) -> Trial:
        """Return the device's fastest trial with half of the best's batch or less; the hint's if none is."""
        device, batch = best.configuration.device, best.configuration.batch
        below = (
            trial
            for trial in self._history.measured()
            if trial.configuration.device == device and 2 * trial.configuration.batch <= batch
        )
        return max(below, key=lambda trial: trial.ratio, default=self._history.trials[0])

    def _is_steep(self) -> bool:
        """Return whether the batch makes the best so much faster that guesses with a smaller one are idle."""
        best = self._history.best()
        return best is not None and _gain_of_a_doubling(best, over=self._history.trials[0]) >= STEEP

    def _with_fewer_streams(self, edge: _Edge) -> Iterator[Step]:
        """Yield a doubling that lost once more, with fewer streams: each then has more cores and caches."""
        best, choices = self._history.best(), edge.space.axes.get("streams", ())
        streams = (best.effective.streams if best and best.effective else None) or 0
        for times in FEWER:
            fewer = [few for few in choices if isinstance(few, int) and few * times <= streams]
            if not fewer:
                return
            point = {**edge.further, "streams": max(fewer)}
            if not self._knows(edge.space, point):
                yield Step(edge.space, point)

    def _grown(self, edge: _Edge, why_not: Callable[[Configuration], str | None]) -> Iterator[Step]:
        """Let a space grow by a doubling, or note why it cannot."""
        target = target_of(edge.space.target)
        if edge.space.doubled(edge.axis) is None:
            self._stopped[target, edge.axis] = "the device takes no more"
            return
        grown = edge.space.grown(edge.axis)
        if why := why_not(grown.configuration(edge.further)):
            self._stopped[target, edge.axis] = f"{WORDS[edge.axis].format(edge.count)} {why}"
            return
        self.points.replace(target, grown)
        yield Step(grown, edge.further)

    def sentences(self) -> list[str]:
        """Return, for each axis that grew or may gain by growing, how far it was tried and why no further."""
        edges = {(target_of(edge.space.target), edge.axis): edge for edge in self._edges_of_the_best()}
        found = []
        for target, axis in self._axes():
            most = self._largest_tried(target, axis)
            if why := self._why_no_further(target, axis, most, edges.get((target, axis))):
                prefix = f"{target}: " if len(self._laid_out) > 1 else ""
                found.append(f"{prefix}up to {WORDS[axis].format(most)} was tried; {why}")
        return found

    def _why_no_further(self, target: Target, axis: str, most: int, edge: _Edge | None) -> str | None:
        """Return what ended an axis at the largest count that was tried; None if there is nothing to say."""
        if edge and edge.count > most:
            if why := self._stopped.get((target, axis)):
                return why
            if not self._knows(edge.space, edge.before) or self._rises_from(edge):
                return f"the gain may go on: {GO_ON}"
        return "the gain ended before it" if most > self._laid_out[target].edge(axis) else None

    def _axes(self) -> Iterator[tuple[Target, str]]:
        """Yield the axes that may grow."""
        yield from ((target, axis) for target, space in self._laid_out.items() for axis in space.growing)

    def _largest_tried(self, target: Target, axis: str) -> int:
        """Return the largest count on an axis with which a trial was measured; 0 if there is none."""
        space = self.points.space(target)
        points = (
            space.point(trial.configuration)
            for trial in self._history.measured()
            if target.covers(trial.configuration.device)
        )
        return max((int(point[axis]) for point in points if point), default=0)

    def _edges_of_the_best(self) -> Iterator[_Edge]:
        """Yield the axes that may grow on which the best lies at the end that was laid out, or beyond."""
        best = self._history.best()
        found = self.points.at(best.configuration) if best else None
        if found is None:
            return
        space, point = found
        laid_out = self._laid_out[target_of(space.target)]
        for axis in space.growing:
            count = int(point[axis])
            if count >= laid_out.edge(axis) > 1:
                doubling = _doubling(space, axis, count)
                before = doubling if doubling < count else count // 2
                yield _Edge(space, axis, 2 * doubling, {**point, axis: before}, {**point, axis: 2 * doubling})

    def _knows(self, space: Space, point: Point) -> bool:
        return self._history.knows(space.configuration(point)) is not None

    def _rises_from(self, edge: _Edge) -> bool:
        """Return whether the best is clearly faster than the known trial before it."""
        best, known = self._history.best(), self._history.knows(edge.space.configuration(edge.before))
        if best is None or known is None:
            return False
        original = self._history.same(known.effective) if known.effective else None
        return self._history.gains(best, over=original or known, least=RISING)


def _gain_of_a_doubling(best: Trial, over: Trial) -> float:
    """Return the factor by which each doubling of the batch makes the best faster than another trial."""
    doublings = math.log2(best.configuration.batch / over.configuration.batch)
    return (best.ratio / over.ratio) ** (1 / doublings) if doublings >= 1 else 1.0


def _doubling(space: Space, axis: str, count: int) -> int:
    """Return the largest doubling of an axis that is not above a count."""
    return max(number for number in map(int, space.axes[axis]) if number <= count)


def _including(space: Space, target: Target, configurations: Iterable[Configuration]) -> Space:
    for configuration in configurations:
        if target.covers(configuration.device):
            space = space.including(configuration)
    return space
