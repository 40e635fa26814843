"""Draws a view with Plotly: each function takes what it draws and returns a figure.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), told apart by people with any colour
vision; text and grid take the page's own colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tuner.report.view import Contender, Curve, Row, TargetRow, View

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#888888"
STYLES: Mapping[str, tuple[str, str, str, int]] = {
    "measured": ("measured", BLUE, "circle", 8),
    "pruned": ("stopped early: clearly slower", GREY, "circle-open", 7),
    "hint": ("the hint", ORANGE, "diamond", 13),
    "best": ("the advice", GREEN, "star", 16),
}
"""Name, colour, symbol and size of a trial's mark, by its role or state."""

HOVER = (
    "<b>%{customdata[0]}</b><br>%{x:,.4g} items/s, p99 %{y:.3g} ms, %{customdata[1]} MiB<br>"
    "%{customdata[2]} over the hint<br>%{customdata[3]}<extra></extra>"
)


def figures(view: View) -> dict[str, go.Figure]:
    """Return every figure that a view has data for, by the name of its place on the page."""
    found: dict[str, go.Figure] = {}
    if any(row.fps and row.p99_ms for row in view.rows):
        found["tradeoff"] = tradeoff(view.rows, view.front)
    if view.contenders:
        found["final"] = forest(view.contenders)
    if view.importance:
        found["importance"] = importance(view.importance)
    if any(len(curve.batches) > 1 for curve in view.curves):
        found["curves"] = curves(view.curves)
    if view.targets:
        found["targets"] = targets(view.targets)
    if len(view.drift) > 1:
        found["drift"] = drift(view.drift, view.final_at_s)
    if any(view.final_rounds.values()):
        found["rounds"] = rounds(view.final_rounds)
    if view.time:
        found["time"] = time(view.time)
    return found


def tradeoff(rows: Sequence[Row], front: Sequence[Row]) -> go.Figure:
    """Throughput against latency, all trials, the front drawn."""
    figure = _figure("items per second", "p99 latency, ms")
    line = sorted(front, key=lambda row: row.fps or 0)
    figure.add_scatter(
        x=[row.fps for row in line], y=[row.p99_ms for row in line], mode="lines", name="Pareto front",
        line={"color": GREEN, "dash": "dot", "shape": "vh"}, hoverinfo="skip",
    )  # fmt: skip
    for key, (name, colour, symbol, size) in STYLES.items():
        told = [row for row in rows if row.fps and row.state != "duplicate" and _style(row) == key]
        if told:
            figure.add_scatter(
                x=[row.fps for row in told],
                y=[row.p99_ms for row in told],
                mode="markers",
                name=name,
                marker={"color": colour, "symbol": symbol, "size": size},
                customdata=[_told(row) for row in told],
                hovertemplate=HOVER,
            )
    ticks = _round_numbers([row.p99_ms for row in rows if row.p99_ms])
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{one:g}" for one in ticks])
    return figure


def _round_numbers(values: Sequence[float]) -> list[float]:
    """Return the 1, 2 and 5 of every decade that values lie in."""
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    return [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]


def _style(row: Row) -> str:
    return row.role if row.role in STYLES else row.state if row.state in STYLES else "measured"


def _told(row: Row) -> list[str]:
    interval = f" ({_percent(row.low)} to {_percent(row.high)})" if row.low and row.high else ""
    memory = f"{row.memory_mb:.0f}" if row.memory_mb else "?"
    return [row.configuration, memory, f"{_percent(row.ratio)}{interval}", row.compiled]


