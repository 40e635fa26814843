"""Memory: what a configuration is expected to take, and whether there is as much.

A process that takes more than there is gets killed, and may take others with it. So what does not fit is not
tried at all. The memory of a lane grows with the items that it has in flight, by how much is learnt
from the trials of its target; before there are two, all tensors of the model are taken to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from tuner.domain.configuration import Configuration
from tuner.domain.figures import count, mebibytes
from tuner.domain.history import History
from tuner.domain.question import Question
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.errors import LaneError, UsageError
from tuner.measure.lane import Lanes
from tuner.tuning.hint import Hint

SPARED = 0.1
"""Share of the memory that is there which no lane is given: other programs grow, too."""


class _Line(NamedTuple):
    """Memory over the items in flight: a point of the line, and what each further item adds."""

    items: float
    memory_mb: float
    item_mb: float


def require_room(
    lanes: Lanes,
    targets: Sequence[Target],
    own_batch: int,
    question: Question,
    available_mb: Callable[[], float],
) -> None:
    """Make sure that the copies of every target's hint fit into memory, before they are started.

    A hint that does not run is left to those who open the hints.

    Raises:
        UsageError: They are expected not to: a single process takes so much.
    """
    copies = question.copies[0]
    for target in targets if copies > 1 else ():
        try:
            with closing(Hint(lanes, target, own_batch, replace(question, copies=(1,)))) as hint:
                a_copy_mb = hint.lane.facts.memory_mb
        except LaneError:
            continue
        most_mb = (1 - SPARED) * available_mb()
        if copies * a_copy_mb > most_mb:
            raise UsageError(
                f"copies={copies} would take about {mebibytes(copies * a_copy_mb)} on {target}, because one "
                f"takes {mebibytes(a_copy_mb)}, and {mebibytes(most_mb)} may be used here; give fewer "
                f"copies, at most {max(1, int(most_mb // a_copy_mb))}."
            )


class MemoryGuard:
    """Knows which configurations do not fit into memory."""

    def __init__(self, history: History, item_mb: float, available_mb: Callable[[], float]) -> None:
        """Learn from a history.

        Args:
            history: The trials so far; those that follow are seen, too.
            item_mb: What an item in flight takes at most, in MiB; 0 if that is not known.
            available_mb: Returns the memory that a further process may take, in MiB.
        """
        self._history, self._item_mb, self._available_mb = history, item_mb, available_mb
        self._most_mb = (1 - SPARED) * available_mb()
        self._refused: dict[Configuration, None] = {}
        self._lines: dict[Target, tuple[int, _Line | None]] = {}

    def look(self) -> None:
        """Find out how much memory there is now."""
        self._most_mb = (1 - SPARED) * self._available_mb()

    def refuses(self, configuration: Configuration) -> bool:
        """Return whether a configuration is expected to take more memory than there is."""
        if self.predicted_mb(configuration) <= self._most_mb:
            return False
        self._refused[configuration] = None
        return True

    def fit_together(self, configurations: Sequence[Configuration]) -> bool:
        """Return whether lanes of all these configurations are expected to fit at the same time."""
        return sum(map(self.predicted_mb, configurations)) <= self._most_mb

    def predicted_mb(self, configuration: Configuration) -> float:
        """Return what a lane of a configuration is expected to take, in MiB; 0 if its target is not known."""
        line = self._line(target_of(configuration.device))
        if line is None:
            return 0.0
        of_one_mb = line.memory_mb + line.item_mb * (configuration.items_in_flight - line.items)
        return configuration.copies * of_one_mb

    def sentences(self) -> list[str]:
        """Return a sentence on what was not tried for want of memory, if there is anything."""
        left = [each for each in self._refused if not self._history.knows(each) and self.refuses(each)]
        if not left:
            return []
        least = min(left, key=lambda each: (self.predicted_mb(each), each))
        were = "was" if len(left) == 1 else "were"
        return [
            f"{count(len(left), 'configuration')} {were} not tried for want of memory: {least} would take "
            f"about {mebibytes(self.predicted_mb(least))}, and {mebibytes(self._most_mb)} may be used here"
        ]

    def _line(self, target: Target) -> _Line | None:
        """Return the line that fits the trials of a target best; None if there are none."""
        trials = self._history.trials
        known, line = self._lines.get(target, (0, None))
        if known < len(trials):
            line = self._fitted([trial for trial in trials if target.covers(trial.configuration.device)])
            self._lines[target] = len(trials), line
        return line

    def _fitted(self, trials: Sequence[Trial]) -> _Line | None:
        known = [
            (trial.configuration.items_in_flight, trial.measured.memory_mb / trial.configuration.copies)
            for trial in trials
            if trial.measured
        ]
        if not known:
            return None
        items, memory_mb = fmean(count for count, _ in known), fmean(mb for _, mb in known)
        apart = sum((count - items) ** 2 for count, _ in known)
        if apart == 0:
            return _Line(items, memory_mb, self._item_mb)
        slope = sum((count - items) * (mb - memory_mb) for count, mb in known) / apart
        return _Line(items, memory_mb, max(0.0, slope))
