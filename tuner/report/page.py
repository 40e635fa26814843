"""The HTML page: one file that needs no network, today or in years."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import jinja2
import plotly
from markupsafe import Markup

from tuner.domain.figures import digits, gain_name, interval, or_empty, rate, seconds, share
from tuner.domain.limit import LIMIT_CONFIDENCE
from tuner.domain.visible import visible
from tuner.report.plots.devices import compared_figures, compared_gains
from tuner.report.plots.draw import draw
from tuner.report.text import COLUMNS, DIGITS, asked_alike, cells, differences, gain_of_row, same_model
from tuner.report.trials import EVERY, shown_columns
from tuner.report.view import View

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtons": [["toImage", "resetScale2d"]],  # no other: one of Plotly's own leaves the page
}


def page(views: Sequence[View]) -> str:
    """Return the report of one search, or of several side by side."""
    several = len(views) > 1
    template = templates().get_template("report.html.j2")
    return template.render(
        views=[(number, view, _drawn(number, view)) for number, view in enumerate(views)],
        several=several,
        compared=_compared(views) if several else "",
        differences=differences(views) if several else [],
        alike=asked_alike(views),
        columns=shown_columns,
        every_column=EVERY,
        confidence=LIMIT_CONFIDENCE,
        trials=_trials,
        plotly=Markup(plotly.offline.get_plotlyjs()),
    )


def _trials(view: View) -> dict[str, Any]:
    """Return every trial for the page's own CSV, without the columns that no trial has a figure in."""
    shown = {column.sort for column in shown_columns(view.metric, view.rows)}
    left_out = {column.sort for column in EVERY} - shown
    columns = [name for name in COLUMNS if name not in left_out]
    return {"columns": columns, "rows": [cells(row, columns) for row in view.rows]}


@lru_cache(maxsize=1)
def templates() -> jinja2.Environment:
    """Return the pages' templates: everything is escaped, and invisible characters are made visible."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tuner.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,  # Markup is made here
    )
    environment.filters |= {"share": share, "seconds": seconds}
    for say in (rate, digits):
        environment.filters[say.__name__] = partial(or_empty, say)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.globals |= {"gain": gain_of_row, "interval": interval, "gain_name": gain_name}
    return environment


def _compared(views: Sequence[View]) -> Markup:
    """Draw searches side by side; gains in different figures of different models have nothing in common."""
    if same_model(views):
        return _markup(compared_figures(views), "compared")
    return _markup(compared_gains(views), "compared") if asked_alike(views) else Markup("")


def _drawn(number: int, view: View) -> dict[str, Markup]:
    return {name: _markup(figure, f"{name}-{number}") for name, figure in draw(view).items()}


def _markup(figure: Any, name: str) -> Markup:
    """Return a figure as markup; Plotly escapes what could end its script."""
    for trace in figure.data:
        trace.update({axis: _short(trace[axis]) for axis in ("x", "y") if trace[axis] is not None})
    return Markup(figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=CONFIG))


def _short(values: Sequence[Any]) -> list[Any]:
    """Return coordinates without digits that nobody sees: those of thousands of trials are much of a page."""
    return [float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value for value in values]
