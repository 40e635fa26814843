"""Draws a view with Plotly: each function takes what it draws and returns a figure.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), told apart by people with any colour
vision; text and grid take the page's own colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from textwrap import wrap

import plotly.graph_objects as go

from tuner.domain.figures import count, faster, gain, interval, milliseconds, rate
from tuner.domain.visible import visible
from tuner.report.view import Curve, FinalRow, Moment, Row, TargetRow, View

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#888888"
OTHERS = (BLUE, PURPLE, SKY, "#E69F00", GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
NAME_WIDTH = 42
"""Letters in a line of a plot: what a phone shows."""

LINE_PX = 19
"""Height of a line of text."""

STEADY = 0.1
"""Share by which a rate may stray before its axis grows: what is small shall look small."""

LOGARITHMIC_FROM = 8
"""Latencies that differ by more than this many times get a logarithmic axis."""

STYLES: Mapping[str, tuple[str, str, str, int]] = {
    "measured": ("measured", BLUE, "circle", 8),
    "pruned": ("stopped early: clearly slower than the best", GREY, "circle-open", 7),
}
"""Name, colour, symbol and size of a trial's mark, by its state."""

HOVER = "<b>%{customdata[0]}</b><br>" + "<br>".join(f"%{{customdata[{at}]}}" for at in range(1, 6))
HOVER += "<extra></extra>"
"""Says the lines of `_lines`; written once, since a page may hold 5,000 points."""


def figures(view: View) -> dict[str, go.Figure]:
    """Return every figure that a view has data for, by the name of its place on the page."""
    found: dict[str, go.Figure] = {}
    if any(row.fps and row.p99_ms for row in view.rows):
        found["tradeoff"] = tradeoff(view)
    if view.finalists:
        found["final"] = forest(view.finalists)
    if view.importance:
        found["importance"] = importance(view.importance)
    for number, told in enumerate(view.curves.values()):
        found[f"curves{number}"] = curves(told)
    if view.targets:
        found["targets"] = targets(view.targets, view.plain_sum)
    if len(view.drift) > 1:
        found["drift"] = drift(view.drift, view.final_at_s)
    if any(view.final_rounds.values()):
        found["rounds"] = rounds(view.final_rounds, view.advice.configuration)
    if view.time:
        found["time"] = time(view.time)
    return found


def compared(views: Sequence[View], same_model: bool) -> go.Figure:
    """Several studies side by side: items per second of one model, gains over the own hint of several."""
    figure = _figure("", "items per second" if same_model else "speed over the own hint")
    places = [_plain(_short(f"{number}. {one.title}")) for number, one in enumerate(views, start=1)]
    shown = [("the advice", GREEN, [one.advice for one in views])]
    if same_model:
        shown.insert(0, ("the hint", ORANGE, [one.hint for one in views]))
    for name, colour, told in shown:
        scale = [(one.fps or 0.0) / (one.ratio or 1.0) if same_model else 1.0 for one in told]
        figure.add_bar(
            x=places,
            y=[each * (one.ratio or 0.0) for one, each in zip(told, scale, strict=True)],
            name=name,
            marker={"color": colour},
            error_y=_error(told, scale),
            customdata=[_lines(one) for one in told],
            hovertemplate=HOVER,
        )
    return figure


def _error(told: Sequence[FinalRow | TargetRow], scale: Sequence[float]) -> dict[str, object]:
    """Return the intervals of ratios as error bars, each in the scale of its axis."""
    ratios = [(one.ratio or 0.0, one.low, one.high) for one in told]
    return {
        "type": "data",
        "color": GREY,
        "symmetric": False,
        "array": [
            ((high or ratio) - ratio) * each for (ratio, _, high), each in zip(ratios, scale, strict=True)
        ],
        "arrayminus": [
            (ratio - (low or ratio)) * each for (ratio, low, _), each in zip(ratios, scale, strict=True)
        ],
    }


