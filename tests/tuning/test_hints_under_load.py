"""Under a load both hints of a device are measured, and the better one is the baseline."""

import pytest

from tests.lanes.simulated import QUIET, SimulatedLanes
from tests.tuning.loaded import LATENCY_HINT, THROUGHPUT_HINT, Cores, search
from tuner.domain.limit import Limit
from tuner.domain.space import Bounds
from tuner.errors import DeviceError, LaneError
from tuner.measure.reference import reference_of


def test_both_hints_are_measured_and_the_better_one_is_the_baseline():
    slow = search("latency", 20.0, trials=1)
    assert slow.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # hardly anything waits
    fast = search("latency", 140.0, trials=1)
    assert fast.outcome.baseline.configuration.plain_properties == THROUGHPUT_HINT  # a single stream queues
    for found in (slow, fast):
        hints = [dict(trial.configuration.plain_properties) for trial in found.trials[:2]]
        assert LATENCY_HINT in hints
        assert THROUGHPUT_HINT in hints


class Alike(Cores):
    """An item takes 10 ms of CPU time, `one` times as much with one stream."""

    one = 1.0

    def fps(self, effective):
        busy = min(effective.requests, effective.streams)
        return busy / 0.010 if effective.streams > 1 else busy * self.cores / (self.one * 0.010)


@pytest.mark.parametrize(("one", "hint"), [(1.2, THROUGHPUT_HINT), (1.02, LATENCY_HINT), (0.8, LATENCY_HINT)])
def test_after_few_rounds_the_faster_hint_is_the_baseline_and_the_simpler_one_only_in_a_tie(one, hint):
    device = Alike(cores=4)
    object.__setattr__(device, "one", one)
    found = search("cpu", 0.5, lanes=SimulatedLanes(device, QUIET), budget_s=300.0, trials=1)
    assert 0 < len(found.trials[1].rounds) < 5
    assert found.outcome.baseline.configuration.plain_properties == hint


def test_of_hints_only_those_that_keep_the_limits_may_be_the_baseline():
    limit = Limit("p50", 8.0)
    found = search("cpu", 5.0, limit, lanes=SimulatedLanes(Cores(cores=4), QUIET), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # the other one takes 10 ms


def test_limits_of_latency_count_among_the_hints_where_precision_is_searched_too():
    lanes = SimulatedLanes(Cores(cores=4), QUIET)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    limits = (Limit("p50", 8.0), Limit("error", 0.01))
    found = search("cpu", 5.0, *limits, lanes=lanes, bounds=Bounds(precision=("all",)), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == LATENCY_HINT  # the other one takes 10 ms
    assert found.trials[0].measured.agreement.max_error == 0.0


def test_a_hint_that_cannot_follow_is_a_trial_that_says_so():
    found = search("latency", 300.0, trials=1)
    assert found.trials[0].configuration.plain_properties == THROUGHPUT_HINT
    lost = found.trials[1]
    assert lost.configuration.plain_properties == LATENCY_HINT
    assert lost.state == "pruned"
    assert lost.reason.startswith("cannot follow 300 items/s: it serves 1")
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))


class Refusing(SimulatedLanes):
    """One of the hints does not compile, or dies in every window of the load."""

    def __init__(self, refused, dies=False):
        super().__init__(Cores(cores=4), QUIET)
        self.refused, self.dies = refused, dies

    def open(self, configuration):
        if configuration.plain_properties == self.refused and not self.dies:
            raise LaneError("out of luck")
        lane = super().open(configuration)
        if configuration.plain_properties == self.refused:
            serve = lane.open_loop
            lane.open_loop = lambda arrivals: lane.close() or serve(arrivals)
        return lane


@pytest.mark.parametrize(
    ("refused", "other"), [(THROUGHPUT_HINT, LATENCY_HINT), (LATENCY_HINT, THROUGHPUT_HINT)]
)
@pytest.mark.parametrize("dies", [False, True])
def test_where_one_hint_fails_the_other_one_of_its_device_is_the_baseline(refused, other, dies):
    found = search("latency", 20.0, lanes=Refusing(refused, dies), trials=1)
    assert found.outcome.baseline.configuration.plain_properties == other
    assert not found.left_out
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert {trial.reason for trial in failed} <= {"the lane is closed" if dies else "out of luck"}
    assert not dies or failed[0].configuration.plain_properties == refused
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))


def test_a_rate_that_no_hint_can_follow_is_refused():
    with pytest.raises(
        DeviceError,
        match=r"^No performance hint can be measured at this load \(.*THROUGHPUT on CPU cannot follow 2000 items/s: it "
        r"serves .*\), so there is nothing to compare with, even if a larger batch may follow; .* a lower rate\.$",
    ) as refused:
        search("latency", 2000.0)
    assert "LATENCY on CPU cannot follow" in str(refused.value)


def test_a_search_goes_on_with_the_same_baseline():
    from tests.simulation import MemoryStore

    store = MemoryStore()
    first = search("latency", 140.0, store=store, trials=2)
    second = search("latency", 140.0, store=store, trials=2, seed=1)
    assert second.trials[: len(first.trials)] == first.trials
    assert second.outcome.baseline.configuration == first.outcome.baseline.configuration


@pytest.mark.parametrize(("before", "hint"), [(0.8, LATENCY_HINT), (1.2, THROUGHPUT_HINT)])
def test_a_search_does_not_go_on_with_the_other_hint_as_its_baseline(before, hint):
    from tests.simulation import MemoryStore

    class Tired(SimulatedLanes):
        def open(self, configuration):
            lane = super().open(configuration)
            if configuration.plain_properties == hint:
                lane.close()
            return lane

    device, store = Alike(cores=4), MemoryStore()
    object.__setattr__(device, "one", before)
    first = search("cpu", 20.0, lanes=SimulatedLanes(device, QUIET), store=store, trials=2)
    assert first.outcome.baseline.configuration.plain_properties == hint
    sentence = rf"the hint {hint['PERFORMANCE_HINT']} on CPU, which does not run or does not follow 20 items/s any more"
    with pytest.raises(DeviceError, match=sentence):
        search("cpu", 20.0, lanes=Tired(device, QUIET), store=store, trials=2)


def test_hints_of_a_slow_load_leave_time_for_the_rest():
    found = search("cpu", 4.0, budget_s=60.0)
    assert len(found.trials[1].rounds) < 4
    assert len(found.trials) > 3
