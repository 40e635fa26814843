"""Which space a configuration belongs to, and at which point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tuner.domain.configuration import Configuration
from tuner.domain.space import Point, Space
from tuner.domain.target import Target


class Points:
    """The points of several spaces, their late axes included, by configuration."""

    def __init__(self, spaces: Mapping[Target, Space]) -> None:
        """Index the points of each space; points with late choices are found when asked for."""
        self._spaces = spaces
        self._known: dict[Configuration, tuple[Space, Point] | None] = {
            space.configuration(point): (space, point)
            for space in spaces.values()
            for point in space.points()
        }

    @property
    def spaces(self) -> Iterable[Space]:
        """The spaces, in the order of their targets."""
        return self._spaces.values()

    def at(self, configuration: Configuration) -> tuple[Space, Point] | None:
        """Return a configuration's space and point, or None if it is in no space."""
        if configuration not in self._known:
            self._known[configuration] = self._found(configuration)
        return self._known[configuration]

    def variants(self, configuration: Configuration) -> list[Configuration]:
        """Return the configurations that differ from the given one in a single late axis."""
        found = self.at(configuration)
        if found is None:
            return []
        space, point = found
        variants = {space.configuration(variant): (space, variant) for variant in space.variants(point)}
        self._known = {**variants, **self._known}
        return [variant for variant in variants if variant != configuration]

    def _found(self, configuration: Configuration) -> tuple[Space, Point] | None:
        """Look for a configuration with late choices among the points of its batch."""
        for target, space in self._spaces.items():
            if not target.covers(configuration.device):
                continue
            late = list(space.late_choices(configuration))
            for point in space.points():
                if point["batch"] == configuration.batch:
                    for choices in late:
                        if space.configuration({**point, **choices}) == configuration:
                            return space, {**point, **choices}
        return None
