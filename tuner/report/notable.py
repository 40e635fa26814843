"""Points of the plots that a reader looks for, and trials that look better than the advice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tuner.domain.result import Result
from tuner.report.view import FinalRow, Label, Row


def ahead_of_advice(result: Result, rows: Sequence[Row], advice: FinalRow) -> list[Row]:
    """Return the trials that look better than the advice in both throughput and p99 latency.

    Under a load it is CPU time instead of throughput, which the load fixes.

    Only those that keep the limits and that the final did not measure: their figures are of trials, which are
    no claims. Empty without a whole final, since nothing is claimed then, and where CPU time was asked for
    without a load.
    """
    final = result.final
    loaded = result.question.load is not None
    if final is None or final.trouble or not (advice.fps and advice.p99_ms):
        return []
    if result.question.objective == "cpu" and not loaded:
        return []
    met = {str(entry.configuration) for entry in (final.baseline, *final.finalists)}
    return [
        row
        for row in rows
        if row.state in {"measured", "pruned"}
        and not row.is_over
        and row.configuration not in met
        and (
            (row.cpu_ms_per_item or math.inf) < (advice.cpu_ms_per_item or 0.0)
            if loaded
            else (row.fps or 0.0) > advice.fps
        )
        and (row.p99_ms or math.inf) < advice.p99_ms
    ]


def labels_of(
    front: Sequence[Row], hint: FinalRow, advice: FinalRow, drop_in: FinalRow | None
) -> list[Label]:
    """Return labels of hint, advice and drop-in, and of the front's ends and knee."""
    rows = [*_of_final(hint, advice, drop_in)]
    rows += [(text, row) for text, row in _of_front(front) if row.configuration != hint.configuration]
    return [Label(text, row.fps, row.p99_ms) for text, row in rows if row.fps and row.p99_ms]


def cpu_labels_of(
    rows: Sequence[Row], hint: FinalRow, advice: FinalRow, drop_in: FinalRow | None
) -> list[Label]:
    """Return labels of hint, advice and drop-in, and of the trial of the least CPU time."""
    known = [row for row in rows if row.cpu_ms_per_item and row.state in {"measured", "pruned"}]
    least = min(known, key=lambda row: row.cpu_ms_per_item or math.inf, default=None)
    found = [*_of_final(hint, advice, drop_in)]
    if least and least.configuration not in {hint.configuration, advice.configuration}:
        found.append(("least CPU time", least))
    return [
        Label(text, row.fps, row.cpu_ms_per_item) for text, row in found if row.fps and row.cpu_ms_per_item
    ]


def _of_final(
    hint: FinalRow, advice: FinalRow, drop_in: FinalRow | None
) -> Iterator[tuple[str, Row | FinalRow]]:
    """Yield what the final measured, the hint first."""
    same = advice.configuration == hint.configuration
    yield "hint = advice" if same else "hint", hint
    if not same:
        yield "advice", advice
    if drop_in:
        yield "drop-in", drop_in


def _of_front(front: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the front's ends, fastest first, and what lies between them where it bends most."""
    ordered = sorted(front, key=lambda row: -(row.fps or 0.0))
    if not ordered:
        return
    yield "fastest", ordered[0]
    if len(ordered) > 1:
        yield "shortest p99", ordered[-1]
    knee = max(ordered, key=_throughput_for_its_latency)
    if knee not in (ordered[0], ordered[-1]):
        yield "knee", knee


def _throughput_for_its_latency(row: Row) -> float:
    """Return what is greatest at the knee (Kleinrock's *power*, ICC 1979), as for the objective `pareto`."""
    return (row.fps or 0.0) / (row.p99_ms or math.inf)
