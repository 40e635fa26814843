"""Learns from failures: choices that a device refuses are not tried again and again.

A device shows that it refuses a choice only by failing, which SCOOT (arXiv 2408.04323) calls a hidden
constraint. When two configurations fail for the same reason, the choices that they share and that no
configuration ran with are closed. If the reason names a property, only the choice of this property is closed;
else all shared choices together, until another failure narrows them down.

A configuration whose outputs are too far from those in f32 has not failed. What two of them have in common in
precision is closed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import combinations, takewhile

from tuner.domain.configuration import Configuration
from tuner.domain.space import DEFAULT, Choice, Point, Space
from tuner.domain.switches import SWITCHES
from tuner.domain.trial import Trial
from tuner.tuning.points import Points

REFUSED_TWICE = 2
"""So many configurations of a precision whose outputs are too far from f32's close it."""

GIVEN_UP_AFTER = 3
"""After so many failures of a target in a row, and after each as many more, its hint is tried again."""

Refused = frozenset[tuple[str, Choice]]
"""Choices by axis."""


class Refusals:
    """The choices that fail, learnt from trials."""

    def __init__(self, points: Points, known: Iterable[Trial] = ()) -> None:
        """Learn from the trials of earlier runs."""
        self._points = points
        self._ran: dict[str, set[tuple[str, Choice]]] = {}
        self._failed: dict[str, list[tuple[str, Space, Point]]] = {}
        self._closed: dict[str, dict[Refused, str]] = {}
        self._too_far: dict[str, list[tuple[str, Refused]]] = {}
        for trial in known:
            self.learn(trial)

    def learn(self, trial: Trial) -> None:
        """Learn from a trial that ended."""
        found = self._points.at(trial.configuration)
        if found is None:
            return
        space, point = found
        if trial.state == "refused":
            self._too_far.setdefault(space.target, []).append(
                (trial.reason or "", _precision_at(space, point))
            )
        elif trial.state == "failed":
            self._failed.setdefault(space.target, []).append((trial.reason or "", space, point))
        else:
            self._ran.setdefault(space.target, set()).update(point.items())
        self._closed[space.target] = self._in_common(space.target)

    def refuses(self, configuration: Configuration) -> bool:
        """Return whether a configuration has choices that are known to fail."""
        if not (self._failed or self._too_far):
            return False
        found = self._points.at(configuration)
        if found is None:
            return False
        space, point = found
        closed = any(refused <= set(point.items()) for refused in self._closed.get(space.target, ()))
        return closed or _precision_at(space, point) in self._imprecise(space.target)

    def sentences(self) -> list[str]:
        """Return a sentence for each choice, or choices together, that was closed."""
        failed = [
            f"{target}: configurations with {_listed(refused)} were given up after two failures ({reason})"
            for target, closed in self._closed.items()
            for refused, reason in closed.items()
        ]
        too_far = [
            f"{target}: configurations with {_listed(refused)} were given up after two refusals ({reason})"
            for target in self._too_far
            for refused, reason in self._imprecise(target).items()
        ]
        return [*failed, *too_far]

    def _imprecise(self, target: str) -> dict[Refused, str]:
        """Return the choices of precision whose outputs are too far from f32's, and how far."""
        trials = self._too_far.get(target, ())
        counts = Counter(choices for _, choices in trials)
        return {choices: why for why, choices in trials if counts[choices] >= REFUSED_TWICE}

    def _in_common(self, target: str) -> dict[Refused, str]:
        """Return the choices that two failures of the same reason share; of nested sets the smallest."""
        found: dict[Refused, str] = {}
        for first, second in combinations(self._failed.get(target, ()), 2):
            suspects = self._suspects(*first) & self._suspects(*second)
            if suspects and _without_numbers(first[0]) == _without_numbers(second[0]):
                found.setdefault(suspects, first[0])
        return {choices: why for choices, why in found.items() if not any(other < choices for other in found)}

    def _suspects(self, reason: str, space: Space, point: Point) -> Refused:
        """Return the choices of a failure with which nothing ran; those that the reason names, if any."""
        ran = self._ran.get(space.target, set())
        only = {axis for axis, choices in space.axes.items() if len(choices) == 1}  # not a choice at all
        suspects = {
            (axis, choice)
            for axis, choice in point.items()
            if (axis, choice) not in ran and choice != DEFAULT and axis not in only
        }
        named = {pair for pair in suspects if any(name in reason for name in space.properties_at(*pair))}
        of_device = {(axis, choice) for axis, choice in named if f"leaves {axis.split()[0]} out" in reason}
        return frozenset(of_device or named or suspects)


def _precision_at(space: Space, point: Point) -> Refused:
    """Return the choices of a point on the axes of precision, the default included."""
    axes = {axis: choices[0] for axis, choices in {**space.axes, **space.late}.items() if _opened(axis)}
    return frozenset((axis, point.get(axis, default)) for axis, default in axes.items())


def _opened(axis: str) -> bool:
    switch = SWITCHES.get(axis.rpartition(" ")[2])
    return switch is not None and switch.opened


def last_failures(trials: Iterable[Trial], space: Space, points: Points) -> list[Trial]:
    """Return the failures of a space's target since something last ran on it."""
    own = [trial for trial in trials if (found := points.at(trial.configuration)) and found[0] is space]
    return list(takewhile(lambda trial: trial.state == "failed", reversed(own)))


def _without_numbers(reason: str) -> str:
    """Return a reason without its numbers: the bytes that do not fit differ from batch to batch."""
    return re.sub(r"0x[0-9a-f]+|\d+", "#", reason)


def _listed(refused: Refused) -> str:
    """Return choices in words; defaults only where there is nothing else."""
    named = [(axis, choice) for axis, choice in refused if choice != DEFAULT] or refused
    return " and ".join(sorted(f"{axis} {choice}" for axis, choice in named))