def forest(contenders: Sequence[Contender]) -> go.Figure:
    """Each finalist's interval against the hint."""
    figure = _figure("speed over the hint", "")
    told = [one for one in reversed(contenders) if one.ratio is not None]
    figure.add_vline(x=1.0, line={"color": ORANGE, "width": 1})
    figure.add_scatter(
        x=[one.ratio for one in told],
        y=[_folded(one.configuration) for one in told],
        mode="markers",
        marker={"size": 11, "color": [GREEN if "advice" in one.note else BLUE for one in told]},
        error_x={
            "type": "data",
            "color": GREY,
            "symmetric": False,
            "array": [(one.high or one.ratio or 0) - (one.ratio or 0) for one in told],
            "arrayminus": [(one.ratio or 0) - (one.low or one.ratio or 0) for one in told],
        },
        text=[one.note for one in told],
        hovertemplate="<b>%{y}</b><br>%{x:.4f} times the hint<br>%{text}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(height=150 + 48 * len(told))
    return figure


def importance(shares: Mapping[str, float]) -> go.Figure:
    """How much each parameter matters."""
    figure = _figure("share of importance", "")
    ranked = sorted(shares.items(), key=lambda one: one[1])
    figure.add_bar(
        x=[share for _, share in ranked],
        y=[name for name, _ in ranked],
        orientation="h",
        marker={"color": BLUE},
    )
    figure.update_layout(height=150 + 36 * len(ranked))
    return figure


def curves(told: Sequence[Curve]) -> go.Figure:
    """Speed over batch by streams, one line a kind of streams and target."""
    figure = _figure("batch", "speed over the hint")
    several = len({one.target for one in told}) > 1
    for one in told:
        name = {"hint": "hint", "1": "1 stream"}.get(one.streams, f"{one.streams} streams")
        name = f"{one.target}: {name}" if several else name
        figure.add_scatter(
            x=one.batches, y=one.ratios, mode="lines+markers", name=name,
            hovertemplate="batch %{x}: %{y:.3f} times the hint<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    ticks = sorted({batch for one in told for batch in one.batches})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(one) for one in ticks])
    return figure


def targets(rows: Sequence[TargetRow]) -> go.Figure:
    """The best of each target, and the plain sum of the single devices."""
    figure = _figure("", "speed over the baseline")
    figure.add_bar(
        x=[row.target for row in rows],
        y=[row.ratio for row in rows],
        marker={"color": [GREEN if ":" in row.target else BLUE for row in rows]},
        customdata=[[row.configuration, row.share] for row in rows],
        hovertemplate="<b>%{customdata[0]}</b><br>%{y:.3f} times the baseline<br>%{customdata[1]}"
        "<extra></extra>",
        showlegend=False,
    )
    alone = [row.ratio for row in rows if ":" not in row.target]
    if len(alone) > 1:
        figure.add_hline(
            y=sum(alone), line={"color": GREY, "dash": "dash"}, annotation_text="plain sum of the devices"
        )
    return figure


def drift(points: Sequence[tuple[float, float]], final_at_s: float | None) -> go.Figure:
    """The baseline's rate through time."""
    figure = _figure("seconds", "the hint's items per second")
    figure.add_scatter(
        x=[at for at, _ in points], y=[rate for _, rate in points], mode="markers",
        marker={"color": ORANGE, "size": 4}, showlegend=False,
        hovertemplate="%{x:.1f} s: %{y:,.4g} items/s<extra></extra>",
    )  # fmt: skip
    if final_at_s is not None:
        figure.add_vline(x=final_at_s, line={"color": GREY, "dash": "dash"}, annotation_text="final")
    figure.update_yaxes(rangemode="tozero")
    return figure


def rounds(told: Mapping[str, Sequence[float]]) -> go.Figure:
    """Every round of the final: what the intervals are made from."""
    figure = _figure("round of the final", "speed over the hint")
    for name, ratios in told.items():
        figure.add_scatter(y=list(ratios), mode="markers", name=name, marker={"size": 6})
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    return figure


def time(seconds: Mapping[str, float]) -> go.Figure:
    """Where the time went, as one bar."""
    figure = _figure("seconds", "")
    for (name, value), colour in zip(seconds.items(), (PURPLE, BLUE, GREEN, GREY), strict=False):
        figure.add_bar(
            x=[value], y=[""], name=f"{name}: {value:.1f} s", orientation="h", marker={"color": colour},
            hovertemplate=f"{name}: {value:.1f} s<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", height=170)
    return figure


def _figure(x: str, y: str) -> go.Figure:
    """Return an empty figure that takes the page's colours."""
    figure = go.Figure()
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        height=380,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": "system-ui, sans-serif"}},
    )
    figure.update_xaxes(title=x, automargin=True, gridcolor="rgba(128,128,128,0.25)", zeroline=False)
    figure.update_yaxes(title=y, automargin=True, gridcolor="rgba(128,128,128,0.25)", zeroline=False)
    return figure


def _folded(text: str) -> str:
    """Break a long configuration after its device, so that labels leave room for the plot."""
    device, colon, rest = text.rpartition(": ")
    return f"{device}:<br>{rest}" if colon and len(text) > 40 else text


def _percent(ratio: float | None) -> str:
    return "" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
