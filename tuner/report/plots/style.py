"""What all plots share: colours, an empty figure, axes of gains, and the words of a point.

Colours are those of Okabe and Ito (*Color Universal Design*, 2008), told apart by people with any colour
vision; text and grid take the page's own colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from textwrap import wrap

import plotly.graph_objects as go

from tuner.domain.figures import gain, gain_tick, interval, mebibytes, milliseconds, rate, seconds
from tuner.domain.visible import visible
from tuner.report.view import FinalRow, Row, TargetRow

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#888888"
OTHERS = (BLUE, PURPLE, SKY, "#E69F00", GREY)
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
NAME_WIDTH = 42
"""Letters in a line of a plot: what a phone shows."""

TICKS = 7
"""Labels that an axis of gains has about: what a phone shows."""

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


def draw_hint(figure: go.Figure, ratios: Iterable[float | None]) -> None:
    """Draw the hint as a line across a plot of ratios, and label the ratios as gains over it."""
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    label_gains(figure.update_yaxes, ratios)


def label_gains(update: Callable[..., object], ratios: Iterable[float | None]) -> None:
    """Label an axis of ratios as gains: `+5 %`.

    Args:
        update: `figure.update_xaxes` or `figure.update_yaxes`.
        ratios: All that is drawn along the axis; the hint's 1 is added.
    """
    known = [1.0, *(ratio for ratio in ratios if ratio)]
    step = _step((max(known) - min(known)) / TICKS)
    start = 1.0 if step < 1 else 0.0  # percentages are counted from the hint, factors from nothing
    first, last = math.floor((min(known) - start) / step) - 1, math.ceil((max(known) - start) / step) + 1
    places = {1.0, *(round(start + number * step, 9) for number in range(first, last + 1))}
    ticks = sorted(place for place in places if place > 0)
    # Labels of their own do not follow a zoom, so such an axis keeps its range.
    update(tickvals=ticks, ticktext=[gain_tick(ratio) for ratio in ticks], fixedrange=True)


def _step(least: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is at least so large."""
    decade = 10.0 ** math.floor(math.log10(max(least, 0.001)))
    return next((digit * decade for digit in (1, 2, 5) if digit * decade >= least), 10 * decade)


def error_bars(rows: Sequence[FinalRow | TargetRow], scale: Sequence[float] = ()) -> dict[str, object]:
    """Return the intervals of ratios as error bars; `scale` is for axes of something else, a factor a row."""
    scaled = [
        (row.ratio or 0.0, row.low, row.high, factor)
        for row, factor in zip(rows, scale or [1.0] * len(rows), strict=True)
    ]
    return {
        "type": "data",
        "color": GREY,
        "symmetric": False,
        "array": [((high or ratio) - ratio) * factor for ratio, _, high, factor in scaled],
        "arrayminus": [(ratio - (low or ratio)) * factor for ratio, low, _, factor in scaled],
    }


def ends_of(rows: Sequence[FinalRow | TargetRow]) -> list[float | None]:
    """Return all that is drawn of rows along an axis of ratios."""
    return [end for row in rows for end in (row.low, row.ratio, row.high)]


def point_words(row: Row | FinalRow) -> list[str]:
    """Return a configuration and all there is to say of it, in five further lines."""
    if isinstance(row, Row):
        compiling = f", compiled in {seconds(row.compile_s)}" if row.compile_s else ""
        note = f"trial {row.number}: {row.state}, {row.rounds} rounds{compiling}"
    else:
        note = row.note
    memory = f", {mebibytes(row.memory_mb)}" if row.memory_mb else ""
    cpu = f", {milliseconds(row.cpu_ms_per_item)} CPU time" if row.cpu_ms_per_item else ""
    lines = [
        row.configuration,
        f"{rate(row.fps)} items/s{memory}{cpu}" if row.fps else "",
        _latency(row),
        gain_words(row.ratio, row.low, row.high),
        row.compiled,
        note,
    ]
    return [wrapped(line) for line in lines]


def gain_words(ratio: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return a gain over the hint, and its interval where there is one; empty for the hint itself."""
    if not ratio or ratio == low == high:
        return ""
    ends = interval(low, high)
    return f"over the hint: {gain(ratio)}" + (f" ({ends})" if ends else "")


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
