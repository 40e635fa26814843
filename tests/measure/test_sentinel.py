"""The sentinel: when it serves, what it leaves behind, and which rounds it drops."""

import math
import random
import threading
from dataclasses import replace

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.domain.host import Host
from tuner.domain.pruning import StopRule
from tuner.measure import sentinel as module
from tuner.measure.comparison import LONGEST_REPEATED_S, Comparison, duel
from tuner.measure.sentinel import EveryCore, host_changed, serves, watching
from tuner.probe.devices import own_cores

THROUGHPUT = {"PERFORMANCE_HINT": "THROUGHPUT"}
HOST = Host("a processor", 2, 8192, "Linux", "2026.4", {"CPU": "a processor"})


def test_it_works_on_every_core_and_leaves_no_thread_behind():
    before = threading.enumerate()
    with watching(HOST, ["CPU"]) as sentinel:
        assert len(threading.enumerate()) == len(before) + len(own_cores())
        assert all(sentinel() > 0 for _ in range(3))
    assert threading.enumerate() == before


def test_each_core_prepares_work_of_its_own_and_closing_twice_is_safe():
    prepared = []

    def prepare():
        prepared.append(len(prepared))
        return lambda: threading.current_thread().name

    cores = EveryCore([0, 1, 2], prepare)
    assert sorted(cores.run()) == sorted(cores.run()) == ["core 0", "core 1", "core 2"]
    assert prepared == [0, 1, 2]
    cores.close()
    cores.close()


