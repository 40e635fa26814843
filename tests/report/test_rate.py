"""A report of a search for the highest rate of arrivals, and of one for the front of two figures."""

from functools import cache
from pathlib import Path

from tests.lanes.simulated import SimulatedDevice
from tests.report.results import asked, data_of
from tests.report.test_questions import seen, text_of
from tests.tuning.loaded import Cores
from tuner.cli.answers import summary
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.report.plots.draw import draw
from tuner.report.text import as_markdown

LIMIT = Limit("p99", 40.0)
CONFIG, STUDY = Path("config.yaml"), Path("study.db")


@cache
def rate():
    return asked(Cores(cores=4), Question.asked("rate", (LIMIT,)), budget_s=480.0)


@cache
def pareto():
    return asked(SimulatedDevice(base_fps=500, batch_gain=3.0), Question("pareto"))


def test_the_highest_rates_are_said_with_their_intervals():
    view = seen(rate)
    advice, hint = view.boundaries
    assert "items/s with p99 latency <= 40 ms (95 % interval" in advice
    assert hint.startswith("hint ")
    for text in (text_of(view), as_markdown([view]).replace("\\", "")):
        assert advice in text
        assert hint in text
    lines = list(summary(rate(), CONFIG, STUDY))
    assert f"  rate     {advice}" in lines


def test_latency_is_drawn_against_the_rates_that_the_final_tried():
    view = seen(rate)
    figures = draw(view)
    assert "tradeoff" not in figures
    names = {trace.name for trace in figures["boundary"].data}
    assert "limit: p99 latency <= 40 ms" in names
    assert any(name.endswith("(the advice)") for name in names)
    assert len(names) == len(view.probes) + 1
    for trace in figures["boundary"].data:
        if trace.mode == "markers":
            assert len(trace.x) == len(trace.y) > 3
    assert data_of(view)["studies"][0]["probes"].keys() == view.probes.keys()


def test_the_hint_that_was_better_is_named():
    lines = list(summary(rate(), CONFIG, STUDY))
    assert any(line.startswith("  hint ") and "PERFORMANCE_HINT=" in line for line in lines)


def test_the_front_is_listed():
    result, view = pareto(), seen(pareto)
    front = [line for line in summary(result, CONFIG, STUDY) if line.startswith("  front ")]
    assert len(front) == len(result.front) > 2
    assert "throughput for its p99 latency against the hint" in text_of(view)
    assert "boundary" not in draw(view)
    assert "tradeoff" in draw(view)
