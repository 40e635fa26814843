"""A space grows while the gain goes on at its edge, and the summary says what ended it."""

from dataclasses import dataclass, replace

import pytest

from tests.benchmarks.modelled import layout
from tests.lanes.machine import MachineDevice, MachineLanes
from tests.lanes.servers import MACHINES
from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.lanes.workloads import WORKLOADS
from tests.simulation import CPU, MODEL, MemoryStore, simulate, space_of
from tuner.domain.axes import REQUESTS_PER_STREAM
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.trial import Trial
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.progress import TrialEnded
from tuner.tuning.tune import Task, tune

FAST = SimulatedDevice(base_fps=1e5)


@dataclass(frozen=True, slots=True)
class Rising(SimulatedDevice):
    """Gains 10 % with each doubling of the batch up to `best_batch`, then loses as much; the same for requests."""

    best_batch: int = 1
    best_requests: int = 1

    def fps(self, effective):
        per_stream = effective.requests // (effective.streams or 1)
        return self.base_fps * _peak(effective.batch, self.best_batch) * _peak(per_stream, self.best_requests)


def _peak(count, best):
    return count**0.14 if count <= best else best**0.28 / count**0.14


def search(device, store=None, budget_s=120.0, seed=0, **options):
    return simulate(
        device,
        lanes=SimulatedLanes(device, QUIET, seed),
        store=store,
        budget_s=budget_s,
        seed=seed,
        **options,
    )


def largest(found, of=lambda configuration: configuration.batch):
    return max(of(trial.configuration) for trial in found.trials)


def per_stream(configuration):
    return configuration.requests // 2


def test_a_space_grows_until_the_gain_ends():
    found = search(Rising(base_fps=1e5, best_batch=256))
    assert found.outcome.verdict.best.configuration.batch == 256
    assert largest(found) == 512
    assert found.outcome.edges == ("up to batch 512 was tried; the gain ended before it",)
    assert found.outcome.points == 3 * 10 * 3


def test_requests_grow_as_well():
    found = search(Rising(base_fps=1e5, best_requests=16))
    assert per_stream(found.outcome.verdict.best.configuration) == 16
    assert largest(found, per_stream) == 32
    assert found.outcome.edges == ("up to 32 requests per stream was tried; the gain ended before it",)


