"""Guesses in cores a stream become streams of the host's space."""

import pytest

from tests.benchmarks.host_guesses import choose
from tests.lanes.servers import MACHINES, Machine
from tuner.domain.combination import combination_space
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.target import target_of
from tuner.tuning.guesses import GUESSES, SERVER_GUESSES, HostGuess, guesses_for, host_guesses
from tuner.tuning.proposals import Proposer

TWO = (HostGuess(1, 16, 4), HostGuess(8, 32, 2))


def space_of(machine: Machine, bounds: Bounds | None = None):
    return device_space(machine.facts(), 1, True, bounds or Bounds(), machine.physical)


@pytest.mark.parametrize(
    ("machine", "streams"),
    [
        (MACHINES["2 x 32 cores"], [64, 8]),  # 128 threads
        (MACHINES["16 cores"], [16, 2]),
        (MACHINES["2 cores"], [2, 1]),
        (MACHINES["6 + 8 cores"], [20, 2]),  # a hybrid processor of 20 threads
        (Machine(24, threads_per_core=1), [24, 3]),
    ],
)
def test_a_stream_gets_so_many_physical_cores(machine, streams):
    space = space_of(machine)
    points = host_guesses(space, TWO)
    assert [point["streams"] for point in points] == streams
    assert [(point["batch"], point["requests_per_stream"]) for point in points] == [(16, 4), (32, 2)]
    assert all(space.nearest(point)["streams"] == point["streams"] for point in points)


@pytest.mark.parametrize("streams", [("hint", 16), (2, 4)])
def test_bounds_on_streams_do_not_change_the_cores(streams):
    machine = MACHINES["64 cores"]
    points = host_guesses(space_of(machine, Bounds(streams=streams)), TWO)
    assert [point["streams"] for point in points] == [64, 8]


def test_a_server_stays_one_when_few_streams_are_asked_for():
    space = space_of(MACHINES["64 cores"], Bounds(streams=("hint", 4)))
    assert guesses_for(space) == host_guesses(space, SERVER_GUESSES) != ()


def test_cores_are_those_that_the_process_may_use():
    """16 threads of 8 cores of a larger machine, without the right to change hyper-threading."""
    facts = DeviceFacts("CPU", 128, frozenset({"NUM_STREAMS"}), logical_cores=16, physical_cores=8)
    points = host_guesses(device_space(facts, 1, True, Bounds(), 8), TWO)
    assert [point["streams"] for point in points] == [8, 1]


def test_a_device_without_counts_of_streams_gets_none():
    facts = DeviceFacts("NPU", 1, frozenset(), 0, 0)
    assert host_guesses(device_space(facts, 1, True, Bounds(), 1), TWO) == ()
    assert host_guesses(space_of(MACHINES["16 cores"], Bounds(streams=("hint",))), TWO) == ()


def test_a_combination_gets_none():
    target, facts = target_of("MULTI:GPU,CPU"), DeviceFacts("CPU", 4, frozenset({"NUM_STREAMS"}), 4, 4)
    gpu = DeviceFacts("GPU", 2, frozenset({"NUM_STREAMS"}), 0, 0)
    assert [point["streams"] for point in host_guesses(device_space(gpu, 1, True, Bounds(), 2), TWO)] == [
        2,
        1,
    ]
    space = combination_space(target, [gpu, facts], (), 1, True, Bounds(), {"GPU": 2, "CPU": 4})
    assert host_guesses(space, TWO) == ()


def test_the_guesses_are_those_that_the_landscapes_choose():
    assert choose(without=None, count=len(SERVER_GUESSES)) == SERVER_GUESSES


def test_a_search_on_a_server_begins_with_guesses_in_cores():
    space = space_of(MACHINES["2 x 32 cores"])
    first = Proposer(space, 1, 0).next(lambda _: False)
    assert first.plain_properties == {"NUM_STREAMS": 32}
    assert (first.batch, first.requests) == (64, 128)


def test_small_processors_and_other_devices_keep_the_recorded_guesses():
    gpu = DeviceFacts("GPU", 16, frozenset({"NUM_STREAMS"}), 0, 0)
    for space in (
        space_of(MACHINES["2 cores"]),
        space_of(Machine(4)),
        space_of(MACHINES["64 cores"], Bounds(streams=("hint",))),
        device_space(gpu, 1, True, Bounds(), 1),
    ):
        assert guesses_for(space) == GUESSES


def test_where_the_hints_streams_are_not_wanted_guesses_count_in_cores_too():
    space = space_of(MACHINES["64 cores"], Bounds(streams=(1, 2)))
    first = Proposer(space, 1, 0).next(lambda _: False)
    assert first.plain_properties["NUM_STREAMS"] in {1, 2}
    assert (first.batch, first.requests) == (64, 4 * first.plain_properties["NUM_STREAMS"])
