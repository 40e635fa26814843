"""Axes of gains over the hint.

An axis of latency or CPU time holds times the hint's latency or CPU time, so that less of it lies lower.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import plotly.graph_objects as go

from tuner.domain.figures import LESS, figure_ratio, gain_name, gain_tick
from tuner.domain.stats import Metric
from tuner.report.plots.style import GREY, ORANGE
from tuner.report.view import FinalRow, TargetRow

TICKS = 7
"""Labels that an axis of gains has about: what a phone shows."""


def axis_name(metric: Metric, against: str = "the hint") -> str:
    """Return the title of an axis of gains, which says what is good where that is less."""
    name = gain_name(metric, against)
    return f"{name},<br>less is better" if metric in LESS else name


def places(ratios: Iterable[float | None], metric: Metric) -> list[float | None]:
    """Return where ratios lie on an axis of gains, None where there is none."""
    return [figure_ratio(ratio, metric) if ratio else None for ratio in ratios]


def draw_hint(figure: go.Figure, ratios: Iterable[float | None], metric: Metric = "throughput") -> None:
    """Draw the hint as a line across a plot of gains, and label the upward axis."""
    figure.add_hline(y=1.0, line={"color": ORANGE, "width": 1})
    label_gains(figure.update_yaxes, ratios, metric)


def label_gains(
    update: Callable[..., object], ratios: Iterable[float | None], metric: Metric = "throughput"
) -> None:
    """Label an axis of gains: `+5 %`.

    Args:
        update: `figure.update_xaxes` or `figure.update_yaxes`.
        ratios: Of all that is drawn along the axis, how many times as good it is; the hint's 1 is added.
        metric: What is compared.
    """
    known = [1.0, *(place for place in places(ratios, metric) if place)]
    step = _step((max(known) - min(known)) / TICKS)
    start = 1.0 if step < 1 else 0.0  # percentages are counted from the hint, factors from nothing
    first, last = math.floor((min(known) - start) / step) - 1, math.ceil((max(known) - start) / step) + 1
    marked = {1.0, *(round(start + number * step, 9) for number in range(first, last + 1))}
    ticks = sorted(place for place in marked if place > 0)
    # Labels of their own do not follow a zoom, so such an axis keeps its range.
    update(
        tickvals=ticks,
        ticktext=[gain_tick(figure_ratio(place, metric), metric) for place in ticks],
        fixedrange=True,
    )


def _step(least: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is at least so large."""
    decade = 10.0 ** math.floor(math.log10(max(least, 0.001)))
    return next((digit * decade for digit in (1, 2, 5) if digit * decade >= least), 10 * decade)


def error_bars(
    rows: Sequence[FinalRow | TargetRow], metric: Metric, scale: Sequence[float] = ()
) -> dict[str, object]:
    """Return the intervals of gains as error bars; `scale` is for axes of something else, a factor a row."""
    ends = [
        (place, min(own, default=place), max(own, default=place), factor)
        for row, factor in zip(rows, scale or [1.0] * len(rows), strict=True)
        for place in [figure_ratio(row.ratio or 0.0, metric)]
        for own in [[end for end in places((row.low, row.ratio, row.high), metric) if end]]
    ]
    return {
        "type": "data",
        "color": GREY,
        "symmetric": False,
        "array": [(high - place) * factor for place, _, high, factor in ends],
        "arrayminus": [(place - low) * factor for place, low, _, factor in ends],
    }


def ends_of(rows: Sequence[FinalRow | TargetRow]) -> list[float | None]:
    """Return all ratios that are drawn of rows along an axis of gains."""
    return [end for row in rows for end in (row.low, row.ratio, row.high)]
