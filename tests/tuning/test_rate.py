"""A search for the highest rate of arrivals within a limit is a search like any other: paired, with a verdict."""

import pytest

from tests.lanes.simulated import QUIET, SimulatedLanes
from tests.simulation import simulate
from tests.tuning.loaded import LATENCY_HINT, Cores
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.sentences import answer
from tuner.errors import DeviceError

LIMIT = Limit("p99", 40.0)


def search(*limits, lanes=None, **options):
    device = Cores(cores=4)
    question = Question.asked("rate", limits or (LIMIT,))
    return simulate(
        device, lanes=lanes or SimulatedLanes(device), question=question, **{"budget_s": 480.0, **options}
    )


def test_the_highest_rate_is_found_and_claimed():
    found = search()
    verdict = found.outcome.verdict
    assert verdict.kind == "faster"
    assert verdict.best.configuration.plain_properties == {"NUM_STREAMS": 2}
    assert verdict.speedup.metric == "rate"
    assert "higher arrival rate than the hint, 98 % interval" in answer(verdict)


def test_the_boundary_has_an_interval():
    best = search().outcome.verdict.best
    assert best.boundary.low < best.boundary.ratio < best.boundary.high
    assert best.boundary.sittings == len(best.by_sitting)
    assert 300 < best.boundary.ratio < 500  # two streams serve 500 items/s


def test_both_hints_are_measured_and_the_better_is_the_baseline():
    found = search()
    hints = [trial for trial in found.trials if trial.configuration.uses_hint][:2]
    assert [dict(trial.configuration.properties)["PERFORMANCE_HINT"] for trial in hints] == [
        "THROUGHPUT",
        "LATENCY",
    ]


def test_with_a_limit_that_many_streams_break_one_that_answers_sooner_wins():
    found = search(Limit("p99", 15.0), lanes=SimulatedLanes(Cores(cores=4), QUIET))
    assert found.outcome.verdict.best.configuration.plain_properties in ({"NUM_STREAMS": 2}, LATENCY_HINT)


def test_a_limit_that_no_hint_holds_ends_the_search():
    with pytest.raises(DeviceError, match=r"at any rate that was tried.*give a longer max_latency=\."):
        search(Limit("p99", 3.0), lanes=SimulatedLanes(Cores(cores=4), QUIET))


def test_probes_are_kept_with_the_figures():
    found = search(trials=4)
    probes = [probe for trial in found.trials if trial.measured for probe in trial.measured.probes]
    assert len(probes) > 10
    assert all(probe.rate_fps > 0 for probe in probes)


def test_limits_of_memory_stay_limits():
    question = Question.asked("rate", (LIMIT, Limit("memory", 500.0)))
    assert question.holding == (LIMIT,)
    assert question.limits == (Limit("memory", 500.0),)
    assert str(question) == "highest arrival rate, with p99 latency <= 40 ms and memory <= 500 MiB"
    assert question.key == Question.asked("rate", (Limit("memory", 500.0), LIMIT)).key
