"""Throughput against p99 latency and against CPU time: all trials, and what the final measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import plotly.graph_objects as go

from tuner.domain.figures import digits
from tuner.report.plots.frame import Frame, Point, frame_of, round_numbers
from tuner.report.plots.labels import Place, offsets
from tuner.report.plots.style import (
    BLUE,
    CPU_HOVER,
    GREEN,
    GREY,
    HOVER,
    ORANGE,
    PURPLE,
    blank,
    cpu_words,
    point_words,
)
from tuner.report.view import OVER, Bound, FinalRow, Label, Row, View

HEIGHT_PX = 440

STYLES: Mapping[str, tuple[str, str, str, int]] = {
    "measured": ("measured", BLUE, "circle", 8),
    "pruned": ("stopped early: clearly worse than the best", GREY, "circle-open", 7),
    OVER: (OVER, PURPLE, "x", 7),
}
"""Name, colour, symbol and size of a trial's mark, by what came of it."""


class Upwards(NamedTuple):
    """What is drawn against the throughput.

    Attributes:
        title: The axis in words.
        of: Returns the figure of a row.
        words: Returns what its hover says.
        hover: The template of those words.
        front: Trials that a dotted line joins.
        labels: Texts beside points.
        bounds: Limits that are drawn as lines.
    """

    title: str
    of: Callable[[Row | FinalRow], float | None]
    words: Callable[[Row | FinalRow], list[str]]
    hover: str
    front: Sequence[Row]
    labels: Sequence[Label]
    bounds: Sequence[Bound]


def tradeoff(view: View) -> go.Figure:
    """Throughput against latency: all trials, the front and the limits, and what the final measured."""
    of, title = (lambda row: row.p99_ms), "p99 latency, ms"
    front = () if view.result.question.load else view.front  # Of CPU time under a load, not of throughput
    upwards = Upwards(title, of, point_words, HOVER, front, view.labels, view.bounds)
    return _against_throughput(view, upwards)


def cpu_time(view: View) -> go.Figure:
    """Throughput against CPU time of an item, where it is known."""
    of, title = (lambda row: row.cpu_ms_per_item), "CPU time of an item, ms"
    bounds = [bound for bound in view.bounds if bound.of_throughput]
    upwards = Upwards(title, of, cpu_words, CPU_HOVER, (), view.cpu_labels, bounds)
    return _against_throughput(view, upwards)


def _against_throughput(view: View, upwards: Upwards) -> go.Figure:
    figure = blank("items per second", upwards.title)
    if upwards.front:
        line = sorted(upwards.front, key=lambda row: row.fps or 0)
        figure.add_scatter(
            x=[row.fps for row in line], y=[upwards.of(row) for row in line], mode="lines",
            name="Pareto front", line={"color": GREEN, "dash": "dot", "shape": "vh"}, hoverinfo="skip",
        )  # fmt: skip
    for outcome, (name, colour, symbol, size) in STYLES.items():
        trials = [row for row in view.rows if row.outcome == outcome]
        _marks(figure, upwards, name, trials, colour, symbol, size)
    if view.drop_in_figures:
        _marks(figure, upwards, "the drop-in", [view.drop_in_figures], GREEN, "square", 11)
    if view.advice.configuration == view.hint.configuration:
        _marks(figure, upwards, "the hint, the advice", [view.hint], ORANGE, "diamond", 13)
    else:
        _marks(figure, upwards, "the hint", [view.hint], ORANGE, "diamond", 13)
        _marks(figure, upwards, "the advice", [view.advice], GREEN, "star", 16)
    rows: list[Row | FinalRow] = [*view.rows, view.hint, view.advice]
    points = [Point(label.fps, label.height) for label in upwards.labels]
    points += [Point(row.fps, height) for row in rows if row.fps and (height := upwards.of(row))]
    frame = frame_of(points, upwards.bounds)
    _axes(figure, frame)
    for bound in upwards.bounds:
        _draw_bound(figure, frame, bound)
    _label(figure, frame, upwards, points)
    figure.update_layout(height=HEIGHT_PX)
    return figure


def _marks(
    figure: go.Figure,
    upwards: Upwards,
    name: str,
    rows: Sequence[Row | FinalRow],
    colour: str,
    symbol: str,
    size: int,
) -> None:
    known = [row for row in rows if row.fps and upwards.of(row)]
    if known:
        figure.add_scatter(
            x=[row.fps for row in known],
            y=[upwards.of(row) for row in known],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": size},
            customdata=[upwards.words(row) for row in known],
            hovertemplate=upwards.hover,
        )


def _draw_bound(figure: go.Figure, frame: Frame, bound: Bound) -> None:
    """Draw a limit as a line, and shade what is beyond it."""
    ends = frame.across if bound.of_throughput else frame.ends_upwards
    x, y = (
        ([bound.value] * 2, frame.ends_upwards) if bound.of_throughput else (frame.across, [bound.value] * 2)
    )
    figure.add_scatter(
        x=x, y=y, mode="lines", name=f"limit: {bound.text}", hoverinfo="skip",
        line={"color": PURPLE, "dash": "dash", "width": 2},
    )  # fmt: skip
    shade = {"fillcolor": PURPLE, "opacity": 0.1, "line_width": 0, "layer": "below"}
    if bound.of_throughput:
        figure.add_vrect(x0=ends[0], x1=bound.value, **shade)
    else:
        figure.add_hrect(y0=bound.value, y1=ends[1], **shade)


def _axes(figure: go.Figure, frame: Frame) -> None:
    figure.update_xaxes(range=frame.across, tickformat=",")
    figure.update_yaxes(range=frame.upwards)
    if frame.logarithmic:
        ticks = round_numbers(*frame.upwards)
        figure.update_yaxes(type="log", tickvals=ticks, ticktext=[digits(tick) for tick in ticks])


def _label(figure: go.Figure, frame: Frame, upwards: Upwards, points: Sequence[Point]) -> None:
    front = [Point(row.fps, height) for row in upwards.front if row.fps and (height := upwards.of(row))]
    lines = [*_stairs(frame.places(front)), *frame.lines(upwards.bounds)]
    texts = [label.text for label in upwards.labels]
    places = frame.places([Point(label.fps, label.height) for label in upwards.labels])
    chosen = offsets(texts, places, [*frame.places(points), *lines])
    for label, offset in zip(upwards.labels, chosen, strict=True):
        figure.add_annotation(
            x=label.fps, y=frame.height(label.height), text=label.text, ax=offset.right, ay=-offset.up,
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
