"""What a check of advice asks again: its question and what belongs to it, or why that cannot be."""

from __future__ import annotations

import math
import os
import shlex
from dataclasses import replace

from tuner.advice.advice import Advice
from tuner.domain.figures import mebibytes
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.visible import shell_word
from tuner.errors import UsageError
from tuner.measure.neighbour import command_of
from tuner.probe.arrivals import read_arrivals
from tuner.probe.host import available_mb


def question_again(advice: Advice, arrivals: str | os.PathLike[str] | None, seed: int) -> Question:
    """Return what the advice was asked for, with random arrivals of this seed, or with the recorded ones.

    Raises:
        UsageError: The recording is not there, or is another one, or there is none.
    """
    question = advice.question.question if advice.question else THROUGHPUT
    load = question.load
    if arrivals is not None and not (load and load.source):
        raise UsageError(
            "arrivals= is given, but the advice was not measured with a recording; leave it out."
        )
    if load is None:
        return question
    if not load.source:
        return replace(question, load=replace(load, seed=seed))
    recorded = read_arrivals(arrivals or load.source)
    if recorded.sha256 != load.sha256:
        raise UsageError(
            f"arrivals='{recorded.source}' is not the recording that the advice was measured with "
            f"({recorded.sha256[:8]} instead of {load.sha256[:8]}); give that one."
        )
    return replace(question, load=recorded)


def require_room(advice: Advice, other: Advice | None) -> None:
    """Make sure that the copies of both sides, as they were measured, fit into memory.

    Raises:
        UsageError: They do not.
    """
    sides = (advice.measured, other.measured if other else advice.baseline.measured)
    needed_mb, there_mb = sum(side.memory_mb for side in sides if side), available_mb()
    copies = max(advice.copies, other.copies if other else advice.baseline.configuration.copies)
    if copies > 1 and needed_mb > there_mb:
        raise UsageError(
            f"{copies} copies of both sides take about {mebibytes(needed_mb)} together, and "
            f"{mebibytes(there_mb)} may be used here; verify it on a host like the one that was searched."
        )


def require_command(question: Question, beside: str | None) -> None:
    """Make sure that the user allows the command of the advice, and no other.

    Raises:
        UsageError: It is missing, another one, or there is none.
    """
    given = command_of(beside) if beside is not None else ()
    try:
        recorded = tuple(shlex.split(question.beside))
    except ValueError:  # somebody has edited the file
        recorded = (question.beside,)
    if given == recorded:
        return
    if not question.beside:
        raise UsageError(
            "beside= is given, but the advice was measured without another program; leave it out."
        )
    raise UsageError(
        "The advice was measured beside another program; give "
        f"beside={shell_word(question.beside)} to let it run again."
    )


def require_ratio(ratio: float | None) -> None:
    """Make sure that a least speedup is one.

    Raises:
        UsageError: It is negative, or no number.
    """
    if ratio is not None and not 0 <= ratio < math.inf:
        raise UsageError(f"min_ratio={ratio} is not a ratio; give a number from 0 on, for example 1.05.")