def test_threads_that_cannot_stay_on_a_core_work_all_the_same(monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr(module.os, "sched_setaffinity", refuse, raising=False)
    with watching(HOST, ["CPU"]) as sentinel:
        assert sentinel() > 0
    monkeypatch.delattr(module.os, "sched_setaffinity")
    monkeypatch.delattr(module.os, "sched_getaffinity", raising=False)
    with watching(HOST, ["CPU"]) as sentinel:
        assert sentinel() > 0


@pytest.mark.parametrize("what", ["fails", "hangs"])
def test_a_sentinel_that_fails_or_hangs_is_given_up_and_rounds_count_as_they_are(monkeypatch, what):
    released, calls, cores = threading.Event(), [], len(own_cores())

    def work():
        calls.append(1)
        if len(calls) > cores and what == "fails":
            raise MemoryError
        if len(calls) > cores:
            released.wait()
        return 1.0

    monkeypatch.setattr(module, "work_of", lambda _: lambda: work)
    monkeypatch.setattr(module, "LONGEST_S", 60)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    before = threading.enumerate()
    with watching(HOST, ["CPU"]) as sentinel:
        durations = [sentinel()]
        monkeypatch.setattr(module, "LONGEST_S", 0.05 if what == "hangs" else 60)
        durations += [sentinel() for _ in range(3)]
        assert durations[0] == 1.0
        assert all(map(math.isnan, durations[1:]))
        assert not any(host_changed(durations[place:]) for place in range(3))
        released.set()
        monkeypatch.setattr(module, "LONGEST_S", 60)
    assert threading.enumerate() == before


def test_where_no_thread_starts_there_is_no_sentinel(monkeypatch):
    before = threading.enumerate()

    class Refused(threading.Thread):
        def start(self):
            if self.name != f"core {own_cores()[0]}":
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(module, "own_cores", lambda: [*own_cores()[:1], 99])
    monkeypatch.setattr(module, "Thread", Refused)
    with watching(HOST, ["CPU"]) as sentinel:
        assert sentinel is None
    assert threading.enumerate() == before


@pytest.mark.parametrize(
    ("host", "devices", "yes"),
    [
        (HOST, ["CPU"], True),
        (HOST, ["CPU.0"], True),
        (replace(HOST, cores=16), ["CPU"], True),
        (replace(HOST, cores=17), ["CPU"], False),
        (HOST, ["CPU", "GPU"], False),
        (HOST, ["NPU"], False),
        (replace(HOST, cgroup_cores=1.5), ["CPU"], False),
        (replace(HOST, cgroup_cores=2.0), ["CPU"], True),
    ],
)
def test_it_serves_lanes_on_a_few_processor_cores(host, devices, yes):
    assert serves(host, devices) is yes
    with watching(host, devices) as sentinel:
        assert (sentinel is not None) is yes


def test_a_host_has_changed_where_the_same_work_takes_a_tenth_longer():
    assert host_changed([1.0, 1.2, 1.0])
    assert host_changed([1.2, 1.0, 1.0])
    assert not host_changed([1.0, 1.14, 1.0])


def pair_of(lanes):
    return [lanes.open(Configuration.of("CPU", THROUGHPUT, batch, 2)) for batch in (1, 2)]


def watched(durations, noise=QUIET):
    """A comparison whose sentinel returns these durations, and the lanes' clock."""
    lanes, given = SimulatedLanes(SimulatedDevice(base_fps=1000), noise), iter(durations)
    return Comparison(pair_of(lanes), random.Random(0), lanes.now, sentinel=lambda: next(given)), lanes


STEADY, UNSTEADY = [1.0, 1.0], [2.0, 1.0]
"""Of the two windows of a round that follows another: the sentinel before it is the last one's."""


def test_a_round_in_which_the_host_changed_is_dropped_with_its_windows():
    comparison, _ = watched([1.0, *STEADY, *UNSTEADY, *STEADY])
    first, none, third = (comparison.play() for _ in range(3))
    assert none is None
    assert comparison.rounds == [first, third]
    assert comparison.unsteady == 1
    assert [len(windows) for windows in comparison._windows] == [2, 2]


def test_the_sentinel_works_once_between_rounds_that_follow_each_other():
    calls = []
    lanes = SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
    comparison = Comparison(
        pair_of(lanes), random.Random(0), lanes.now, sentinel=lambda: calls.append(1) or 1
    )
    for _ in range(3):
        comparison.play()
    assert len(calls) == 3 + 2 + 2
    lanes.spend(1.0)
    comparison.play()
    assert len(calls) == 7 + 3


def test_the_outcome_of_a_round_has_no_say_in_whether_it_counts():
    def counted(slow):
        """Play rounds in which one lane is half as fast whenever the sentinel says so, or never."""
        draw, lanes = random.Random(1), SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
        lanes.disturbance = lambda _, configuration: 0.5 if slow and configuration.batch == 2 else 1.0
        comparison = Comparison(
            pair_of(lanes), random.Random(0), lanes.now, sentinel=lambda: 1 + draw.choice([0.0, 0.0, 0.3])
        )
        return [comparison.play() is not None for _ in range(60)]

    assert counted(slow=True) == counted(slow=False)
    assert 20 < sum(counted(slow=True)) < 60


def test_on_a_host_that_changes_all_the_time_rounds_count_as_they_are():
    comparison, _ = watched([1.0] + UNSTEADY * 30)
    counted = [comparison.play() is not None for _ in range(30)]
    assert counted == [False] + [True] * 29


def test_a_long_round_counts_although_the_host_changed_in_it():
    comparison, lanes = watched([1.0] + UNSTEADY * 2)
    lanes.device = replace(lanes.device, base_fps=lanes.device.base_fps / 100)
    assert comparison.play()
    assert sum(comparison.window_s(lane) for lane in (0, 1)) > LONGEST_REPEATED_S


def test_where_the_host_changes_in_fewer_than_half_of_the_rounds_all_of_these_are_dropped():
    comparison, _ = watched([1.0, *STEADY] + (STEADY + STEADY + UNSTEADY) * 20)
    counted = [comparison.play() is not None for _ in range(61)]
    assert counted == [True] + [True, True, False] * 20


def test_a_duel_counts_as_many_rounds_as_without_a_sentinel_and_ends_in_time():
    comparison, _ = watched([1.0] + (UNSTEADY + STEADY) * 30)
    duel(comparison, StopRule(precise=0.0), lambda: False)
    assert (len(comparison.rounds), comparison.unsteady) == (6, 6)
    hurried, _ = watched([1.0] + UNSTEADY * 30)
    duel(hurried, StopRule(), lambda: True)
    assert (len(hurried.rounds), hurried.unsteady) == (1, 1)


def test_the_mean_time_of_a_round_holds_its_sentinels():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
    comparison = Comparison(pair_of(lanes), random.Random(0), lanes.now, sentinel=lanes.sentinel)
    before = lanes.now()
    for _ in range(4):
        comparison.play()
    assert lanes.now() - before == pytest.approx(4 * comparison.round_s())
    assert comparison.round_s() > comparison.window_s(0) + comparison.window_s(1)
