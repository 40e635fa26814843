"""This host, and several in virtual time, as places where a search measures."""

from contextlib import closing

import pytest

from tests.lanes.on_hosts import SimulatedOpening
from tests.lanes.simulated import QUIET, SimulatedLanes
from tests.lanes.virtual_hosts import VirtualHosts
from tests.simulation import CPU, MODEL, MemoryStore, space_of
from tests.tuning.hosts_contract import HostsContract
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.progress import TrialBegan, TrialEnded
from tuner.tuning.tune import Task, tune

DEVICE = SimulatedOpening().device


def lanes_of(seed=0):
    return SimulatedLanes(DEVICE, QUIET, seed)


class TestThisHost(HostsContract):
    @pytest.fixture
    def lanes(self):
        return lanes_of()

    @pytest.fixture
    def clock(self, lanes):
        return lanes.now

    @pytest.fixture
    def hosts(self, lanes):
        with closing(ThisHost(lanes)) as hosts:
            yield hosts


class TestVirtualHosts(HostsContract):
    @pytest.fixture
    def clock(self, hosts):
        return hosts.now

    @pytest.fixture
    def hosts(self):
        with closing(VirtualHosts([lanes_of(seed) for seed in range(3)])) as hosts:
            yield hosts


def search(count, tell=lambda _: None, **options):
    hosts = VirtualHosts([lanes_of(seed) for seed in range(count)])
    budget = Budget(60.0, options.get("trials"), hosts.now)

    def space_for(target, hints):
        return space_of(DEVICE, None, hints[target].requests)

    return tune(Task(MODEL, CPU, hosts, space_for, MemoryStore(), budget, 0, tell))


def test_several_hosts_try_different_configurations_at_the_same_time():
    events = []
    found = search(4, events.append)
    tried = [trial.configuration for trial in found.trials]
    assert len(set(tried)) == len(tried)
    assert [trial.number for trial in found.trials] == list(range(len(tried)))
    most = running = 0
    for event in events:
        running += isinstance(event, TrialBegan) - isinstance(event, TrialEnded)
        most = max(most, running)
    assert most == 4
    assert running == 0
    assert found.outcome.verdict.kind == "faster"


def test_four_hosts_run_more_trials_in_the_same_time():
    assert len(search(4).trials) > 2 * len(search(1).trials)


def test_so_many_trials_are_run_as_were_asked_for_however_many_hosts_there_are():
    assert len(search(4, trials=10).trials) == 1 + 10


def test_one_host_in_virtual_time_is_this_host():
    hosts = ThisHost(lanes := lanes_of())
    alone = tune(
        Task(
            MODEL,
            CPU,
            hosts,
            lambda target, hints: space_of(DEVICE, None, hints[target].requests),
            MemoryStore(),
            Budget(60.0, None, lanes.now),
            0,
            lambda _: None,
        )
    )
    assert [trial.configuration for trial in search(1).trials] == [
        trial.configuration for trial in alone.trials
    ]
