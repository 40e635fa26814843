"""What is wrong with a plan: everything at once, each with its line and its place in the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tuner.advice.fields import with_nearest_field
from tuner.advice.parsing import Lines, shortened
from tuner.advice.records import Record
from tuner.commands.fleet.plan import Options
from tuner.errors import PlanError

Place = tuple[str | int, ...]
R = TypeVar("R", bound=Record)

PARAMETERS = "|".join(sorted((*Options.__struct_fields__, "output", "ray", "hosts"), key=len, reverse=True))


class Problems:
    """Collects what is wrong with a plan."""

    def __init__(self, path: Path, lines: Lines) -> None:
        """Begin with none; `lines` are those of the values in the file."""
        self._path, self._lines = path, lines
        self._found: list[tuple[int, str]] = []

    def add(self, place: Place, sentence: str) -> None:
        """Keep what is wrong at a place, or at the nearest place around it that the file has."""
        around = (place[:end] for end in range(len(place), 0, -1))
        there = next((each for each in around if each in self._lines), ())
        name = f"{'.'.join(map(str, place))}: " if place else ""
        text = f"{self._path}:{self._lines.get(there, 1)}: {name}{as_fields(sentence).rstrip('.')}."
        if all(text != known for _, known in self._found):
            self._found.append((self._lines.get(there, 1), text))

    def knows(self, place: Place) -> bool:
        """Return whether the file has something at a place."""
        return place in self._lines

    def refuse(self) -> None:
        """Refuse the plan if anything is wrong with it.

        Raises:
            PlanError: With all that is wrong, in the order of the file.
        """
        if self._found:
            raise PlanError([text for _, text in sorted(self._found, key=lambda found: found[0])])

    def mapping(self, given: Any, place: Place, example: str) -> dict[str, Any]:
        """Return a part of the plan that has names or fields; an empty one where it has none."""
        if given is None:
            return {}
        if not isinstance(given, dict):
            self.add(place, f"expected fields like {example}, got {shortened(repr(given))}")
            return {}
        for key in [key for key in given if not isinstance(key, str)]:
            self.add((*place, str(key)), f"{key!r} is not text; put it into quotes")
        return {key: value for key, value in given.items() if isinstance(key, str)}

    def checked(self, given: Any, kind: type[R], place: Place, example: str) -> R | None:
        """Return a part of the plan as its record, without wrong fields; None if it cannot be one."""
        fields = self.mapping(given, place, example)
        while True:
            try:
                return msgspec.convert(fields, kind)
            except msgspec.ValidationError as error:
                message = with_nearest_field(str(error), kind)
            found = re.search(r" - at `\$\.(\w+)\S*`|unknown field `(.*?)`", message)
            field = (found[1] or found[2]) if found else ""
            said = re.sub(r" - at `\S+`|^Object (?:contains )?", "", message)
            self.add((*place, *([field] if field else [])), shortened(said))
            if field not in fields:
                return None
            del fields[field]


def as_fields(sentence: str) -> str:
    """Return a sentence of the library with fields in place of parameters: `budget: 9` of `budget=9`."""
    shapes = re.sub(r"(?<![\w'\"/.-])shapes=\{[^}]*\}", lambda found: _in_brackets(found[0]), sentence)
    return re.sub(
        rf"(?<![\w'\"/.-])({PARAMETERS})=(?=([\w'\"\[{{])?)",
        lambda found: found[1] + ": " * (found[2] is not None),
        shapes,
    )


def _in_brackets(shapes: str) -> str:
    """Return `shapes={'ids': (1, 8)}` with the lists of YAML in place of Python's tuples."""
    return re.sub(r",?\)", "]", shapes.replace("(", "["))
