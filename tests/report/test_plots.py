"""Plots hold the view's figures."""

from dataclasses import replace

import pytest

from tests.advice.advice_of import with_setting
from tests.report.results import (
    all_failed,
    finalist,
    searched,
    several,
    single,
    view_of,
)
from tuner.domain.course import Stretch
from tuner.report.plots.course import drift
from tuner.report.plots.devices import compared_figures, compared_gains
from tuner.report.plots.draw import draw


def traces(view, name):
    return {trace.name or str(at): trace for at, trace in enumerate(draw(view)[name].data)}


def test_what_there_is_no_data_for_is_not_drawn():
    assert set(draw(view_of(all_failed()))) <= {"tradeoff", "cpu", "drift", "time"}
    assert "final" not in draw(view_of(single()))
    assert "targets" not in draw(view_of(searched()))


def test_disturbed_stretches_are_grey_over_the_whole_height_and_the_final_is_a_line():
    stretches = [Stretch(1.0, 2.0, 0.8), Stretch(5.0, 7.0, 0.7)]
    *grey, line = drift([], stretches, 9.0).layout.shapes
    assert [(each.x0, each.x1, each.y0, each.y1, each.yref) for each in grey] == [
        (1.0, 2.0, 0, 1, "y domain"),
        (5.0, 7.0, 0, 1, "y domain"),
    ]
    assert line.x0 == line.x1 == 9.0


def test_plots_draw_the_figures_of_the_view(view):
    drawn = traces(view, "tradeoff")
    measured = [row for row in view.rows if row.state == "measured"]
    assert list(drawn["measured"].x) == [row.fps for row in measured]
    assert list(drawn["measured"].y) == [row.p99_ms for row in measured]
    assert (drawn["the advice"].x, drawn["the advice"].y) == ((view.advice.fps,), (view.advice.p99_ms,))
    assert (drawn["the hint"].x, drawn["the hint"].y) == ((view.hint.fps,), (view.hint.p99_ms,))
    assert list(drawn["Pareto front"].x) == sorted(row.fps for row in view.front)

    forest = list(traces(view, "final").values())[1]
    finalists = [finalist for finalist in reversed(view.finalists) if finalist.ratio]
    assert list(forest.x) == [finalist.ratio for finalist in finalists]
    ends = zip(forest.x, forest.error_x.array, forest.error_x.arrayminus, strict=True)
    assert [(x - minus, x + plus) for x, plus, minus in ends] == [
        (pytest.approx(finalist.low or finalist.ratio), pytest.approx(finalist.high or finalist.ratio))
        for finalist in finalists
    ]
    written = " ".join(annotation.text for annotation in draw(view)["final"].layout.annotations)
    assert "tied with the best" in written

    (bars,) = traces(view, "importance").values()
    assert dict(zip(bars.y, bars.x, strict=True)) == view.importance
    for (_, bar), seconds in zip(traces(view, "time").items(), view.time.values(), strict=True):
        assert list(bar.x) == [seconds]
    (rates,) = traces(view, "drift").values()
    assert list(zip(rates.x, rates.y, strict=True)) == [(point.at_s, point.share) for point in view.drift]
    assert {name: list(trace.y) for name, trace in traces(view, "rounds").items()} == view.final_rounds
    points = [trace for trace in draw(view)["curves0"].data if trace.mode == "markers"]
    for drawn, curve in zip(points, view.curves["CPU"], strict=True):
        assert list(zip(drawn.x, drawn.y, strict=True)) == [
            (point.batch, point.ratio) for point in curve.points
        ]


def test_devices_are_drawn_beside_their_plain_sum():
    view = view_of(several())
    figure = draw(view)["targets"]
    assert list(figure.data[0].y) == [row.ratio for row in view.targets]
    assert [shape.y0 for shape in figure.layout.shapes] == [1.0, view.plain_sum]
    assert len(view.curves) == sum(name.startswith("curves") for name in draw(view)) == 3


def test_one_model_is_compared_in_items_several_in_gains(view):
    other = view_of(searched(seed=3))
    hint, advice = compared_figures([view, other]).data
    assert list(hint.y) == pytest.approx([view.hint.fps, other.hint.fps])
    assert list(advice.y) == pytest.approx([view.advice.fps, other.advice.fps])
    (gains,) = compared_gains([view, other]).data
    assert list(gains.y) == [view.advice.ratio, other.advice.ratio]


def test_plots_take_no_name_for_markup(result):
    odd = "$<b>x</b>$ & \u202eleft"
    out = finalist(1.2, 1.1, 1.3, 3, disqualified=odd)
    final = replace(result.final, finalists=(out,), rounds=())
    named = with_setting(replace(result, final=final), model=replace(result.model, name=odd))
    (label,) = set(compared_figures([view_of(named)]).data[1].x)
    written = draw(view_of(named))["final"].layout.annotations[1].text
    for text in (label, written):
        assert "&#36;&lt;b>x&lt;/b>&#36; &amp;" in text
        assert "\u202e" not in text


def test_latencies_that_differ_much_get_a_logarithmic_axis(result, view):
    assert draw(view)["tradeoff"].layout.yaxis.type == "log"
    near = [row for row in view.rows if row.p99_ms and 0.5 < row.p99_ms / view.hint.p99_ms < 2]
    alike = replace(view, rows=near, front=near, advice=view.hint, labels=())
    assert draw(alike)["tradeoff"].layout.yaxis.type is None
