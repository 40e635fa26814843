"""What an export is, and the plainest one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import msgspec

from tuner.advice.advice import Advice

FILE = "{file}"


@dataclass(frozen=True, slots=True)
class Export:
    """A configuration in the form of another program.

    Attributes:
        name: Of its file.
        text: The file's content.
        command: The words of the command line that uses it, `FILE` standing for the file's path; None
            where the file is all there is.
        notes: What it cannot express, or what must be done for it, in sentences.
    """

    name: str
    text: str
    command: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def line(self, path: str) -> str:
        """Return the command line, for a file at `path`; empty where there is none."""
        return shlex.join(path if word == FILE else word for word in self.command or ())


def as_json(advice: Advice) -> Export:
    """Return the advice as one JSON document."""
    text = msgspec.json.format(msgspec.json.encode(advice), indent=2).decode()
    return Export("advice.json", text + "\n")


def shapes_of(advice: Advice) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input at the advised batch."""
    return {one.name: one.at_batch(advice.batch) for one in advice.as_model().inputs}
