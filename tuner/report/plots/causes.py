"""What makes a configuration good: each choice's share, and the gain over the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tuner.domain.figures import count, rate, share
from tuner.domain.stats import Metric
from tuner.report.plots.gains import axis_name, draw_hint, places
from tuner.report.plots.style import BLUE, OTHERS, SYMBOLS, blank, gain_words, plain
from tuner.report.view import Curve, Point

FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def importance(shares: Mapping[str, float]) -> go.Figure:
    """How much each parameter matters."""
    figure = blank("share of importance", "")
    ranked = sorted(shares.items(), key=lambda pair: pair[1])
    figure.add_bar(
        x=[part for _, part in ranked],
        y=[name for name, _ in ranked],
        orientation="h",
        marker={"color": BLUE},
        customdata=[share(part) for _, part in ranked],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    figure.update_xaxes(tickvals=FIFTHS, ticktext=[share(part) for part in FIFTHS], fixedrange=True)
    figure.update_layout(height=150 + 36 * len(ranked))
    return figure


def curves(kinds: Sequence[Curve], metric: Metric) -> go.Figure:
    """Gains over the batch on a target: every point, and a line through the best of each kind of streams."""
    figure = blank("batch", axis_name(metric))
    for number, curve in enumerate(kinds):
        look = {"color": OTHERS[number % len(OTHERS)], "symbol": SYMBOLS[number % len(SYMBOLS)]}
        name = plain(count(curve.streams, "stream") if curve.streams.isdigit() else curve.streams)
        figure.add_scatter(
            x=[point.batch for point in curve.best],
            y=places((point.ratio for point in curve.best), metric), mode="lines",
            line={"color": look["color"]}, name=name, legendgroup=name, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=[point.batch for point in curve.points],
            y=places((point.ratio for point in curve.points), metric),
            mode="markers", marker={**look, "size": 8}, name=name, legendgroup=name,
            customdata=[_words(point, metric) for point in curve.points],
            hovertemplate="batch %{x}, %{customdata[0]}<br>%{customdata[1]}<br>"
            "%{customdata[2]} items/s<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    points = [point for curve in kinds for point in curve.points]
    ticks = sorted({point.batch for point in points})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(batch) for batch in ticks])
    draw_hint(figure, [point.ratio for point in points], metric)
    return figure


def _words(point: Point, metric: Metric) -> list[str]:
    requests, words = count(point.requests, "request"), gain_words(point.ratio, metric=metric)
    return [requests, words, rate(point.fps) if point.fps else "?"]
