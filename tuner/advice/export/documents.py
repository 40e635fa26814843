"""An export, and the simplest: the advice as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import msgspec

from tuner.advice.advice import Advice
from tuner.domain.figures import milliseconds, rate
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.visible import shell_word

FILE = "{file}"


@dataclass(frozen=True, slots=True)
class Export:
    """A configuration in the form of another program.

    Attributes:
        name: The file's name.
        text: The file's content, with control characters escaped as its language does it.
        command: The words of the command line that uses the file, with `FILE` in place of its path; None
            if no command is needed.
        notes: What the file cannot hold, or what else must be done, in sentences.
    """

    name: str
    text: str
    command: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def line(self, path: str) -> str:
        """Return the command line for a file at `path`; empty if there is no command."""
        return " ".join(shell_word(path if word == FILE else word) for word in self.command or ())


def as_json(advice: Advice) -> Export:
    """Return the advice as one JSON document."""
    return Export("advice.json", json.dumps(msgspec.to_builtins(advice), indent=2, allow_nan=False) + "\n")


def with_use_named(export: Export, advice: Advice) -> Export:
    """Return an export with notes on what a file for a program cannot hold: load, copies, what ran beside."""
    question = advice.question.question if advice.question else THROUGHPUT
    notes = [_about_load(question, advice)] if question.arrives else []
    notes += [_about_copies(advice)] if advice.copies > 1 else []
    if question.beside or question.niceness:
        beside = f" beside {shell_word(question.beside)}" if question.beside else ""
        nice = f" with niceness {question.niceness}" if question.niceness else ""
        notes.append(f"The advice was measured{beside}{nice}; elsewhere figures differ.")
    return replace(export, notes=(*export.notes, *notes)) if notes else export


def _about_load(question: Question, advice: Advice) -> str:
    most = advice.measured.throughput_fps if advice.measured else 0.0
    load = question.load or f"arrivals of up to {rate(most)} items/s"
    wait_ms = advice.best.configuration.max_wait_ms
    waits = f", and its batches waited up to {milliseconds(wait_ms)} to fill" if wait_ms else ""
    return f"The advice was measured at {load}{waits}; this file cannot hold that, so figures differ."


def _about_copies(advice: Advice) -> str:
    own = advice.best.configuration.slices
    cores = "; ".join(",".join(map(str, each)) for each in own)
    where = f", each on cores of its own ({cores}), as 'taskset -c' sets them" if own else ""
    return (
        f"The advice is for {advice.copies} processes at the same time{where}; this file is for one of them."
    )


def shapes_of(advice: Advice) -> dict[str, tuple[int, ...]]:
    """Return the shape of every input at the advised batch."""
    return {each.name: each.at_batch(advice.batch) for each in advice.as_model().inputs}