def tradeoff(view: View) -> go.Figure:
    """Throughput against latency: all trials, the front, and hint and advice as the final measured them."""
    figure = _figure("items per second", "p99 latency, ms")
    line = sorted(view.front, key=lambda row: row.fps or 0)
    figure.add_scatter(
        x=[row.fps for row in line], y=[row.p99_ms for row in line], mode="lines", name="Pareto front",
        line={"color": GREEN, "dash": "dot", "shape": "vh"}, hoverinfo="skip",
    )  # fmt: skip
    for state, (name, colour, symbol, size) in STYLES.items():
        _marks(figure, name, [row for row in view.rows if row.state == state], colour, symbol, size)
    if view.advice.configuration == view.hint.configuration:
        _marks(figure, "the hint, the advice", [view.hint], ORANGE, "diamond", 13)
    else:
        _marks(figure, "the hint", [view.hint], ORANGE, "diamond", 13)
        _marks(figure, "the advice", [view.advice], GREEN, "star", 16)
    marked: list[Row | FinalRow] = [*view.rows, view.hint, view.advice]
    latencies = [one.p99_ms for one in marked if one.p99_ms]
    if max(latencies) > LOGARITHMIC_FROM * min(latencies):
        ticks = _round_numbers(latencies)
        figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{one:g}" for one in ticks])
    return figure


def _marks(
    figure: go.Figure, name: str, told: Sequence[Row | FinalRow], colour: str, symbol: str, size: int
) -> None:
    known = [one for one in told if one.fps and one.p99_ms]
    if known:
        figure.add_scatter(
            x=[one.fps for one in known],
            y=[one.p99_ms for one in known],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": size},
            customdata=[_lines(one) for one in known],
            hovertemplate=HOVER,
        )


def _round_numbers(values: Sequence[float]) -> list[float]:
    """Return the 1, 2 and 5 of every decade that values lie in."""
    decades = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
    return [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]


def _lines(one: Row | FinalRow) -> list[str]:
    """Return a name and all there is to say of it, in five lines."""
    if isinstance(one, Row):
        compiling = f", compiled in {one.compile_s:.2f} s" if one.compile_s else ""
        note = f"trial {one.number}: {one.state}, {one.rounds} rounds{compiling}"
    else:
        note = one.note
    span = interval(one.low, one.high)
    told = [
        one.configuration,
        f"{rate(one.fps)} items/s, {one.memory_mb or 0:.0f} MiB" if one.fps else "",
        _latency(one),
        f"{faster(one.ratio)} the hint{f' ({span})' if span else ''}" if one.ratio else "",
        one.compiled,
        note,
    ]
    return [_wrapped(line) for line in told]


def _latency(one: Row | FinalRow) -> str:
    if not (one.p50_ms and one.p99_ms):
        return ""
    return f"p50 {milliseconds(one.p50_ms)}, p99 {milliseconds(one.p99_ms)}"


def _wrapped(text: str) -> str:
    return "<br>".join(_plain(line) for line in wrap(text, NAME_WIDTH))


def _short(text: str) -> str:
    return text if len(text) <= NAME_WIDTH // 2 else f"{text[: NAME_WIDTH // 2]}…"


def _plain(text: str) -> str:
    """Keep Plotly from reading a text as markup or as a formula."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace("$", "&#36;")


def forest(finalists: Sequence[FinalRow]) -> go.Figure:
    """Each finalist's interval against the hint, its name above it; heights are in lines of text."""
    figure = _figure("speed over the hint", "")
    told = [one for one in reversed(finalists) if one.ratio is not None]
    names = [[*wrap(one.configuration, NAME_WIDTH), *wrap(one.note, NAME_WIDTH)] for one in told]
    places = [0.0, *accumulate(len(lines) + 1.5 for lines in names)]
    figure.add_scatter(
        x=[1.0, 1.0, None] * len(told),
        y=[*chain(*((place - 0.4, place + 0.4, None) for place in places[:-1]))],  # a line would cross names
        mode="lines",
        line={"color": ORANGE, "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[one.ratio for one in told],
        y=places[:-1],
        mode="markers",
        marker={"size": 11, "color": [_colour(one) for one in told]},
        error_x=_error(told, [1.0] * len(told)),
        customdata=[_lines(one) for one in told],
        hovertemplate=HOVER,
        showlegend=False,
    )
    for place, lines in zip(places, names, strict=False):
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=place + 0.5, yanchor="bottom", showarrow=False,
            align="left", text="<br>".join(map(_plain, lines)),
        )  # fmt: skip
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.8, places[-1]])
    figure.update_layout(height=80 + LINE_PX * (places[-1] + 0.8))
    return figure


