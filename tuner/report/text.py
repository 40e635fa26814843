"""The report as Markdown for pull requests and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from tuner.domain.figures import digits, gain, gain_name, interval, or_empty, rate, share
from tuner.domain.visible import visible
from tuner.report.view import FinalRow, Row, TargetRow, View

COLUMNS = tuple(field.name for field in fields(Row))
FIGURES = ("interval", "items/s", "p50, ms", "p99, ms", "MiB", "CPU time of an item, ms", "")
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


DIGITS = 7
"""Significant digits of the page's own CSV and plots: a page of thousands of trials stays small."""


def cells(row: Row, columns: Sequence[str] = COLUMNS) -> list[str]:
    """Return a trial's values as text, for the CSV of the page, without digits that no measurement has."""
    return [_cell(getattr(row, name)) for name in columns]


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    return "" if value is None else str(value)


def gain_of_row(row: Row | FinalRow | TargetRow) -> str:
    """Return the gain of a row, empty where it was not measured."""
    return or_empty(lambda ratio: gain(ratio, metric=row.metric), row.ratio)


def as_csv(views: Sequence[View]) -> str:
    """Return every trial of every study, a line each, after where the study lies and its model's name.

    Gains are ratios in full, as in JSON: 1.057 is the +5.7 % of the page, and with the metric `latency_p99`
    or `cpu`, 1.37 is the -27.0 %: the hint's figure over the trial's. A text that a spreadsheet would
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
    lines += [f"- question: {_escaped(view.question)}"]
    lines += [f"- limit: {_escaped(limit)}" for limit in view.limits]
    lines += [f"- rate: {_escaped(line)}" for line in view.boundaries]
    lines += [f"- {view.headline}. {view.what_to_do}"] if view.unmet else []
    price = f" ({view.high_price})" if view.high_price else ""
    what = "limits" if view.verdict == "meets_limits" else "gain and price"
    lines += [f"- {what}: {view.headline}{price}"] if view.headline and not view.unmet else []
    lines += [f"- cheaper, with most of the gain: {_escaped(view.cheaper)}"] if view.cheaper else []
    lines += [f"- no claim, figures of trials: {_escaped(view.no_claim)}"] if view.no_claim else []
    lines += [f"- drop-in, with the model's own batch: {_escaped(view.drop_in)}"] if view.drop_in else []
    lines += [f"- precision: {view.precision}"] if view.precision else []
    lines += [f"- known: {view.known}"] if view.known else []
    lines += [f"- edge of the space: {edge}" for edge in view.edges]
    lines += [f"- switches around the best: {view.switches}"] if view.switches else []
    if view.noise is not None:
        lines += [f"- over the whole search, the hint's own speed varied by {share(view.noise)}"]
    lines += [f"- rounds: {view.played_again}"] if view.played_again else []
    lines += [f"- disturbed: {view.disturbance}"] if view.disturbance else []
    lines += [f"- warning: {_escaped(warning)}" for warning in view.warnings]
    trials = [view.hint] if view.advice.configuration == view.hint.configuration else [view.advice, view.hint]
    finalists = trials if view.no_claim else view.finalists
    head = ["", gain_name(view.metric), *FIGURES]
    lines += ["", *_table(head, [_figures(row) for row in finalists])]
    if view.targets:
        rows = [
            [row.configuration, gain_of_row(row), _interval(row), row.source, row.share]
            for row in view.targets
        ]
        lines += [
            "",
            *_table(["target", gain_name(view.metric, "the baseline"), "interval", "from", ""], rows),
        ]
    reproduce = [*view.reproduce.items(), ("study", view.usage.study)]
    return [*lines, "", *_table(["reproduce", ""], reproduce), ""]


def _figures(row: FinalRow) -> list[str]:
    return [
        row.configuration,
        gain_of_row(row),
        _interval(row),
        or_empty(rate, row.fps),
        *(or_empty(digits, value) for value in (row.p50_ms, row.p99_ms, row.memory_mb, row.cpu_ms_per_item)),
        row.note,
    ]


def _interval(row: FinalRow | TargetRow) -> str:
    return interval(row.low, row.high, row.metric)


def differences(views: Sequence[View]) -> list[list[str]]:
    """Return what differs between studies: a line each, its name first, then a cell a study."""
    advice, hint = [view.advice for view in views], [view.hint for view in views]
    named = {
        "question": [view.question for view in views],
        "answer": [view.answer for view in views],
        "advice": [row.configuration for row in advice],
        "in short": [view.headline for view in views],
        **_gains_apart(views),
        "advice, items/s": _changes(views, [row.fps for row in advice]),
        "advice, p99 in ms": _changes(views, [row.p99_ms for row in advice]),
        "advice, CPU time of an item in ms": _changes(views, [row.cpu_ms_per_item for row in advice]),
        "hint, items/s": _changes(views, [row.fps for row in hint]),
        "hint, p99 in ms": _changes(views, [row.p99_ms for row in hint]),
        "hint, CPU time of an item in ms": _changes(views, [row.cpu_ms_per_item for row in hint]),
        "limits": ["; ".join(view.limits) for view in views],
    }
    keys = dict.fromkeys(name for view in views for name in view.reproduce)
    named |= {name: [view.reproduce.get(name, "") for view in views] for name in keys}
    return [[name, *values] for name, values in named.items() if len(set(values)) > 1]


def _gains_apart(views: Sequence[View]) -> dict[str, list[str]]:
    """Return each advice's gain, a line for each figure in which the searches were asked to gain."""
    metrics = dict.fromkeys(view.metric for view in views)
    return {
        gain_name(metric): [gain_of_row(view.advice) * (view.metric == metric) for view in views]
        for metric in metrics
    }


def asked_alike(views: Sequence[View]) -> bool:
    """Whether all gains are in the same figure."""
    return len({view.metric for view in views}) == 1


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
