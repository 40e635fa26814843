"""The HTML page: one file that needs no network, today or in years."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jinja2
import plotly
from markupsafe import Markup

from tuner.report.plots import figures
from tuner.report.text import COLUMNS, cells, differences, short_cells
from tuner.report.view import View

CONFIG = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": ["lasso2d", "select2d"]}


def page(views: Sequence[View]) -> str:
    """Return the report of one search, or of several side by side."""
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            views=[(number, one, _drawn(number, one)) for number, one in enumerate(views)],
            differences=differences(views) if len(views) > 1 else [],
            columns=COLUMNS,
            cells=lambda row: list(zip(cells(row), short_cells(row), strict=True)),
            plotly=Markup(plotly.offline.get_plotlyjs()),
        )
    )


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tuner.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["ratio"] = lambda value: "" if value is None else f"{100 * (value - 1):+.1f} %"
    environment.filters["figure"] = lambda value: "" if value is None else f"{value:,.4g}"
    return environment


def _drawn(number: int, view: View) -> dict[str, Any]:
    """Return each figure as markup; Plotly escapes what could end its script."""
    return {
        name: Markup(
            figure.to_html(full_html=False, include_plotlyjs=False, div_id=f"{name}-{number}", config=CONFIG)
        )
        for name, figure in figures(view).items()
    }
