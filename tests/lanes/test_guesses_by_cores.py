"""Guesses in cores a stream become streams of the host's space."""

import pytest

from tests.benchmarks.guesses_by_cores import HOST_GUESSES, HostGuess, host_guesses
from tests.benchmarks.host_guesses import choose
from tests.lanes.servers import MACHINES, Machine
from tuner.domain.combination import combination_space
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.target import target_of

GUESSES = (HostGuess(1, 16, 4), HostGuess(8, 32, 2))


def space_of(machine: Machine, bounds: Bounds | None = None):
    return device_space(machine.facts(), 1, True, bounds or Bounds(), machine.physical)


@pytest.mark.parametrize(
    ("machine", "streams"),
    [
        (MACHINES["2 x 32 cores"], [64, 8]),  # 128 threads
        (MACHINES["16 cores"], [16, 2]),
        (MACHINES["2 cores"], [2, 1]),
        (Machine(24, threads_per_core=1), [24, 3]),
    ],
)
def test_a_stream_gets_so_many_physical_cores(machine, streams):
    space = space_of(machine)
    points = host_guesses(space, GUESSES)
    assert [point["streams"] for point in points] == streams
    assert [(point["batch"], point["requests_per_stream"]) for point in points] == [(16, 4), (32, 2)]
    assert all(space.nearest(point)["streams"] == point["streams"] for point in points)


def test_a_device_without_counts_of_streams_gets_none():
    facts = DeviceFacts("NPU", 1, frozenset(), 0, 0)
    assert host_guesses(device_space(facts, 1, True, Bounds(), 1), GUESSES) == ()
    assert host_guesses(space_of(MACHINES["16 cores"], Bounds(streams=("hint",))), GUESSES) == ()


def test_a_combination_gets_none():
    target, facts = target_of("MULTI:GPU,CPU"), DeviceFacts("CPU", 4, frozenset({"NUM_STREAMS"}), 4, 4)
    gpu = DeviceFacts("GPU", 2, frozenset({"NUM_STREAMS"}), 0, 0)
    space = combination_space(target, [gpu, facts], (), 1, True, Bounds(), {"GPU": 2, "CPU": 4})
    assert host_guesses(space, GUESSES) == ()


def test_the_guesses_are_those_that_the_landscapes_choose():
    assert choose(without=None, count=len(HOST_GUESSES)) == HOST_GUESSES
