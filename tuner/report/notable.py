"""Points of the trade-off plot that a reader looks for, and trials that look better than the advice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tuner.domain.result import Result
from tuner.report.view import FinalRow, Label, Row


def ahead_of_advice(result: Result, rows: Sequence[Row], advice: FinalRow) -> list[Row]:
    """Return the trials that look better than the advice in both throughput and p99 latency.

    Only those that the final did not measure: their figures are of trials, which are no claims. Empty
    without a whole final, since nothing is claimed then.
    """
    final = result.final
    if final is None or final.trouble or not (advice.fps and advice.p99_ms):
        return []
    met = {str(entry.configuration) for entry in (final.baseline, *final.finalists)}
    return [
        row
        for row in rows
        if row.state in {"measured", "pruned"}
        and row.configuration not in met
        and (row.fps or 0.0) > advice.fps
        and (row.p99_ms or math.inf) < advice.p99_ms
    ]


def labels_of(
    front: Sequence[Row], hint: FinalRow, advice: FinalRow, drop_in: FinalRow | None
) -> list[Label]:
    """Return labels of hint, advice and drop-in, and of the front's ends and knee."""
    same = advice.configuration == hint.configuration
    rows: list[tuple[str, Row | FinalRow]] = [("hint = advice" if same else "hint", hint)]
    rows += [] if same else [("advice", advice)]
    rows += [("drop-in", drop_in)] if drop_in else []
    rows += [(text, row) for text, row in _of_front(front) if row.configuration != hint.configuration]
    return [Label(text, row.fps, row.p99_ms) for text, row in rows if row.fps and row.p99_ms]


def _of_front(front: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    """Yield the front's ends, fastest first, and what lies between them where it bends most."""
    ordered = sorted(front, key=lambda row: -(row.fps or 0.0))
    if not ordered:
        return
    yield "fastest", ordered[0]
    if len(ordered) > 1:
        yield "shortest p99", ordered[-1]
    knee = max(ordered[1:-1], key=lambda row: _bend(row, ordered[0], ordered[-1]), default=None)
    if knee and _bend(knee, ordered[0], ordered[-1]) > 0:
        yield "knee", knee


def _bend(row: Row, fastest: Row, shortest: Row) -> float:
    """Return how much more of the way in latency, by its logarithm, than in speed a point has come.

    The way is that from the fastest trial to the one of the shortest p99. After Satopää et al., *Finding a
    "Kneedle" in a Haystack*, ICDCSW 2011.
    """
    latencies = [math.log(each.p99_ms or math.inf) for each in (fastest, row, shortest)]
    return _way(latencies) - _way([each.fps or 0.0 for each in (fastest, row, shortest)])


def _way(places: Sequence[float]) -> float:
    start, place, end = places
    return (place - start) / (end - start)
