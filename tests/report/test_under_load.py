"""A report of a search under a load, which fixes the throughput."""

from dataclasses import replace
from itertools import pairwise

from tests.report.results import cpu, data_of, loaded
from tests.report.test_questions import seen, text_of
from tuner.report.notable import ahead_of_advice
from tuner.report.plots.draw import draw
from tuner.report.text import as_markdown


def test_figures_under_a_load_are_those_of_the_trials_and_its_front_is_of_cpu_time_and_latency():
    result, view = loaded(), seen(loaded)
    known = [trial for trial in result.trials if trial.speedup and trial.measured]
    assert [result.at_final_speed(trial) for trial in known] == [trial.measured for trial in known]
    costs = [(figures.cpu_ms_per_item, figures.latency_ms.p99) for _, figures in result.front]
    assert costs == sorted(costs)
    assert all(later[1] < earlier[1] for earlier, later in pairwise(costs))
    assert costs[0][0] == min(trial.measured.cpu_ms_per_item for trial in known)
    assert "Pareto front" not in {trace.name for trace in draw(view)["tradeoff"].data}
    assert not {label.text for label in view.labels} & {"fastest", "shortest p99", "knee"}
    assert "converted" not in text_of(view)


def test_ahead_of_advice_under_a_load_is_what_takes_less_cpu_time_and_answers_sooner():
    result, view = loaded(), seen(loaded)
    other = next(row for row in view.rows if row.state in {"measured", "pruned"} and row.role != "hint")
    advice = replace(view.advice, p99_ms=10.0, cpu_ms_per_item=2.0)
    faster = replace(other, configuration="other", fps=9 * advice.fps, p99_ms=9.0, cpu_ms_per_item=2.1)
    cheaper = replace(faster, fps=0.9 * advice.fps, cpu_ms_per_item=1.9)
    assert ahead_of_advice(result, [faster, cheaper], advice) == [cheaper]


def test_benchmark_app_does_not_send_items_at_a_rate_and_the_page_says_so():
    said = "The advice was measured at 60 items/s"
    assert said in text_of(seen(loaded))
    assert said not in text_of(seen(cpu))


def test_the_course_of_the_hints_rate_is_not_drawn_under_a_load_which_fixes_it():
    view = seen(loaded)
    assert view.noise is None
    assert not view.drift
    assert not view.disturbance
    assert "drift" not in draw(view)
    assert "time" in draw(view)
    assert "its own speed varied" not in text_of(view)
    assert "own speed varied" not in as_markdown([view])
    assert data_of(view)["studies"][0]["noise"] is None
