"""The report as Markdown for pull requests, as CSV, and as plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from tuner.report.view import Row, View

COLUMNS = tuple(field.name for field in fields(Row))


def cells(row: Row) -> list[str]:
    """Return a trial's values as text, in the order of `COLUMNS`; numbers in full."""
    values = (getattr(row, name) for name in COLUMNS)
    return [
        "" if value is None else repr(value) if isinstance(value, float) else str(value) for value in values
    ]


def short_cells(row: Row) -> list[str]:
    """Return a trial's values as a reader wants them: with the digits that a measurement can have."""
    values = (getattr(row, name) for name in COLUMNS)
    return [_short(value) for value in values]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return "" if value is None else str(value)


def as_csv(views: Sequence[View]) -> str:
    """Return every trial of every study, a line each; the study's name first."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["study", *COLUMNS])
    for one in views:
        writer.writerows([one.title, *cells(row)] for row in one.rows)
    return stream.getvalue()


def as_data(views: Sequence[View]) -> dict[str, Any]:
    """Return everything that the page shows, as plain data."""
    return {"studies": [asdict(one) for one in views], "differences": differences(views)}


def as_markdown(views: Sequence[View]) -> str:
    """Return the answer, the final and how it was measured."""
    parts = [part for one in views for part in _markdown(one)]
    if told := differences(views) if len(views) > 1 else []:
        parts += ["## What differs", "", *_table(["", *(one.title for one in views)], told)]
    return "\n".join(parts).rstrip() + "\n"


def _markdown(view: View) -> list[str]:
    lines = [f"## {_escaped(view.title)}: {_escaped(view.answer)}", ""]
    lines += [f"**Advice:** `{view.advice}`", ""]
    lines += [f"- {name}: {told}" for name, told in view.facts.items()]
    lines += [f"- known: {view.known}"] if view.known else []
    lines += [f"- warning: {_escaped(told)}" for told in view.warnings]
    if view.contenders:
        rows = [
            [
                one.configuration,
                _percent(one.ratio),
                f"{_percent(one.low)} to {_percent(one.high)}" if one.low and one.high else "",
                "" if one.fps is None else f"{one.fps:,.4g}",
                "" if one.p99_ms is None else f"{one.p99_ms:.3g}",
                one.note,
            ]
            for one in view.contenders
        ]
        lines += ["", *_table(["final", "over the hint", "interval", "items/s", "p99, ms", ""], rows)]
    if view.targets:
        told = [[one.configuration, _percent(one.ratio), one.share] for one in view.targets]
        lines += ["", *_table(["target", "over the baseline", ""], told)]
    lines += ["", *_table(["reproduce", ""], [list(one) for one in view.reproduce.items()]), ""]
    return lines


def differences(views: Sequence[View]) -> list[list[str]]:
    """Return what differs between studies: a line each, its name first, then a cell a study."""
    named = {
        "answer": [one.answer for one in views],
        "advice": [one.advice for one in views],
        "advice, figures": [one.facts.get("advice", "") for one in views],
        "hint, figures": [one.facts.get("hint", "") for one in views],
    }
    keys = dict.fromkeys(name for one in views for name in one.reproduce)
    named |= {name: [one.reproduce.get(name, "") for one in views] for name in keys}
    return [[name, *told] for name, told in named.items() if len(set(told)) > 1]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(_escaped, row))} |" for row in rows)]


def _escaped(text: str) -> str:
    """Keep Markdown from reading marks in a text, and a line from ending."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _percent(ratio: float | None) -> str:
    return "" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
