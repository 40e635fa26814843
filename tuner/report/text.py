"""The report as Markdown for pull requests and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from tuner.domain.figures import digits, gain, interval, or_empty, rate, share
from tuner.domain.visible import visible
from tuner.report.view import FinalRow, Row, View

COLUMNS = tuple(field.name for field in fields(Row))
FIGURES = (
    "",
    "gain over the hint",
    "interval",
    "items/s",
    "p50, ms",
    "p99, ms",
    "MiB",
    "CPU time of an item, ms",
    "",
)
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")

DIGITS = 7
"""Significant digits of the page's own CSV: a page of thousands of trials stays small."""


def cells(row: Row) -> list[str]:
    """Return a trial's values as text, for the CSV of the page, without digits that no measurement has."""
    return [_cell(getattr(row, name)) for name in COLUMNS]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return "" if value is None else str(value)


def as_csv(views: Sequence[View]) -> str:
    """Return every trial of every study, a line each, after where the study lies and its model's name.

    Gains are ratios in full, as in JSON: 1.057 is the +5.7 % of the page. A text that a spreadsheet would
    take for a formula is set behind an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["study", "model", *COLUMNS])
    for view in views:
        for row in view.rows:
            values = (getattr(row, name) for name in COLUMNS)
            writer.writerow(map(_inert, [view.usage.study, view.title, *values]))
    return stream.getvalue()


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_MARKS) else value


def as_markdown(views: Sequence[View]) -> str:
    """Return the answer, the final and how it was measured."""
    parts = [part for view in views for part in _markdown(view)]
    if rows := differences(views) if len(views) > 1 else []:
        names = [f"{number}. {view.title}, {view.usage.study}" for number, view in enumerate(views, start=1)]
        parts += ["## What differs", "", *_table(["", *names], rows)]
    return "\n".join(parts).rstrip() + "\n"


def _markdown(view: View) -> list[str]:
    lines = [f"## {_escaped(view.title)}: {_escaped(view.answer)}", ""]
    lines += [f"**Advice:** {_escaped(view.advice.configuration)}", ""]
    price = f" ({view.high_price})" if view.high_price else ""
    lines += [f"- gain and price: {view.headline}{price}"] if view.headline else []
    lines += [f"- cheaper, with most of the gain: {_escaped(view.cheaper)}"] if view.cheaper else []
    lines += [f"- no claim, figures of trials: {_escaped(view.no_claim)}"] if view.no_claim else []
    lines += [f"- drop-in, with the model's own batch: {_escaped(view.drop_in)}"] if view.drop_in else []
    lines += [f"- known: {view.known}"] if view.known else []
    lines += [f"- edge of the space: {edge}" for edge in view.edges]
    lines += [f"- switches around the best: {view.switches}"] if view.switches else []
    lines += [f"- over the whole search, the hint's own speed varied by {share(view.noise)}"]
    lines += [f"- rounds: {view.played_again}"] if view.played_again else []
    lines += [f"- disturbed: {view.disturbance}"] if view.disturbance else []
    lines += [f"- warning: {_escaped(warning)}" for warning in view.warnings]
    trials = [view.hint] if view.advice.configuration == view.hint.configuration else [view.advice, view.hint]
    finalists = trials if view.no_claim else view.finalists
    lines += ["", *_table(FIGURES, [_figures(row) for row in finalists])]
    if view.targets:
        rows = [
            [row.configuration, gain(row.ratio), interval(row.low, row.high), row.source, row.share]
            for row in view.targets
        ]
        lines += ["", *_table(["target", "gain over the baseline", "interval", "from", ""], rows)]
    reproduce = [*view.reproduce.items(), ("study", view.usage.study)]
    return [*lines, "", *_table(["reproduce", ""], reproduce), ""]


def _figures(row: FinalRow) -> list[str]:
    return [
        row.configuration,
        or_empty(gain, row.ratio),
        interval(row.low, row.high),
        or_empty(rate, row.fps),
        *(or_empty(digits, value) for value in (row.p50_ms, row.p99_ms, row.memory_mb, row.cpu_ms_per_item)),
        row.note,
    ]


def differences(views: Sequence[View]) -> list[list[str]]:
    """Return what differs between studies: a line each, its name first, then a cell a study."""
    advice, hint = [view.advice for view in views], [view.hint for view in views]
    named = {
        "answer": [view.answer for view in views],
        "advice": [row.configuration for row in advice],
        "gain and price": [view.headline for view in views],
        "gain over the hint": [or_empty(gain, row.ratio) for row in advice],
        "advice, items/s": _changes(views, [row.fps for row in advice]),
        "advice, p99 in ms": _changes(views, [row.p99_ms for row in advice]),
        "hint, items/s": _changes(views, [row.fps for row in hint]),
        "hint, p99 in ms": _changes(views, [row.p99_ms for row in hint]),
    }
    keys = dict.fromkeys(name for view in views for name in view.reproduce)
    named |= {name: [view.reproduce.get(name, "") for view in views] for name in keys}
    return [[name, *values] for name, values in named.items() if len(set(values)) > 1]


def same_model(views: Sequence[View]) -> bool:
    """Whether rates of several studies compare at all."""
    return len({view.result.model.sha256 for view in views}) == 1


def _changes(views: Sequence[View], values: Sequence[float | None]) -> list[str]:
    """Say each value, and for one model how far it is from the first."""
    first = values[0] if same_model(views) else None

    def change(value: float) -> str:
        return f" ({gain(value / first)} from 1.)" if first and value != first else ""

    return [digits(value) + change(value) if value else "" for value in values]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(_escaped, head))} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(_escaped, row))} |" for row in rows)]


def _escaped(text: str) -> str:
    """Keep Markdown from reading marks in a text, and a line from ending."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return visible(" ".join(text.split()))
