"""Targets beside each other, and searches beside each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from tuner.domain.figures import figure_ratio, gain
from tuner.domain.stats import Metric
from tuner.report.plots.gains import axis_name, draw_hint, ends_of, error_bars, places
from tuner.report.plots.style import (
    BLUE,
    GREEN,
    GREY,
    HOVER,
    ORANGE,
    blank,
    gain_words,
    plain,
    point_words,
    shortened,
    wrapped,
)
from tuner.report.view import FinalRow, TargetRow, View


def targets(rows: Sequence[TargetRow], plain_sum: float | None, metric: Metric) -> go.Figure:
    """The best of each target, and the plain sum of the single devices."""
    figure = blank("", axis_name(metric, "the baseline"))
    gains = [gain_words(row.ratio, row.low, row.high, metric) for row in rows]
    words = [
        [wrapped(row.configuration), gained, row.source, row.share, "", ""]
        for row, gained in zip(rows, gains, strict=True)
    ]
    colours = [GREEN if ":" in row.target else BLUE for row in rows]
    _gains(figure, [plain(row.target) for row in rows], rows, words, colours, metric)
    draw_hint(figure, [plain_sum, *ends_of(rows)], metric)
    if plain_sum is not None:
        text = f"plain sum of the devices: {gain(plain_sum)}"
        figure.add_hline(y=plain_sum, line={"color": GREY, "dash": "dash"}, annotation_text=text)
    return figure


COMPARED: Mapping[Metric, tuple[str, Callable[[FinalRow], float | None]]] = {
    "throughput": ("items per second", lambda row: row.fps),
    "latency_p99": ("p99 latency, ms (less is better)", lambda row: row.p99_ms),
    "cpu": ("CPU time of an item, ms (less is better)", lambda row: row.cpu_ms_per_item),
}
"""What is drawn of searches of one model: the figure that they were asked for."""


def compared_figures(views: Sequence[View]) -> go.Figure:
    """Searches of one model side by side: what they were asked for, of hint and advice.

    Where they were asked for different things, it is the items per second, and no intervals.
    """
    alike = len({view.metric for view in views}) == 1
    metric = views[0].metric if alike else "throughput"
    title, of = COMPARED[metric]
    figure = blank("", title)
    figure.update_yaxes(tickformat=",")
    for name, colour, rows in (
        ("the hint", ORANGE, [view.hint for view in views]),
        ("the advice", GREEN, [view.advice for view in views]),
    ):
        heights = [of(row) or 0.0 for row in rows]
        scale = [
            height / figure_ratio(row.ratio or 1.0, metric) for height, row in zip(heights, rows, strict=True)
        ]
        figure.add_bar(
            x=_names(views), y=heights, name=name, marker={"color": colour},
            error_y=error_bars(rows, metric, scale) if alike else None,
            customdata=[point_words(row) for row in rows], hovertemplate=HOVER,
        )  # fmt: skip
    return figure


def compared_gains(views: Sequence[View]) -> go.Figure:
    """Searches of several models for one objective side by side: each advice's gain over its own hint."""
    metric = views[0].metric
    figure = blank("", axis_name(metric, "its own hint"))
    rows = [view.advice for view in views]
    _gains(figure, _names(views), rows, [point_words(row) for row in rows], GREEN, metric)
    draw_hint(figure, ends_of(rows), metric)
    return figure


def _gains(
    figure: go.Figure,
    names: Sequence[str],
    rows: Sequence[FinalRow | TargetRow],
    words: Sequence[Sequence[str]],
    colours: str | Sequence[str],
    metric: Metric,
) -> None:
    figure.add_scatter(
        x=names, y=places((row.ratio for row in rows), metric), mode="markers",
        marker={"size": 12, "color": colours}, error_y=error_bars(rows, metric), customdata=words,
        hovertemplate=HOVER, showlegend=False,
    )  # fmt: skip


def _names(views: Sequence[View]) -> list[str]:
    return [plain(shortened(f"{number}. {view.title}")) for number, view in enumerate(views, start=1)]
