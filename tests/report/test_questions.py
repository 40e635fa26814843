"""A report of another question than throughput without limits."""

import csv
import io
import json
import math
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from tests.advice.advice_of import with_outcome, with_setting
from tests.report.results import (
    cpu,
    data_of,
    latency,
    limited,
    met,
    searched,
    several,
    unmet,
    view_of,
    view_of_kind,
    won,
)
from tuner.domain.figures import LESS, gain, gain_name, interval
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.report.page import page
from tuner.report.plots.devices import compared_figures, compared_gains
from tuner.report.plots.draw import draw
from tuner.report.text import as_csv, as_markdown, differences
from tuner.report.trials import outcome
from tuner.study.reading import read_results

ARTICLES = {}
REPORTS = Path(__file__).parents[2] / "reports"


@cache
def seen(search):
    return view_of(search())


def article(view):
    """Return the page's part about a search; drawing it takes a while, so it is done once for each view."""
    if id(view) not in ARTICLES:
        shown = re.sub(r"<(script|style).*?</\1>", " ", page([view]), flags=re.S)
        ARTICLES[id(view)] = (view, shown[shown.index("<article") :])
    return ARTICLES[id(view)][1]


def text_of(view):
    """Return what a person reads on the page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", article(view))).split())


@pytest.mark.parametrize(("search", "less"), [(latency, "p99 latency"), (cpu, "CPU time of an item")])
def test_a_gain_is_shown_as_the_change_of_what_was_asked_for(search, less):
    view = seen(search)
    best = view.finalists[0]
    assert view.verdict == "faster"
    assert best.ratio > 1.2
    written = f"-{100 * (1 - 1 / best.ratio):.1f} %"
    lower = f"{written.removeprefix('-')} lower {less} than the hint"
    for text in (text_of(view), as_markdown([view])):
        assert lower in text
        assert f"{less} against the hint" in text
        assert written in text
        assert interval(best.low, best.high, view.metric) in text
        assert "over the hint" not in text
    ends = interval(best.low, best.high, view.metric)
    assert ends.startswith("-")
    assert f'<td class="number">{written}</td><td class="number">{ends}</td>' in article(view)


def test_in_a_plot_less_latency_lies_lower_and_ticks_say_how_much_less():
    view, figures = seen(latency), draw(seen(latency))
    forest = figures["final"].data[1]
    rows = [row for row in reversed(view.finalists) if row.ratio]
    assert list(forest.x) == [1 / row.ratio for row in rows]
    ends = zip(forest.x, forest.error_x.array, forest.error_x.arrayminus, strict=True)
    assert [(x - minus, x + plus) for x, plus, minus in ends] == [
        (pytest.approx(1 / (row.high or row.ratio)), pytest.approx(1 / (row.low or row.ratio)))
        for row in rows
    ]
    axis = figures["final"].layout.xaxis
    assert axis.title.text == "p99 latency against the hint,<br>less is better"
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True))["-20 %"] == pytest.approx(0.8)
    assert "p99 latency against the hint: -" in forest.customdata[-1][3]
    played = figures["rounds"].data[0]
    (ratios, *_) = view.final_rounds.values()
    assert list(played.y) == [1 / ratio for ratio in ratios]
    assert list(played.customdata) == [gain(ratio, metric="latency_p99") for ratio in ratios]


def test_curves_of_cpu_time_go_down_where_a_batch_saves_it():
    view = seen(cpu)
    figure = draw(view)["curves0"]
    (line, *_) = [trace for trace in figure.data if trace.mode == "lines"]
    assert list(line.y) == [1 / point.ratio for point in view.curves["CPU"][0].best]
    assert figure.layout.yaxis.title.text == "CPU time of an item against the hint,<br>less is better"


def test_devices_have_no_sum_of_cpu_times():
    view = view_of(with_setting(several(), question=Question("cpu")))
    assert view.plain_sum is None
    assert not any(row.share for row in view.targets)
    axis = draw(view)["targets"].layout.yaxis
    assert axis.title.text == "CPU time of an item against the baseline,<br>less is better"


def test_searches_of_one_model_are_compared_in_what_they_were_asked_for():
    views = [seen(latency), seen(latency)]
    hint, advice = compared_figures(views).data
    assert list(hint.y) == [view.hint.p99_ms for view in views]
    assert list(advice.y) == [view.advice.p99_ms for view in views]
    above, below = advice.error_y.array[0], advice.error_y.arrayminus[0]
    view, hints_ms = views[0], views[0].advice.p99_ms * views[0].advice.ratio
    assert view.advice.p99_ms + above == pytest.approx(hints_ms / view.advice.low)
    assert view.advice.p99_ms - below == pytest.approx(hints_ms / view.advice.high)
    gains = compared_gains(views)
    assert gains.layout.yaxis.title.text == "p99 latency against its own hint,<br>less is better"


def test_searches_of_different_questions_are_never_compared_by_their_gains():
    views = [seen(searched), seen(latency)]
    _, advice = compared_figures(views).data
    assert list(advice.y) == [view.advice.fps for view in views]
    assert advice.error_y.array is None
    differing = {row[0]: row[1:] for row in differences(views)}
    assert differing["question"] == ["throughput", "p99 latency of one caller"]
    assert next(iter(differing)) == "question"
    assert differing["gain over the hint"] == [gain(views[0].advice.ratio), ""]
    assert differing["p99 latency against the hint"] == [
        "",
        gain(views[1].advice.ratio, metric="latency_p99"),
    ]


def test_files_for_programs_say_what_a_ratio_compares():
    view = seen(latency)
    study = json.loads(json.dumps(data_of(view), allow_nan=False))["studies"][0]
    assert (study["question"], study["metric"]) == ("p99 latency of one caller", "latency_p99")
    assert study["advice"]["ratio"] == view.advice.ratio > 1
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert {row["metric"] for row in rows} == {"latency_p99"}
    assert float(rows[1]["ratio"]) == view.rows[1].ratio


def test_a_question_of_throughput_reads_as_before():
    view = view_of_kind("searched")
    assert (view.question, view.metric, view.unmet, list(view.limits)) == (
        "throughput",
        "throughput",
        False,
        [],
    )
    assert "gain over the hint" in text_of(view)
    assert not any(f"{less} against" in text_of(view) for less in LESS.values())
    assert gain_name() == "gain over the hint"


@pytest.mark.parametrize(
    ("search", "kind", "words"),
    [
        (met, "meets_limits", "keeps the limits, which the hint does not keep: throughput -"),
        (unmet, "inconclusive unmet", "nothing was found that keeps the limits"),
        (limited, "faster", "throughput +"),
    ],
)
def test_what_became_of_the_limits_comes_first(search, kind, words):
    view = seen(search)
    markdown, plain = as_markdown([view]), text_of(view)
    assert article(view).startswith(f'<article class="{kind}"')
    assert f"Question: {view.question}." in plain
    assert plain.index("Question:") < plain.index(words) < plain.index(view.answer)
    assert words in markdown
    assert len(view.limits) == len(view.result.question.limits) > 0
    assert ("- gain and price:" in markdown) is (view.verdict == "faster")
    for limit in view.limits:
        assert limit in plain
        assert f"- limit: {limit}".replace("<", "\\<").replace(">", "\\>") in markdown
    for text in (plain, markdown):
        assert ("loosen a limit, or give a larger budget" in text) is view.unmet


def test_without_limits_nothing_is_said_of_them(view):
    assert "limit counts as kept" not in text_of(view)
    assert "- limit:" not in as_markdown([view])
    assert "- question: throughput" in as_markdown([view])


def test_files_for_programs_hold_limits_and_what_breaks_them():
    view = seen(limited)
    study = json.loads(json.dumps(data_of(view), allow_nan=False))["studies"][0]
    assert (study["limits"], study["unmet"]) == (list(view.limits), False)
    over = [trial.number for trial in view.result.trials if not trial.keeps_limits]
    assert over
    assert [row["number"] for row in study["rows"] if (row["excess"] or 0) > 0] == over
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert [int(row["number"]) for row in rows if row["excess"] and float(row["excess"]) > 0] == over
    assert {row["excess"] for row in csv.DictReader(io.StringIO(as_csv([seen(searched)])))} == {""}


def shapes_of(figure):
    return [(shape.x0, shape.x1, shape.y0, shape.y1) for shape in figure.layout.shapes]


def test_limits_of_latency_and_throughput_are_lines_and_what_is_beyond_is_shaded():
    view = seen(met)
    figure = draw(view)["tradeoff"]
    lines = {trace.name: trace for trace in figure.data if trace.name.startswith("limit: ")}
    assert set(lines) == {"limit: p99 latency <= 0.7 ms", "limit: throughput >= 500 items/s"}
    latency_line, throughput_line = lines.values()
    assert set(latency_line.y) == {0.7}
    assert set(throughput_line.x) == {500.0}
    assert latency_line.x == figure.layout.xaxis.range
    assert [figure.layout.xaxis.range[0] < 500.0, min(throughput_line.y) < 0.7 < max(throughput_line.y)] == [
        True
    ] * 2
    (_, _, shaded_from, shaded_to), (left, right, _, _) = shapes_of(figure)
    assert shaded_from == 0.7 < shaded_to
    assert left < right == 500.0
    assert "Not in the plot, but a limit as well: memory <= 1,024 MiB." in text_of(view)
    assert [trace.name for trace in draw(view)["cpu"].data if trace.name.startswith("limit: ")] == [
        "limit: throughput >= 500 items/s"
    ]


def test_a_limit_far_from_all_trials_is_said_and_does_not_squeeze_the_plot():
    view = view_of(with_setting(searched(), question=Question("throughput", (Limit("p99", 1e5),))))
    assert view.bounds == []
    assert "a limit as well: p99 latency <= 100,000 ms." in text_of(view)
    figure = draw(view)["tradeoff"]
    assert not figure.layout.shapes
    assert figure.layout.yaxis.range == draw(seen(searched))["tradeoff"].layout.yaxis.range


def test_trials_over_a_limit_are_marked_in_plot_table_and_hover():
    view = seen(limited)
    over = [row for row in view.rows if row.is_over]
    assert over
    drawn = {trace.name: trace for trace in draw(view)["tradeoff"].data}
    assert list(drawn["over a limit"].y) == [row.p99_ms for row in over]
    assert all("over a limit" in words[-1] for words in drawn["over a limit"].customdata)
    rest = [row for row in view.rows if row.state in {"measured", "pruned"} and not row.is_over]
    shown = [y for name in ("measured", "stopped early: clearly worse than the best") for y in drawn[name].y]
    assert sorted(shown) == sorted(row.p99_ms for row in rest if row.p99_ms)
    outcomes = [outcome(row) for row in over]
    assert all(words.startswith("over a limit: breaks p99 latency <= 8 ms (") for words in outcomes)
    assert all(words in text_of(view) for words in outcomes)


def test_a_trial_over_a_limit_is_not_said_to_look_better_than_the_advice():
    result = won(latency=500.0)
    ahead = view_of(result).ahead
    over = replace(result.trials[ahead[0].number], excess=0.2)
    trials = [over if trial.number == over.number else trial for trial in result.trials]
    assert [row.number for row in view_of(replace(result, trials=trials)).ahead] == [
        row.number for row in ahead[1:]
    ]
    assert view_of(with_setting(result, question=Question("cpu"))).ahead == []


def test_cpu_time_is_drawn_beside_throughput(view):
    figure = draw(view)["cpu"]
    drawn = {trace.name: trace for trace in figure.data}
    measured = [row for row in view.rows if row.state == "measured"]
    assert list(drawn["measured"].x) == [row.fps for row in measured]
    assert list(drawn["measured"].y) == [row.cpu_ms_per_item for row in measured]
    for name, row in (("the hint", view.hint), ("the advice", view.advice)):
        assert (drawn[name].x, drawn[name].y) == ((row.fps,), (row.cpu_ms_per_item,))
    assert figure.layout.yaxis.title.text == "CPU time of an item, ms"
    texts = [label.text for label in figure.layout.annotations]
    assert texts[:2] == ["hint", "advice"]
    assert {"least CPU time"} >= set(texts[2:])


def test_an_old_study_without_cpu_time_and_question_is_reported(tmp_path):
    file = tmp_path / "study.db"
    shutil.copy(REPORTS / "light_resnet50" / "study.db", file)
    with closing(sqlite3.connect(file)) as study:
        for table in ("trial_user_attributes", "study_user_attributes"):
            for key, text in study.execute(f"SELECT rowid, value_json FROM {table}").fetchall():
                older = re.sub(r',? ?"(cpu_ms_per_item|p99_9|metric|excess|question)": [^,{}]*', "", text)
                study.execute(f"UPDATE {table} SET value_json = ? WHERE rowid = ?", (older, key))
        study.commit()
    (old,) = read_results(str(file))
    assert not any(trial.measured and trial.measured.cpu_ms_per_item for trial in old.trials)
    view = view_of(old)
    assert "cpu" not in draw(view)
    assert (view.question, view.metric, view.bounds, view.not_drawn) == ("throughput", "throughput", [], "")
    assert "Throughput and CPU time" not in text_of(view)
    assert "over a limit" not in text_of(view)
    assert gain(old.verdict.speedup.ratio) in text_of(view)


def test_limits_that_are_kept_but_not_surely_are_not_called_broken():
    result = limited()
    bound = result.final.baseline.bounds[0]
    unsure = replace(result.final.baseline, bounds=(bound._replace(high=math.inf),))
    verdict = replace(result.verdict, kind="inconclusive", best=unsure, why="too few sittings")
    view = view_of(with_outcome(result, baseline=unsure, verdict=verdict))
    assert not view.unmet
    assert "hint not sure (" in view.limits[0]
    assert "loosen" not in text_of(view)
