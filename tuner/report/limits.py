"""Which limits the trade-off plot shows as lines, and what to do where nothing keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.result import Result
from tuner.report.view import Bound, Row

FAR = 8.0
"""A limit that is so many times beyond all trials is not drawn: the axis would show little else."""


def bounds_of(question: Question, rows: Sequence[Row]) -> list[Bound]:
    """Return the limits of throughput and p99 latency that lie near the trials."""
    return [
        Bound(str(limit), limit.figure == "throughput", limit.bound)
        for limit in question.limits
        if _is_near(limit, rows)
    ]


def not_drawn(question: Question, bounds: Sequence[Bound]) -> str:
    """Return the other limits in words."""
    drawn = {bound.text for bound in bounds}
    return " and ".join(str(limit) for limit in question.limits if str(limit) not in drawn)


def what_to_do(result: Result) -> str:
    """Return what to do about limits that what is advised breaks; empty where it keeps them."""
    if not result.unmet:
        return ""
    return "What is advised is only the hint, and breaks them, too: loosen a limit, or give a larger budget."


def _is_near(limit: Limit, rows: Sequence[Row]) -> bool:
    """Whether a limit is on an axis of the plot, and within a factor of the trials there."""
    figures = {
        "p99": [row.p99_ms for row in rows if row.fps],
        "throughput": [row.fps for row in rows if row.p99_ms],
    }
    known = [figure for figure in figures.get(limit.figure, ()) if figure]
    return bool(known) and min(known) / FAR <= limit.bound <= max(known) * FAR
