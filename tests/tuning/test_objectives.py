"""A search for a short latency, or for little CPU time, is a search like any other: paired, with a verdict."""

import pytest

from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import simulate
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.sentences import answer
from tuner.errors import UsageError
from tuner.tuning.targets import targets_for

DEVICE = SimulatedDevice(cores=4, base_fps=2000, one_stream=0.6)


class Waiting(SimulatedDevice):
    """A request on half of the streams takes 70 % of the time: threads of the hint's one stream wait for each other."""

    def fps(self, effective):
        return (
            self.base_fps
            * min(effective.requests, effective.streams)
            * (1.4 if effective.streams == 2 else 1.0)
        )


class Busy(SimulatedDevice):
    """All cores are busy whatever they do, so that a batch saves CPU time."""

    def fps(self, effective):
        return self.base_fps * effective.batch**0.2


def search(device, objective, *limits, **options):
    return simulate(device, lanes=SimulatedLanes(device), question=Question(objective, limits), **options)


def test_one_caller_is_compared_with_the_latency_hint_and_one_request():
    found = search(Waiting(cores=4, base_fps=500), "latency")
    baseline = found.outcome.baseline.configuration
    assert baseline.plain_properties == {"PERFORMANCE_HINT": "LATENCY"}
    assert baseline.requests == 1
    assert {trial.configuration.batch for trial in found.trials} == {1}
    assert {trial.configuration.requests for trial in found.trials} <= {1, 2, 4}


def test_a_lower_latency_is_a_gain_and_is_said_so():
    found = search(Waiting(cores=4, base_fps=500), "latency")
    verdict = found.outcome.verdict
    assert verdict.kind == "faster"
    assert verdict.best.configuration.plain_properties == {"NUM_STREAMS": 2}
    assert verdict.best.configuration.requests in {1, 2}  # two requests have a stream each
    assert verdict.speedup.metric == "latency_p99"
    assert verdict.speedup.low < 1.4 < verdict.speedup.high
    assert answer(verdict).startswith(("28.", "29.", "27."))
    assert " % lower p99 latency than the hint, 98 % interval -" in answer(verdict)


def test_the_claim_is_of_percentiles_pooled_in_each_sitting():
    found = search(Waiting(cores=4, base_fps=500), "latency")
    best = found.outcome.verdict.best
    ratios = [
        hint.latency_ms.p99 / own.latency_ms.p99
        for own, hint in zip(best.by_sitting, found.final.baseline.by_sitting, strict=True)
    ]
    assert best.speedup.sittings == len(ratios) == found.final.rounds[-1].sitting + 1
    assert min(ratios) < best.speedup.ratio < max(ratios)


def test_less_cpu_time_is_a_gain():
    found = search(Busy(base_fps=500), "cpu")
    verdict = found.outcome.verdict
    assert verdict.kind == "faster"
    assert verdict.best.configuration.batch >= 16
    assert verdict.speedup.metric == "cpu"
    assert "lower CPU time of an item than the hint" in answer(verdict)


def test_a_faster_configuration_that_burns_more_is_no_gain_of_cpu_time():
    """Two requests a stream make the simulated device 2 % faster, at the same cores."""
    verdict = search(SimulatedDevice(base_fps=2000, batch_gain=1.0, more_requests=1.0), "cpu").outcome.verdict
    assert verdict.kind != "faster"


def test_limits_hold_beside_another_objective():
    found = search(Busy(base_fps=500), "cpu", Limit("p99", 20.0))
    best = found.outcome.verdict.best.configuration
    assert 1e3 * best.batch * best.requests / (500 * best.batch**0.2) <= 20.0


@pytest.mark.parametrize(
    ("asked", "batching", "sentence"),
    [
        (("AUTO:EMU,CPU",), "explicit", "runs on a single device, but device= is 'AUTO:EMU,CPU'"),
        ((), "auto", "batching='auto' gathers those of several"),
    ],
)
def test_one_caller_needs_one_device(asked, batching, sentence):
    with pytest.raises(UsageError) as refusal:
        targets_for(asked, ("CPU", "EMU"), batching, Question("latency"))
    assert sentence in str(refusal.value)


def test_one_caller_is_searched_on_each_device_alone():
    assert [str(target) for target in targets_for((), ("CPU", "EMU"), "explicit", Question("latency"))] == [
        "EMU",
        "CPU",
    ]
