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
    draw_hint,
    ends_of,
    error_bars,
    gain_words,
    plain,
    point_words,
    shortened,
    wrapped,
)
from tuner.report.view import FinalRow, TargetRow, View


def targets(rows: Sequence[TargetRow], plain_sum: float | None) -> go.Figure:
    """The best of each target, and the plain sum of the single devices."""
    figure = blank("", "gain over the baseline")
    words = [
        [wrapped(row.configuration), gain_words(row.ratio, row.low, row.high), row.source, row.share, "", ""]
        for row in rows
    ]
    colours = [GREEN if ":" in row.target else BLUE for row in rows]
    _gains(figure, [plain(row.target) for row in rows], rows, words, colours)
    draw_hint(figure, [plain_sum, *ends_of(rows)])
    if plain_sum is not None:
        text = f"plain sum of the devices: {gain(plain_sum)}"
        figure.add_hline(y=plain_sum, line={"color": GREY, "dash": "dash"}, annotation_text=text)
    return figure


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
    _gains(figure, _names(views), rows, [point_words(row) for row in rows], GREEN)
    draw_hint(figure, ends_of(rows))
    return figure


def _gains(
    figure: go.Figure,
    names: Sequence[str],
    rows: Sequence[FinalRow | TargetRow],
    words: Sequence[Sequence[str]],
    colours: str | Sequence[str],
) -> None:
    figure.add_scatter(
        x=names, y=[row.ratio for row in rows], mode="markers", marker={"size": 12, "color": colours},
        error_y=error_bars(rows), customdata=words, hovertemplate=HOVER, showlegend=False,
    )  # fmt: skip


def _names(views: Sequence[View]) -> list[str]:
    return [plain(shortened(f"{number}. {view.title}")) for number, view in enumerate(views, start=1)]
