"""Targets beside each other, and searches beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from tuner.domain.figures import gain
from tuner.report.plots.style import (
    BLUE,
    GREEN,
    GREY,
    HOVER,
    ORANGE,
    blank,
    error_bars,
    gain_words,
    label_gains,
    plain,
    point_words,
    shortened,
    wrapped,
)
from tuner.report.view import TargetRow, View


def targets(rows: Sequence[TargetRow], plain_sum: float | None) -> go.Figure:
    """The best of each target, and the plain sum of the single devices."""
    figure = blank("", "gain over the baseline")
    figure.add_scatter(
        x=[plain(row.target) for row in rows],
        y=[row.ratio for row in rows],
        mode="markers",
        marker={"size": 12, "color": [GREEN if ":" in row.target else BLUE for row in rows]},
        error_y=error_bars(rows, [1.0] * len(rows)),
        customdata=[
            [
                wrapped(row.configuration),
                gain_words(row.ratio, row.low, row.high),
                row.source,
                row.share,
                "",
                "",
            ]
            for row in rows
        ],
        hovertemplate=HOVER,
        showlegend=False,
    )
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    if plain_sum is not None:
        text = f"plain sum of the devices: {gain(plain_sum)}"
        figure.add_hline(y=plain_sum, line={"color": GREY, "dash": "dash"}, annotation_text=text)
    label_gains(figure.update_yaxes, [plain_sum, *_ends(rows)])
    return figure


def _ends(rows: Sequence[TargetRow]) -> list[float | None]:
    return [end for row in rows for end in (row.low, row.ratio, row.high)]


def compared_rates(views: Sequence[View]) -> go.Figure:
    """Searches of one model side by side: items per second of hint and advice."""
    figure = blank("", "items per second")
    figure.update_yaxes(tickformat=",")
    for name, colour, rows in (
        ("the hint", ORANGE, [view.hint for view in views]),
        ("the advice", GREEN, [view.advice for view in views]),
    ):
        scale = [(row.fps or 0.0) / (row.ratio or 1.0) for row in rows]
        figure.add_bar(
            x=_names(views), y=[row.fps or 0.0 for row in rows], name=name, marker={"color": colour},
            error_y=error_bars(rows, scale), customdata=[point_words(row) for row in rows],
            hovertemplate=HOVER,
        )  # fmt: skip
    return figure


def compared_gains(views: Sequence[View]) -> go.Figure:
    """Searches of several models side by side: each advice's gain over its own hint."""
    figure = blank("", "gain over its own hint")
    rows = [view.advice for view in views]
    figure.add_scatter(
        x=_names(views), y=[row.ratio for row in rows], name="the advice", mode="markers",
        marker={"color": GREEN, "size": 12}, error_y=error_bars(rows, [1.0] * len(rows)),
        customdata=[point_words(row) for row in rows], hovertemplate=HOVER, showlegend=False,
    )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    label_gains(figure.update_yaxes, [end for row in rows for end in (row.low, row.ratio, row.high)])
    return figure


def _names(views: Sequence[View]) -> list[str]:
    return [plain(shortened(f"{number}. {view.title}")) for number, view in enumerate(views, start=1)]
