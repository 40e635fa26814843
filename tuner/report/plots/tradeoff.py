"""Throughput against latency: all trials, the front, and what the final measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import plotly.graph_objects as go

from tuner.domain.figures import digits
from tuner.report.plots.labels import Place, offsets
from tuner.report.plots.style import BLUE, GREEN, GREY, HOVER, ORANGE, blank, point_words
from tuner.report.view import FinalRow, Row, View

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
    _axes(figure, view)
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


def _axes(figure: go.Figure, view: View) -> None:
    """Set both ranges and the latencies' scale, then the labels, whose places depend on them."""
    rows: list[Row | FinalRow] = [*view.rows, view.hint, view.advice]
    points = [(row.fps, row.p99_ms) for row in rows if row.fps and row.p99_ms]
    points += [(label.fps, label.p99_ms) for label in view.labels]
    rates, latencies = zip(*points, strict=True)
    logarithmic = max(latencies) > LOGARITHMIC_FROM * min(latencies)
    up = math.log10 if logarithmic else float
    across, upwards = _range(rates), _range([up(latency) for latency in latencies])
    figure.update_xaxes(range=across, tickformat=",")
    figure.update_yaxes(range=upwards)
    if logarithmic:
        ticks = _round_numbers(latencies)
        figure.update_yaxes(type="log", tickvals=ticks, ticktext=[digits(tick) for tick in ticks])
    places = [Place(_share(fps, across), _share(up(p99_ms), upwards)) for fps, p99_ms in points]
    front = [(row.fps, row.p99_ms) for row in view.front if row.fps and row.p99_ms]
    line = _stairs([Place(_share(fps, across), _share(up(p99_ms), upwards)) for fps, p99_ms in front])
    heights = [up(label.p99_ms) for label in view.labels]
    own = places[len(places) - len(view.labels) :]
    chosen = offsets([label.text for label in view.labels], own, [*places, *line])
    for label, height, offset in zip(view.labels, heights, chosen, strict=True):
        figure.add_annotation(
            x=label.fps, y=height, text=label.text, ax=offset.right, ay=-offset.up, xanchor="center",
            yanchor="middle", arrowhead=0, arrowwidth=1, arrowcolor=GREY, standoff=7, font={"size": 12},
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


def _round_numbers(values: Sequence[float]) -> list[float]:
    """Return the 1, 2 and 5 of every decade that values lie in."""
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    return [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
