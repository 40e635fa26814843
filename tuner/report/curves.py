"""Speed over the batch, for each kind of streams on each target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby

from tuner.domain.target import target_of
from tuner.report.view import Curve, Point, Row


def curves_of(rows: Sequence[Row]) -> dict[str, list[Curve]]:
    """Return the curves of every target that was measured with more than one batch."""
    groups: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        if row.ratio is not None and row.state in {"measured", "pruned"}:
            points = groups.setdefault(_unordered(row.device), {}).setdefault(row.streams, [])
            points.append(Point(row.batch, row.requests, row.ratio, row.fps))
    return {
        target: [_curve(streams, points) for streams, points in sorted(kinds.items())]
        for target, kinds in groups.items()
        if len({point.batch for point in chain.from_iterable(kinds.values())}) > 1
    }


def _curve(streams: str, points: Sequence[Point]) -> Curve:
    ordered = sorted(points)
    batches = groupby(ordered, key=lambda point: point.batch)
    best = [max(same, key=lambda point: point.ratio) for _, same in batches]
    return Curve(streams, ordered, best)


def _unordered(device: str) -> str:
    """Return a device string that is the same for every order of a combination's devices."""
    target = target_of(device)
    return f"{target.kind}:{','.join(sorted(target.devices))}" if target.kind else str(target)
