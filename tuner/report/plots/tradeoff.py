"""Throughput against latency: all trials, the front, and what the final measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import plotly.graph_objects as go

from tuner.domain.figures import digits
from tuner.report.plots.labels import Place, offsets
from tuner.report.plots.style import BLUE, GREEN, GREY, HOVER, ORANGE, blank, point_words
from tuner.report.view import FinalRow, Label, Row, View

LOGARITHMIC_FROM = 8
"""Latencies that differ by more than this many times get a logarithmic axis."""

MARGIN = 0.12
"""Share of an axis left free at each end, for labels."""

HEIGHT_PX = 440

STYLES: Mapping[str, tuple[str, str, str, int]] = {
    "measured": ("measured", BLUE, "circle", 8),
    "pruned": ("stopped early: clearly slower than the best", GREY, "circle-open", 7),
}
"""Name, colour, symbol and size of a trial's mark, by its state."""


def tradeoff(view: View) -> go.Figure:
    """Throughput against latency: all trials, the front, and what to deploy as the final measured it."""
    figure = blank("items per second", "p99 latency, ms")
    line = sorted(view.front, key=lambda row: row.fps or 0)
    figure.add_scatter(
        x=[row.fps for row in line], y=[row.p99_ms for row in line], mode="lines", name="Pareto front",
        line={"color": GREEN, "dash": "dot", "shape": "vh"}, hoverinfo="skip",
    )  # fmt: skip
    for state, (name, colour, symbol, size) in STYLES.items():
        _marks(figure, name, [row for row in view.rows if row.state == state], colour, symbol, size)
    if view.drop_in_figures:
        _marks(figure, "the drop-in", [view.drop_in_figures], GREEN, "square", 11)
    if view.advice.configuration == view.hint.configuration:
        _marks(figure, "the hint, the advice", [view.hint], ORANGE, "diamond", 13)
    else:
        _marks(figure, "the hint", [view.hint], ORANGE, "diamond", 13)
        _marks(figure, "the advice", [view.advice], GREEN, "star", 16)
    frame = _frame(view)
    _axes(figure, frame)
    _label(figure, frame, view)
    figure.update_layout(height=HEIGHT_PX)
    return figure


def _marks(
    figure: go.Figure, name: str, rows: Sequence[Row | FinalRow], colour: str, symbol: str, size: int
) -> None:
    known = [row for row in rows if row.fps and row.p99_ms]
    if known:
        figure.add_scatter(
            x=[row.fps for row in known],
            y=[row.p99_ms for row in known],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": size},
            customdata=[point_words(row) for row in known],
            hovertemplate=HOVER,
        )


class Frame(NamedTuple):
    """The ranges of both axes; that of latencies in their logarithms where the axis is logarithmic."""

    across: tuple[float, float]
    upwards: tuple[float, float]
    logarithmic: bool

    def height(self, p99_ms: float) -> float:
        """Return where a latency lies on its axis."""
        return math.log10(p99_ms) if self.logarithmic else p99_ms

    def places(self, points: Iterable[Row | FinalRow | Label]) -> list[Place]:
        """Return the points that have figures as shares of the plot."""
        return [
            Place(_share(point.fps, self.across), _share(self.height(point.p99_ms), self.upwards))
            for point in points
            if point.fps and point.p99_ms
        ]


def _frame(view: View) -> Frame:
    """Return ranges that leave place for labels around everything that is drawn."""
    drawn: list[Row | FinalRow | Label] = [*view.rows, view.hint, view.advice, *view.labels]
    points = [(point.fps, point.p99_ms) for point in drawn if point.fps and point.p99_ms]
    rates, latencies = zip(*points, strict=True)
    logarithmic = max(latencies) > LOGARITHMIC_FROM * min(latencies)
    heights = [math.log10(latency) for latency in latencies] if logarithmic else latencies
    return Frame(_range(rates), _range(heights), logarithmic)


def _axes(figure: go.Figure, frame: Frame) -> None:
    figure.update_xaxes(range=frame.across, tickformat=",")
    figure.update_yaxes(range=frame.upwards)
    if frame.logarithmic:
        ticks = _round_numbers(*frame.upwards)
        figure.update_yaxes(type="log", tickvals=ticks, ticktext=[digits(tick) for tick in ticks])


def _label(figure: go.Figure, frame: Frame, view: View) -> None:
    marks = frame.places([*view.rows, view.hint, view.advice, *view.labels])
    line = _stairs(frame.places(view.front))
    texts = [label.text for label in view.labels]
    chosen = offsets(texts, frame.places(view.labels), [*marks, *line])
    for label, offset in zip(view.labels, chosen, strict=True):
        figure.add_annotation(
            x=label.fps, y=frame.height(label.p99_ms), text=label.text, ax=offset.right, ay=-offset.up,
            xanchor="center", yanchor="middle", arrowhead=0, arrowwidth=1, arrowcolor=GREY, standoff=7,
            font={"size": 12},
        )  # fmt: skip


def _stairs(corners: Sequence[Place]) -> list[Place]:
    """Return points along the dotted line that joins a front, which labels had better not cover."""
    pairs = pairwise(sorted(corners))
    shares = [part / 8 for part in range(9)]
    return [
        place
        for left, right in pairs
        for part in shares
        for place in (
            Place(left.x, left.y + part * (right.y - left.y)),
            Place(left.x + part * (right.x - left.x), right.y),
        )
    ]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = MARGIN * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _share(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])


def _round_numbers(low: float, high: float) -> list[float]:
    """Return the 1, 2 and 5 of every decade between two decimal logarithms."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    return [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
