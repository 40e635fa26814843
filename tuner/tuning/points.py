"""Which space a configuration belongs to, and at which point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tuner.domain.configuration import Configuration
from tuner.domain.space import Point, Space
from tuner.domain.target import Target


class Points:
    """The points of several spaces, their late axes included, by configuration."""

    def __init__(self, spaces: Mapping[Target, Space]) -> None:
        """Take the space of each target."""
        self._spaces = dict(spaces)

    @property
    def spaces(self) -> Iterable[Space]:
        """The spaces, in the order of their targets."""
        return self._spaces.values()

    def space(self, target: Target) -> Space:
        """Return the space of a target."""
        return self._spaces[target]

    def replace(self, target: Target, space: Space) -> None:
        """Put a space that has grown in the place of the target's space so far."""
        self._spaces[target] = space

    def at(self, configuration: Configuration) -> tuple[Space, Point] | None:
        """Return a configuration's space and point, or None if it is in no space."""
        for target, space in self._spaces.items():
            if target.covers(configuration.device) and (point := space.point(configuration)):
                return space, point
        return None

    def variants(self, configuration: Configuration) -> list[Configuration]:
        """Return the configurations that differ from the given one in a single late axis."""
        found = self.at(configuration)
        if found is None:
            return []
        space, point = found
        variants = dict.fromkeys(space.configuration(variant) for variant in space.variants(point))
        return [variant for variant in variants if variant != configuration]
