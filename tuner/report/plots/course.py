"""The course of a study: the hint's rate through time, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from tuner.domain.course import Moment, Stretch
from tuner.domain.figures import gain, rate, seconds
from tuner.report.plots.gains import label_gains
from tuner.report.plots.style import GREY, ORANGE, OTHERS, blank

STEADY = 0.1
"""Share by which a rate may stray before its axis grows: what is small shall look small."""


def drift(moments: Sequence[Moment], disturbed: Sequence[Stretch], final_at_s: float | None) -> go.Figure:
    """The hint's rate through time, from its median; disturbed stretches are grey."""
    figure = blank("seconds", "the hint's rate, from its median")
    figure.add_scatter(
        x=[moment.at_s for moment in moments], y=[moment.share for moment in moments], mode="markers",
        marker={"color": ORANGE, "size": 4}, showlegend=False,
        customdata=[[rate(moment.fps), gain(moment.share)] for moment in moments],
        hovertemplate="%{x} s: %{customdata[0]} items/s, %{customdata[1]} from the median<extra></extra>",
    )  # fmt: skip
    grey = {"type": "rect", "yref": "y domain", "y0": 0, "y1": 1, "fillcolor": GREY, "opacity": 0.2}
    figure.update_layout(  # all at once: Plotly copies what is there for every shape that is added
        shapes=[
            {**grey, "x0": stretch.from_s, "x1": stretch.to_s, "line_width": 0, "layer": "below"}
            for stretch in disturbed
        ]
    )
    if final_at_s is not None:
        figure.add_vline(x=final_at_s, line={"color": GREY, "dash": "dash"}, annotation_text="final")
    shares = [moment.share for moment in moments]
    ends = min([1 - STEADY, *shares]), max([1 + STEADY, *shares])
    label_gains(figure.update_yaxes, ends)
    figure.update_yaxes(range=[ends[0] - STEADY / 5, ends[1] + STEADY / 5])
    return figure


def time(spent_s: Mapping[str, float]) -> go.Figure:
    """Where the time went, as one bar."""
    figure = blank("seconds", "")
    for number, (name, value) in enumerate(spent_s.items()):
        words = f"{name}: {seconds(value)}"
        figure.add_bar(
            x=[value], y=[""], name=words, orientation="h", marker={"color": OTHERS[number % len(OTHERS)]},
            hovertemplate=f"{words}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack", height=190, legend_traceorder="normal")
    return figure
