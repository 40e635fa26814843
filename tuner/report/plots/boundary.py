"""Latency against the rate of arrivals: every rate that the final tried, with the limit that is to hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tuner.domain.figures import milliseconds, rate
from tuner.domain.limit import FIGURES, Limit
from tuner.domain.sample import Probe
from tuner.report.plots.style import GREEN, OTHERS, PURPLE, SYMBOLS, blank, wrapped


def boundary(probes: Mapping[str, Sequence[Probe]], held: Limit, advised: str) -> go.Figure:
    """Every rate that was tried, a colour for each configuration; a queue without end has no latency."""
    figure = blank("items per second that arrive", f"{FIGURES[held.figure].name}, ms")
    others = iter(OTHERS)
    for place, (configuration, tried) in enumerate(probes.items()):
        known = [probe for probe in tried if probe.latency_ms is not None]
        is_advised = configuration == advised
        figure.add_scatter(
            x=[probe.rate_fps for probe in known],
            y=[probe.latency_ms for probe in known],
            mode="markers",
            name=wrapped(configuration) + " (the advice)" * is_advised,
            marker={
                "color": GREEN if is_advised else next(others, OTHERS[-1]),
                "symbol": SYMBOLS[place % len(SYMBOLS)],
                "size": 8,
            },
            customdata=[
                [wrapped(configuration), rate(probe.rate_fps), milliseconds(probe.latency_ms or 0.0)]
                for probe in known
            ],
            hovertemplate=(
                "<b>%{customdata[0]}</b><br>%{customdata[1]} items/s, "
                f"{FIGURES[held.figure].name} %{{customdata[2]}}<extra></extra>"
            ),
        )
    rates = [probe.rate_fps for tried in probes.values() for probe in tried]
    figure.add_scatter(
        x=[min(rates), max(rates)], y=[held.bound] * 2, mode="lines", name=f"limit: {held}", hoverinfo="skip",
        line={"color": PURPLE, "dash": "dash", "width": 2},
    )  # fmt: skip
    figure.update_yaxes(type="log")
    return figure
