"""The report as Markdown for pull requests and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import fields

from tuner.domain.figures import gain, interval, rate
from tuner.domain.visible import visible
from tuner.report.view import FinalRow, Row, View

COLUMNS = tuple(field.name for field in fields(Row))
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")


def cells(row: Row, said: Callable[[float], str] = repr, columns: Sequence[str] = COLUMNS) -> list[str]:
    """Return a trial's values as text; figures in full, or as `said` says them."""
    values = (getattr(row, name) for name in columns)
    return ["" if one is None else said(one) if isinstance(one, float) else str(one) for one in values]


def as_csv(views: Sequence[View]) -> str:
    """Return every trial of every study, a line each, after where the study lies and its model's name.

    A text that a spreadsheet would take for a formula is set behind an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["study", "model", *COLUMNS])
    for one in views:
        for row in one.rows:
            writer.writerow(map(_inert, [one.usage.study, one.title, *cells(row)]))
    return stream.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_MARKS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_markdown(views: Sequence[View]) -> str:
    """Return the answer, the final and how it was measured."""
    parts = [part for one in views for part in _markdown(one)]
    if told := differences(views) if len(views) > 1 else []:
        names = [f"{number}. {one.title}, {one.usage.study}" for number, one in enumerate(views, start=1)]
        parts += ["## What differs", "", *_table(["", *names], told)]
    return "\n".join(parts).rstrip() + "\n"


def _markdown(view: View) -> list[str]:
    lines = [f"## {_escaped(view.title)}: {_escaped(view.answer)}", ""]
    lines += [f"**Advice:** {_escaped(view.advice.configuration)}", ""]
    lines += [f"- no claim, figures of trials: {_escaped(view.no_claim)}"] if view.no_claim else []
    lines += [f"- drop-in, with the model's own batch: {_escaped(view.drop_in)}"] if view.drop_in else []
    lines += [f"- known: {view.known}"] if view.known else []
    lines += [f"- switches around the best: {view.switches}"] if view.switches else []
    lines += [f"- the hint's own rate varied by {100 * view.noise:.1f} %"]
    lines += [f"- warning: {_escaped(told)}" for told in view.warnings]
    trials = [view.hint] if view.advice.configuration == view.hint.configuration else [view.advice, view.hint]
    finalists = trials if view.no_claim else view.finalists
    lines += ["", *_table(["", "over the hint", "interval", "items/s", "p50, ms", "p99, ms", "MiB", ""],
                          [_figures(one) for one in finalists])]  # fmt: skip
    if view.targets:
        rows = [
            [one.configuration, gain(one.ratio), interval(one.low, one.high), one.source, one.share]
            for one in view.targets
        ]
        lines += ["", *_table(["target", "over the baseline", "interval", "from", ""], rows)]
    lines += [
        "",
        *_table(["reproduce", ""], [*map(list, view.reproduce.items()), ["study", view.usage.study]]),
        "",
    ]
    return lines


def _figures(one: FinalRow) -> list[str]:
    return [
        one.configuration,
        gain(one.ratio) if one.ratio else "",
        interval(one.low, one.high),
        rate(one.fps) if one.fps else "",
        *("" if ms is None else f"{ms:.3g}" for ms in (one.p50_ms, one.p99_ms)),
        f"{one.memory_mb:.0f}" if one.memory_mb else "",
        one.note,
    ]


def differences(views: Sequence[View]) -> list[list[str]]:
    """Return what differs between studies: a line each, its name first, then a cell a study."""
    advice, hint = [one.advice for one in views], [one.hint for one in views]
    named = {
        "answer": [one.answer for one in views],
        "advice": [one.configuration for one in advice],
        "over the hint": [f"{gain(one.ratio)}" if one.ratio else "" for one in advice],
        "advice, items/s": _changes(views, [one.fps for one in advice]),
        "advice, p99 in ms": _changes(views, [one.p99_ms for one in advice]),
        "hint, items/s": _changes(views, [one.fps for one in hint]),
        "hint, p99 in ms": _changes(views, [one.p99_ms for one in hint]),
    }
    keys = dict.fromkeys(name for one in views for name in one.reproduce)
    named |= {name: [one.reproduce.get(name, "") for one in views] for name in keys}
    return [[name, *told] for name, told in named.items() if len(set(told)) > 1]


def same_model(views: Sequence[View]) -> bool:
    """Whether rates of several studies compare at all."""
    return len({one.result.model.sha256 for one in views}) == 1


def _changes(views: Sequence[View], values: Sequence[float | None]) -> list[str]:
    """Say each value, and for one model how far it is from the first."""
    first = values[0] if same_model(views) else None
    return [
        ""
        if not one
        else rate(one)
        if not first or one == first
        else f"{rate(one)} ({gain(one / first)} from 1.)"
        for one in values
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(map(_escaped, head))} |", f"|{' --- |' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(_escaped, row))} |" for row in rows)]


def _escaped(text: str) -> str:
    """Keep Markdown from reading marks in a text, and a line from ending."""
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return visible(" ".join(text.split()))