@dataclass(frozen=True, slots=True)
class Cached(SimulatedDevice):
    """Gains with the batch as long as a stream's caches hold it: fewer streams have larger ones."""

    def fps(self, effective):
        return self.base_fps * _peak(effective.batch, 1024 // (effective.streams or 1))


def test_where_a_doubling_loses_it_is_tried_with_fewer_streams():
    """On 6 streams the gain ends at batch 128, on one at 1024."""
    for seed in range(3):
        best = search(Cached(cores=6, base_fps=1e6), budget_s=60.0, seed=seed).outcome.verdict.best
        assert (best.configuration.batch, best.effective.streams) == (1024, 1)


@dataclass(frozen=True, slots=True)
class Steep(SimulatedDevice):
    """A request takes the same time for one item as for `best_batch`, as with a tiny model; then it goes down."""

    best_batch: int = 1

    def fps(self, effective):
        batch, best = effective.batch, self.best_batch
        return self.base_fps * (batch if batch <= best else best**2 / batch)


def test_where_each_doubling_gains_much_several_are_leapt_over():
    """A dozen trials, of which a doubling each would not even come half of the way."""
    for seed in range(3):
        found = search(Steep(base_fps=1e4, best_batch=16384), budget_s=20.0, seed=seed)
        assert found.outcome.verdict.best.configuration.batch == 16384
        assert len(found.trials) < 15


def test_inside_the_space_as_well():
    """The first guess, batch 64, is too expensive for what the hint alone lets expect."""
    found = search(Steep(base_fps=500, best_batch=64), budget_s=15.0)
    assert [trial.configuration.batch for trial in found.trials[1:4]] == [4, 32, 256]
    assert found.outcome.verdict.best.configuration.batch == 64


def test_a_leap_ends_where_memory_does():
    device = Steep(base_fps=1e4, best_batch=16384)
    lanes = SimulatedLanes(device, QUIET)
    found = simulate(device, lanes=lanes, budget_s=30, available_mb=1500.0)
    assert all(each.batch * each.requests < 1350 for each in lanes.opened)
    assert largest(found) >= 256
    assert "of memory" in found.outcome.edges[0]


def test_a_space_does_not_grow_where_the_gain_has_ended():
    found = search(Rising(base_fps=1e5, best_batch=32))
    assert largest(found) == 64
    assert found.outcome.edges == ()


def test_what_memory_would_not_hold_never_starts():
    """A simulated lane takes 100 MiB and one for each item in flight."""
    device = Rising(base_fps=1e5, best_batch=10_000)
    lanes = SimulatedLanes(device, QUIET)
    found = simulate(device, lanes=lanes, budget_s=120, available_mb=1500.0)
    assert largest(found) in (256, 512, 1024)
    assert all(each.batch * each.requests < 1350 for each in lanes.opened)
    (edge,) = found.outcome.edges
    assert "of memory" in edge
    assert edge.startswith(f"up to batch {largest(found)} was tried; batch ")


def test_a_window_takes_no_more_than_its_share_of_the_budget():
    found = search(Rising(base_fps=1000, best_batch=10_000))
    (edge,) = found.outcome.edges
    assert edge.endswith("a window, more than 5 % of the budget")
    assert largest(found) <= 1024


def test_when_time_ends_first_the_next_run_goes_on():
    store, device = MemoryStore(), Rising(base_fps=1e5, best_batch=10_000)
    short = search(device, store, budget_s=25)
    assert short.outcome.edges[0].endswith("the gain may go on: run the same command again to go on")
    longer = search(device, store, budget_s=120)
    assert largest(longer) > largest(short) >= 64


def test_a_study_that_grew_continues_with_the_space_that_it_had():
    store, device = MemoryStore(), Rising(base_fps=1e5, best_batch=256)
    first = search(device, store)
    again = search(device, store, budget_s=30)
    assert again.outcome.points == first.outcome.points
    assert again.outcome.covered >= first.outcome.covered
    assert again.outcome.edges == first.outcome.edges
    assert largest(again) == 512


@pytest.mark.parametrize("bounds", [Bounds(batch=(1, 2, 64)), Bounds(streams=(2,), batch=(8,))])
def test_what_the_user_bounds_does_not_grow(bounds):
    found = search(Rising(base_fps=1e5, best_batch=10_000), bounds=bounds)
    assert {trial.configuration.batch for trial in found.trials} <= {1, *bounds.batch}
    assert found.outcome.edges == ()


def test_what_a_device_reports_as_its_most_holds():
    facts = DeviceFacts("CPU", 2, frozenset({"NUM_STREAMS"}), 2, 2, max_batch=64, max_requests=12)
    device = Rising(base_fps=1e5, best_batch=10_000, best_requests=100)
    lanes = SimulatedLanes(device, QUIET)
    found = tune(
        Task(
            MODEL,
            CPU,
            ThisHost(lanes),
            lambda target, hints: device_space(facts, 1, True, Bounds(), hints[target].requests),
            MemoryStore(),
            Budget(120, None, lanes.now),
            0,
            lambda _: None,
        )
    )
    assert largest(found) == 64
    assert largest(found, per_stream) <= 6
    assert "up to batch 64 was tried; the device takes no more" in found.outcome.edges


def test_counts_between_doublings_are_tried_around_the_best_near_the_end():
    events = []
    found = search(Rising(base_fps=1e5, best_batch=24), tell=events.append)
    assert found.outcome.verdict.best.configuration.batch == 24
    between = [event.left_s for event in events if isinstance(event, TrialEnded) and is_between(event.trial)]
    assert between
    assert max(between) < 0.7 * 120
    assert found.outcome.covered <= found.outcome.points == 63


def is_between(trial: Trial) -> bool:
    count = trial.configuration.batch
    return count & (count - 1) != 0


def test_a_space_that_grows_keeps_its_choices():
    space = space_of(FAST)
    grown = space.grown("batch").grown("requests_per_stream")
    assert grown.axes["batch"] == (*space.axes["batch"], 128)
    assert grown.axes["requests_per_stream"] == (*REQUESTS_PER_STREAM, 8)
    beyond = replace(space.configuration({"streams": 2, "batch": 64, "requests_per_stream": 1}), batch=512)
    assert space.point(beyond) is None
    assert space.including(beyond).axes["batch"][-3:] == (128, 256, 512)
    assert space.including(replace(beyond, batch=100)).axes == space.axes


def on_a_hybrid_laptop(budget_s):
    """A tiny model on 6 + 8 cores: up to 14 streams, of which 10 gain up to batch 64, and 5 up to batch 128."""
    lanes = MachineLanes(MachineDevice(MACHINES["6 + 8 cores"], WORKLOADS["tiny"]), seed=8)
    task = Task(
        MODEL,
        CPU,
        ThisHost(lanes),
        layout("6 + 8 cores"),
        MemoryStore(),
        Budget(budget_s, None, lanes.now),
        8,
        lambda _: None,
    )
    return [(trial.configuration.plain_properties, trial.configuration.batch) for trial in tune(task).trials]


def test_a_batch_that_lost_is_not_leapt_to_again_with_other_requests():
    tried = on_a_hybrid_laptop(budget_s=30.0)
    assert tried.count(({"NUM_STREAMS": 10}, 64)) > 1
    assert tried.count(({"NUM_STREAMS": 10}, 512)) == 1


def test_fewer_streams_are_those_that_the_device_has():
    """Half of 14 streams are 7, and its counts are 5 and 8."""
    assert ({"NUM_STREAMS": 5}, 128) in on_a_hybrid_laptop(budget_s=45.0)


def test_nor_to_a_batch_beyond_one_that_lost():
    found = search(Steep(base_fps=500, best_batch=64), budget_s=30.0)
    assert [trial.configuration.batch for trial in found.trials[1:4]] == [4, 32, 256]
    assert largest(found) == 256
