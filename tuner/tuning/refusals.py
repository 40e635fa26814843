"""What failures teach: choices that the devices refuse are not asked for again and again.

A device tells that it refuses a choice only by failing: a hidden constraint, as SCOOT (arXiv 2408.04323)
calls it. Two failures for the same reason close what they have in common and no configuration that ran has:
one choice on an axis where the reason names its property or where nothing else is left, else the choices
together, until another failure tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from tuner.domain.configuration import Configuration
from tuner.domain.space import DEFAULT, Choice, Point, Space
from tuner.domain.trial import Trial
from tuner.tuning.points import Points

GIVEN_UP_AFTER = 3
"""Failures of a target in a row after which it is asked whether it still runs its own hint."""

Refused = frozenset[tuple[str, Choice]]
"""Choices by axis."""


class Refusals:
    """Choices that fail, learnt from trials."""

    def __init__(self, points: Points, known: Iterable[Trial] = ()) -> None:
        """Learn from the trials of earlier runs."""
        self._points = points
        self._ran: dict[str, set[tuple[str, Choice]]] = {}
        self._failed: dict[str, list[tuple[str, Space, Point]]] = {}
        self._closed: dict[str, dict[Refused, str]] = {}
        for trial in known:
            self.learn(trial)

    def learn(self, trial: Trial) -> None:
        """Take note of how a trial ended."""
        found = self._points.at(trial.configuration)
        if found is None:
            return
        space, point = found
        if trial.state == "failed":
            self._failed.setdefault(space.target, []).append((trial.reason or "", space, point))
        else:
            self._ran.setdefault(space.target, set()).update(point.items())
        self._closed[space.target] = self._in_common(space.target)

    def refuses(self, configuration: Configuration) -> bool:
        """Return whether a configuration has what is known to fail."""
        if not self._failed:
            return False
        found = self._points.at(configuration)
        if found is None:
            return False
        space, point = found
        return any(refused <= set(point.items()) for refused in self._closed.get(space.target, ()))

    def told(self) -> list[str]:
        """Return a sentence for each choice that was closed."""
        return [
            f"{target}: configurations with {_said(refused)} were not tried further, two failed ({reason})"
            for target, closed in self._closed.items()
            for refused, reason in closed.items()
        ]

    def _in_common(self, target: str) -> dict[Refused, str]:
        """Return what pairs of failures for one reason share; of nested ones the widest."""
        found: dict[Refused, str] = {}
        for (reason, space, one), (other_reason, _, other) in combinations(self._failed.get(target, ()), 2):
            if reason == other_reason:
                suspects = self._suspects(space, one, reason) & self._suspects(space, other, reason)
                if suspects:
                    found.setdefault(suspects, reason)
        return {one: why for one, why in found.items() if not any(other < one for other in found)}

    def _suspects(self, space: Space, point: Point, reason: str) -> Refused:
        """Return the choices of a failure that nothing has run with; those that the reason names, if any."""
        ran = self._ran.get(space.target, set())
        suspects = {pair for pair in point.items() if pair not in ran and pair[1] != DEFAULT}
        named = {pair for pair in suspects if any(name in reason for name in space.properties_at(*pair))}
        of_device = {(axis, choice) for axis, choice in named if f"leaves {axis.split()[0]} out" in reason}
        return frozenset(of_device or named or suspects)


def failed_in_a_row(trials: Iterable[Trial], space: Space, points: Points) -> bool:
    """Return whether the last few trials of a space's target all failed."""
    own = [trial for trial in trials if (found := points.at(trial.configuration)) and found[0] is space]
    last = own[-GIVEN_UP_AFTER:]
    return len(last) == GIVEN_UP_AFTER and all(trial.state == "failed" for trial in last)


def _said(refused: Refused) -> str:
    return " and ".join(sorted(f"{axis} {choice}" for axis, choice in refused))
