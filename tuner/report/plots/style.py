"""What all plots share: colours, an empty figure, and the words of a point.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), told apart by people with any colour
vision; text and grid take the page's own colours.
"""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go

from tuner.domain.figures import gain, gain_name, interval, mebibytes, milliseconds, or_empty, rate, seconds
from tuner.domain.stats import Metric
from tuner.domain.visible import visible
from tuner.report.view import FinalRow, Row

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#888888"
OTHERS = (BLUE, PURPLE, SKY, "#E69F00", GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
NAME_WIDTH = 42
"""Letters in a line of a plot: what a phone shows."""

CPU_HOVER = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]} items/s, %{customdata[2]} CPU time of an item<br>"
    "%{customdata[3]}<extra></extra>"
)
"""Says what `cpu_words` returns; most of its words are here, since a page may hold 5,000 points."""

HOVER = "<b>%{customdata[0]}</b><br>" + "<br>".join(f"%{{customdata[{at}]}}" for at in range(1, 6))
HOVER += "<extra></extra>"
"""Says what `point_words` returns; written once, since a page may hold 5,000 points."""


def blank(x: str, y: str) -> go.Figure:
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


def point_words(row: Row | FinalRow) -> list[str]:
    """Return a configuration and all there is to say of it, in five further lines."""
    if isinstance(row, Row):
        compiling = f", compiled in {seconds(row.compile_s)}" if row.compile_s else ""
        note = f"trial {row.number}: {row.outcome}, {row.rounds} rounds{compiling}"
    else:
        note = row.note
    memory = f", {mebibytes(row.memory_mb)}" if row.memory_mb else ""
    cpu = f", {milliseconds(row.cpu_ms_per_item)} CPU time" if row.cpu_ms_per_item else ""
    lines = [
        row.configuration,
        f"{rate(row.fps)} items/s{memory}{cpu}" if row.fps else "",
        _latency(row),
        gain_words(row.ratio, row.low, row.high, row.metric),
        row.compiled,
        note,
    ]
    return [wrapped(line) for line in lines]


def cpu_words(row: Row | FinalRow) -> list[str]:
    """Return a configuration, its throughput and CPU time, and which it is."""
    note = f"trial {row.number}: {row.outcome}" if isinstance(row, Row) else row.note
    cpu = or_empty(milliseconds, row.cpu_ms_per_item)
    return [wrapped(row.configuration), or_empty(rate, row.fps), cpu, note]


def gain_words(
    ratio: float | None,
    low: float | None = None,
    high: float | None = None,
    metric: Metric = "throughput",
) -> str:
    """Return a gain over the hint, and its interval where there is one; empty for the hint itself."""
    if not ratio or ratio == low == high:
        return ""
    ends, name = interval(low, high, metric), gain_name(metric).removeprefix("gain ")
    return f"{name}: {gain(ratio, metric=metric)}" + (f" ({ends})" if ends else "")


def _latency(row: Row | FinalRow) -> str:
    if not (row.p50_ms and row.p99_ms):
        return ""
    return f"p50 {milliseconds(row.p50_ms)}, p99 {milliseconds(row.p99_ms)}"


def wrapped(text: str) -> str:
    """Break a text into lines that a phone shows."""
    return "<br>".join(plain(line) for line in wrap(text, NAME_WIDTH))


def shortened(text: str) -> str:
    """Cut a text to what an axis has place for."""
    return text if len(text) <= NAME_WIDTH // 2 else f"{text[: NAME_WIDTH // 2]}…"


def plain(text: str) -> str:
    """Keep Plotly from reading a text as markup or as a formula."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace("$", "&#36;")
