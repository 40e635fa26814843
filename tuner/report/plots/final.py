"""The final: each finalist's interval, and the rounds that it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from textwrap import wrap

import plotly.graph_objects as go

from tuner.domain.figures import gain
from tuner.domain.stats import Metric
from tuner.report.plots.gains import axis_name, draw_hint, ends_of, error_bars, label_gains, places
from tuner.report.plots.style import (
    BLUE,
    GREEN,
    HOVER,
    NAME_WIDTH,
    ORANGE,
    OTHERS,
    SYMBOLS,
    blank,
    plain,
    point_words,
)
from tuner.report.view import FinalRow

LINE_PX = 19
"""Height of a line of text."""


def forest(finalists: Sequence[FinalRow], metric: Metric) -> go.Figure:
    """Each finalist's interval against the hint, its name above it; heights are in lines of text."""
    figure = blank(axis_name(metric), "")
    rows = [row for row in reversed(finalists) if row.ratio is not None]
    names = [[*wrap(row.configuration, NAME_WIDTH), *wrap(row.note, NAME_WIDTH)] for row in rows]
    heights = [0.0, *accumulate(len(lines) + 1.5 for lines in names)]
    figure.add_scatter(
        x=[1.0, 1.0, None] * len(rows),
        y=[
            *chain(*((height - 0.4, height + 0.4, None) for height in heights[:-1]))
        ],  # a line would cross names
        mode="lines",
        line={"color": ORANGE, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=places((row.ratio for row in rows), metric),
        y=heights[:-1],
        mode="markers",
        marker={"size": 11, "color": [_colour(row) for row in rows]},
        error_x=error_bars(rows, metric),
        customdata=[point_words(row) for row in rows],
        hovertemplate=HOVER,
        showlegend=False,
    )
    for height, lines in zip(heights, names, strict=False):
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=height + 0.5, yanchor="bottom", showarrow=False,
            align="left", text="<br>".join(map(plain, lines)),
        )  # fmt: skip
    label_gains(figure.update_xaxes, ends_of(rows), metric)
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.8, heights[-1]])
    figure.update_layout(height=80 + LINE_PX * (heights[-1] + 0.8))
    return figure


def _colour(row: FinalRow) -> str:
    return GREEN if "the advice" in row.note else ORANGE if row.note == "the hint" else BLUE


def rounds(played: Mapping[str, Sequence[float]], advice: str, metric: Metric) -> go.Figure:
    """Every round of the final: what the intervals are made from."""
    figure = blank("round of the final", axis_name(metric))
    for number, (name, ratios) in enumerate(played.items()):
        colour = GREEN if name == advice else OTHERS[number % len(OTHERS)]
        figure.add_scatter(
            x=list(range(1, len(ratios) + 1)), y=places(ratios, metric), mode="markers", name=plain(name),
            marker={"size": 7, "color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            customdata=[gain(ratio, metric=metric) for ratio in ratios],
            hovertemplate="round %{x}: %{customdata}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    draw_hint(figure, chain(*played.values()), metric)
    return figure
