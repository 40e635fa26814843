"""The report as Markdown for pull requests, as CSV, and as plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from tuner.domain.words import percent, rate
from tuner.report.view import Contender, Row, View

COLUMNS = tuple(field.name for field in fields(Row))


def cells(row: Row, said: Callable[[float], str] = repr) -> list[str]:
    """Return a trial's values as text, in the order of `COLUMNS`; figures in full, or as `said` says them."""
    values = (getattr(row, name) for name in COLUMNS)
    return ["" if one is None else said(one) if isinstance(one, float) else str(one) for one in values]


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
    lines += [f"**Advice:** {_escaped(view.advice.configuration)}", ""]
    lines += [f"- drop-in, with the model's own batch: {_escaped(view.drop_in)}"] if view.drop_in else []
    lines += [f"- known: {view.known}"] if view.known else []
    lines += [f"- the hint's own rate varied by {100 * view.noise:.1f} %"]
    lines += [f"- warning: {_escaped(told)}" for told in view.warnings]
    contenders = view.contenders or [one for one in (view.advice, view.hint) if one.fps]
    lines += ["", *_table(["", "over the hint", "interval", "items/s", "p50, ms", "p99, ms", "MiB", ""],
                          [_figures(one) for one in contenders])]  # fmt: skip
    if view.targets:
        rows = [
            [one.configuration, percent(one.ratio), interval(one.low, one.high), one.source, one.share]
            for one in view.targets
        ]
        lines += ["", *_table(["target", "over the baseline", "interval", "from", ""], rows)]
    lines += ["", *_table(["reproduce", ""], [list(one) for one in view.reproduce.items()]), ""]
    return lines


def _figures(one: Contender) -> list[str]:
    return [
        one.configuration,
        percent(one.ratio) if one.ratio else "",
        interval(one.low, one.high),
        rate(one.fps) if one.fps else "",
        *("" if ms is None else f"{ms:.3g}" for ms in (one.p50_ms, one.p99_ms)),
        f"{one.memory_mb:.0f}" if one.memory_mb else "",
        one.note,
    ]


def interval(low: float | None, high: float | None) -> str:
    """Return an interval as signed percentages; empty where an end is open."""
    return f"{percent(low)} to {percent(high)}" if low and high else ""


def differences(views: Sequence[View]) -> list[list[str]]:
    """Return what differs between studies: a line each, its name first, then a cell a study."""
    advice, hint = [one.advice for one in views], [one.hint for one in views]
    named = {
        "answer": [one.answer for one in views],
        "advice": [one.configuration for one in advice],
        "over the hint": [f"{percent(one.ratio)}" if one.ratio else "" for one in advice],
        "advice, items/s": _changes([one.fps for one in advice]),
        "advice, p99 in ms": _changes([one.p99_ms for one in advice]),
        "hint, items/s": _changes([one.fps for one in hint]),
        "hint, p99 in ms": _changes([one.p99_ms for one in hint]),
    }
    keys = dict.fromkeys(name for one in views for name in one.reproduce)
    named |= {name: [one.reproduce.get(name, "") for one in views] for name in keys}
    return [[name, *told] for name, told in named.items() if len(set(told)) > 1]


def _changes(values: Sequence[float | None]) -> list[str]:
    """Say each value, and how far it is from the first."""
    first = values[0]
    return [
        "" if not one else rate(one) if not first or one == first else f"{rate(one)} ({percent(one / first)})"
        for one in values
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(_escaped, head))} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(_escaped, row))} |" for row in rows)]


def _escaped(text: str) -> str:
    """Keep Markdown from reading marks in a text, and a line from ending."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
