"""Option types: what a user writes, turned into what the library takes, or one clear sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.domain.units import counts_of, seconds_of, shapes_of
from tuner.errors import UsageError


class Parsed(click.ParamType[Any]):
    """An option read by one of the library's own readers."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        """Use `read`, whose UsageError is the sentence that the user sees."""
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value."""
        return self._read(value) if isinstance(value, str) else value


def merged(
    _context: click.Context, _option: click.Parameter, given: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    """Join the values of a repeated option."""
    return {name: value for one in given for name, value in one.items()}


def named_file(text: str) -> tuple[str, Path]:
    """Read NAME=FILE."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UsageError(f"--input '{text}' is no NAME=FILE; give one like image=photos/ or ids=ids.npy.")
    return name, Path(path)


def formats_of(text: str) -> tuple[str, ...]:
    """Read formats of a report, with commas between."""
    found = tuple(dict.fromkeys(one.strip() for one in text.split(",")))
    for one in found:
        if one not in REPORT_FORMATS:
            raise UsageError(f"--format '{text}' has '{one}'; give some of {', '.join(REPORT_FORMATS)}.")
    return found


REPORT_FORMATS = ("html", "md", "csv", "json")

DURATION = Parsed("duration", seconds_of)
SHAPES = Parsed("shape", shapes_of)
NAMED_FILE = Parsed("name=file", named_file)
STREAMS = Parsed("counts", lambda text: counts_of(text, "--streams", word="hint"))
BATCHES = Parsed("counts", lambda text: counts_of(text, "--batch"))
REQUESTS = Parsed("counts", lambda text: counts_of(text, "--requests"))
FORMATS = Parsed("formats", formats_of)