def _colour(one: FinalRow) -> str:
    return GREEN if "the advice" in one.note else ORANGE if one.note == "the hint" else BLUE


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
    """Speed over batch on one target: a line through the best of each kind of streams, and every point."""
    figure = _figure("batch", "speed over the hint")
    for number, one in enumerate(told):
        look = {"color": OTHERS[number % len(OTHERS)], "symbol": SYMBOLS[number % len(SYMBOLS)]}
        name = _plain(count(one.streams, "stream") if one.streams.isdigit() else one.streams)
        figure.add_scatter(
            x=[point.batch for point in one.best], y=[point.ratio for point in one.best], mode="lines",
            line={"color": look["color"]}, name=name, legendgroup=name, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        figure.add_scatter(
            x=[point.batch for point in one.points], y=[point.ratio for point in one.points], mode="markers",
            marker={**look, "size": 8}, name=name, legendgroup=name,
            customdata=[
                [count(point.requests, "request"), rate(point.fps) if point.fps else "?"]
                for point in one.points
            ],
            hovertemplate="batch %{x}, %{customdata[0]}<br>%{y:.3f} times the hint<br>"
            "%{customdata[1]} items/s<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    ticks = sorted({point.batch for one in told for point in one.points})
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(one) for one in ticks])
    return figure


def targets(rows: Sequence[TargetRow], plain_sum: float | None) -> go.Figure:
    """The best of each target, and the plain sum of the single devices."""
    figure = _figure("", "speed over the baseline")
    figure.add_bar(
        x=[_plain(row.target) for row in rows],
        y=[row.ratio for row in rows],
        marker={"color": [GREEN if ":" in row.target else BLUE for row in rows]},
        error_y=_error(rows, [1.0] * len(rows)),
        customdata=[
            [_wrapped(row.configuration), gain(row.ratio), row.source, row.share, "", ""] for row in rows
        ],
        hovertemplate=HOVER,
        showlegend=False,
    )
    if plain_sum is not None:
        figure.add_hline(
            y=plain_sum, line={"color": GREY, "dash": "dash"}, annotation_text="plain sum of the devices"
        )
    return figure


def drift(moments: Sequence[Moment], final_at_s: float | None) -> go.Figure:
    """The baseline's rate through time, in parts of its median."""
    figure = _figure("seconds", "the hint's rate over its median")
    figure.add_scatter(
        x=[one.at_s for one in moments], y=[one.share for one in moments], mode="markers",
        marker={"color": ORANGE, "size": 4}, showlegend=False, customdata=[rate(one.fps) for one in moments],
        hovertemplate="%{x:.1f} s: %{customdata} items/s, %{y:.3f} of the median<extra></extra>",
    )  # fmt: skip
    if final_at_s is not None:
        figure.add_vline(x=final_at_s, line={"color": GREY, "dash": "dash"}, annotation_text="final")
    shares = [one.share for one in moments]
    ends = min([1 - STEADY, *shares]), max([1 + STEADY, *shares])
    figure.update_yaxes(range=[ends[0] - STEADY / 5, ends[1] + STEADY / 5])
    return figure


def rounds(told: Mapping[str, Sequence[float]], advice: str) -> go.Figure:
    """Every round of the final: what the intervals are made from."""
    figure = _figure("round of the final", "speed over the hint")
    for number, (name, ratios) in enumerate(told.items()):
        colour = GREEN if name == advice else OTHERS[number % len(OTHERS)]
        figure.add_scatter(
            x=list(range(1, len(ratios) + 1)), y=list(ratios), mode="markers", name=_plain(name),
            marker={"size": 7, "color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)]},
            hovertemplate="round %{x}: %{y:.3f} times the hint<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    return figure


def time(seconds: Mapping[str, float]) -> go.Figure:
    """Where the time went, as one bar."""
    figure = _figure("seconds", "")
    for number, (name, value) in enumerate(seconds.items()):
        figure.add_bar(
            x=[value], y=[""], name=f"{name}: {value:.1f} s", orientation="h",
            marker={"color": OTHERS[number % len(OTHERS)]},
            hovertemplate=f"{name}: {value:.1f} s<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", height=190, legend_traceorder="normal")
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
