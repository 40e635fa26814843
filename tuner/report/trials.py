"""The page's table of trials: what each column shows, and the figure that it is sorted by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tuner.domain.figures import digits, gain_name, interval, or_empty, rate, share
from tuner.domain.stats import Metric
from tuner.report.text import gain_of_row
from tuner.report.view import Row

ROLES = {"hint": "the hint", "best": "the advice", "front": "on the front"}
"""What a row's role is called on the page."""


class Column(NamedTuple):
    """A column of the page.

    Attributes:
        head: Its name.
        sort: The field of `Row` that it is sorted by.
        kind: `number`, `wide` (its text may wrap), or nothing.
        text: Says a row's value.
    """

    head: str
    sort: str
    kind: str
    text: Callable[[Row], str]


def outcome(row: Row) -> str:
    """Return what came of a trial: its state, or that it is over a limit, with its role or its reason."""
    note = row.reason or ROLES.get(row.role, "")
    return f"{row.outcome}: {note}" if note else row.outcome


GAIN = Column("gain over the hint", "ratio", "number", gain_of_row)
COLUMNS = (
    Column("trial", "number", "number", lambda row: str(row.number)),
    Column("configuration", "configuration", "wide", lambda row: row.configuration),
    Column("outcome", "state", "wide", outcome),
    GAIN,
    Column("interval", "low", "number", lambda row: interval(row.low, row.high, row.metric)),
    Column("items/s", "fps", "number", lambda row: or_empty(rate, row.fps)),
    Column("p50, ms", "p50_ms", "number", lambda row: or_empty(digits, row.p50_ms)),
    Column("p99, ms", "p99_ms", "number", lambda row: or_empty(digits, row.p99_ms)),
    Column("MiB", "memory_mb", "number", lambda row: or_empty(digits, row.memory_mb)),
    Column(
        "CPU time of an item, ms",
        "cpu_ms_per_item",
        "number",
        lambda row: or_empty(digits, row.cpu_ms_per_item),
    ),
    Column("rounds", "rounds", "number", lambda row: str(row.rounds)),
    Column("compiled in, s", "compile_s", "number", lambda row: or_empty(digits, row.compile_s)),
    Column("compiled to", "compiled", "wide", lambda row: row.compiled),
)

FURTHER = (
    Column("throttled", "throttled", "number", lambda row: or_empty(share, row.throttled)),
    Column("slowest copy, items/s", "slowest_fps", "number", lambda row: or_empty(rate, row.slowest_fps)),
)
"""Columns that are shown where a trial has such a figure."""

EVERY = (*COLUMNS, *FURTHER)


def shown_columns(metric: Metric, rows: Sequence[Row]) -> list[Column]:
    """Return the columns of a search, whose gains are those of a metric."""
    named = GAIN._replace(head=gain_name(metric))
    further = [column for column in FURTHER if any(getattr(row, column.sort) is not None for row in rows)]
    return [named if column is GAIN else column for column in (*COLUMNS, *further)]
