"""Every plot that a view has data for."""

from __future__ import annotations

import plotly.graph_objects as go

from tuner.report.plots.boundary import boundary
from tuner.report.plots.causes import curves, importance
from tuner.report.plots.course import drift, time
from tuner.report.plots.devices import targets
from tuner.report.plots.final import forest, rounds
from tuner.report.plots.tradeoff import cpu_time, tradeoff
from tuner.report.view import View


def draw(view: View) -> dict[str, go.Figure]:
    """Return every figure that a view has data for, by the name of its place on the page."""
    found: dict[str, go.Figure] = {}
    found |= _figures(view)
    if view.finalists:
        found["final"] = forest(view.finalists, view.metric)
    if view.importance:
        found["importance"] = importance(view.importance)
    for number, kinds in enumerate(view.curves.values()):
        found[f"curves{number}"] = curves(kinds, view.metric)
    if view.targets:
        found["targets"] = targets(view.targets, view.plain_sum, view.metric)
    if len(view.drift) > 1:
        found["drift"] = drift(view.drift, view.disturbed, view.final_at_s)
    if any(view.final_rounds.values()):
        found["rounds"] = rounds(view.final_rounds, view.advice.configuration, view.metric)
    if view.time:
        found["time"] = time(view.time)
    return found


def _figures(view: View) -> dict[str, go.Figure]:
    """Return the plots of throughput, or of arrival rates, against latency and CPU time."""
    found: dict[str, go.Figure] = {}
    if view.held and view.probes:
        found["boundary"] = boundary(view.probes, view.held, view.advice.configuration)
    if not view.held and any(row.fps and row.p99_ms for row in view.rows):
        found["tradeoff"] = tradeoff(view)
    if any(row.fps and row.cpu_ms_per_item for row in view.rows):
        found["cpu"] = cpu_time(view)
    return found
