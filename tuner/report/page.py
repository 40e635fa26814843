"""The HTML page: one file that needs no network, today or in years."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jinja2
import plotly
from markupsafe import Markup

from tuner.domain.figures import gain, interval, rate
from tuner.domain.visible import visible
from tuner.report.plots import compared, figures
from tuner.report.text import COLUMNS, cells, differences, same_model
from tuner.report.view import View

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtons": [["toImage", "resetScale2d"]],  # no other: one of Plotly's own leaves the page
}

HEADS = {
    "compiled": "device made of it",
    "ratio": "over the hint",
    "low": "from",
    "high": "to",
    "fps": "items/s",
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "memory_mb": "MiB",
    "compile_s": "compiled in, s",
}
"""What columns of trials are called on the page, where their name is not word enough."""

LEFT_OUT = ("p90_ms", "properties")
"""Columns that only the files have: the page's table is wide enough."""

WIDE = ("configuration", "compiled", "reason")
NUMBERS = ("number", "batch", "requests", "rounds", "ratio", "low", "high", "fps", "p50_ms", "p99_ms",
           "memory_mb", "compile_s")  # fmt: skip


SHOWN = tuple(name for name in COLUMNS if name not in LEFT_OUT)


def page(views: Sequence[View]) -> str:
    """Return the report of one search, or of several side by side."""
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            views=[(number, one, _drawn(number, one)) for number, one in enumerate(views)],
            several=len(views) > 1,
            compared=_markup(compared(views, same_model(views)), "compared") if len(views) > 1 else "",
            differences=differences(views) if len(views) > 1 else [],
            columns=[(name, HEADS.get(name, name), _kind(name)) for name in SHOWN],
            cells=lambda row: cells(row, short, SHOWN),
            plotly=Markup(plotly.offline.get_plotlyjs()),
        )
    )


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tuner.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda told: visible(told) if type(told) is str else told,  # Markup is made here, not given
    )
    environment.filters["gain"] = lambda ratio: gain(ratio) if ratio else ""
    environment.globals["interval"] = interval
    environment.filters["rate"] = lambda fps: rate(fps) if fps else ""
    environment.filters["digits"] = lambda value: f"{value:.3g}" if value else ""
    return environment


def _kind(column: str) -> str:
    return "wide" if column in WIDE else "number" if column in NUMBERS else ""


def short(figure: float) -> str:
    """Return a figure as a reader wants it: with the digits that a measurement can have."""
    return f"{figure:.4g}" if abs(figure) < 1e4 else f"{figure:.0f}"


def _drawn(number: int, view: View) -> dict[str, Markup]:
    return {name: _markup(figure, f"{name}-{number}") for name, figure in figures(view).items()}


def _markup(figure: Any, name: str) -> Markup:
    """Return a figure as markup; Plotly escapes what could end its script."""
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=CONFIG))
