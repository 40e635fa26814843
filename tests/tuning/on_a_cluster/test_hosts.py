"""Hosts of a real Ray cluster: they share a search, and come and go."""

import platform
import threading
from dataclasses import replace
from time import monotonic

import pytest

from tests.lanes.on_hosts import Known, SimulatedOpening, kind_by_label
from tests.simulation import MemoryStore
from tests.tuning.hosts_contract import HostsContract
from tests.tuning.on_a_cluster.asking import MARKS, QUICK, hosts_of, search
from tuner.domain.result import Notice
from tuner.domain.travel import travel_of
from tuner.errors import Interrupted, UsageError
from tuner.tuning.progress import FinalRound, TrialBegan, TrialEnded

pytest.importorskip("ray")
looking = pytest.importorskip("tuner.tuning.nodes")

pytestmark = MARKS


@pytest.mark.slow
class TestCluster(HostsContract):
    @pytest.fixture
    def clock(self):
        return monotonic

    @pytest.fixture
    def hosts(self, pair):
        with hosts_of() as hosts:
            yield hosts


def test_two_hosts_share_a_search_and_both_hold_its_final(pair):
    events = []
    with hosts_of(replace(QUICK, waits=0.1)) as hosts:
        found = search(hosts, tell=events.append)
    assert found.outcome.verdict.kind == "faster"
    assert [trial.number for trial in found.trials] == list(range(21))
    tried = [trial.configuration for trial in found.trials]
    assert len(set(tried)) == len(tried)
    assert hosts.measured_on == 2
    assert str(travel_of(found.outcome.verdict, hosts.measured_on, hosts.elsewhere)) == (
        "2 measured; the final was held on 2, and its answer holds on 2 of them"
    )
    (elsewhere,) = hosts.elsewhere
    slower = [replace(each, speedup=replace(each.speedup, low=0.9)) for each in elsewhere.finalists]
    refuted = travel_of(found.outcome.verdict, 2, [replace(elsewhere, finalists=tuple(slower))])
    assert (refuted.finals, refuted.held) == (2, 1)
    assert any(isinstance(event, FinalRound) for event in events)
    most = running = 0
    for event in events:
        running += isinstance(event, TrialBegan) - isinstance(event, TrialEnded)
        most = max(most, running)
    assert most == 2


@pytest.mark.slow
def test_a_host_that_joins_later_is_used(nodes, lossy):
    _, labels = lossy
    joined = []

    def tell(event):
        if isinstance(event, TrialEnded) and not joined:
            joined.append(nodes.add_node(num_cpus=1, labels=labels))

    with hosts_of(replace(QUICK, waits=0.2), labels=labels) as hosts:
        search(hosts, trials=16, tell=tell, budget_s=40.0)
        assert hosts.measured_on == 3


@pytest.mark.slow
def test_only_hosts_with_the_labels_measure(nodes, pair):
    with hosts_of() as hosts:
        hosts.ready()
        assert {member.node.number for member in hosts._members.all} == {node.node_id for node in pair}
    with hosts_of(labels={"kind": "none"}) as hosts, pytest.raises(UsageError, match="hosts='kind=none'"):
        hosts.ready()


@pytest.mark.slow
def test_what_disturbs_a_host_is_told_with_its_name(pair):
    stolen = Notice("stolen-time", "It was not alone.")
    loaded, odd = Notice("other-load", "Its load was 3."), Notice("no-batch", "Batch is not searched.")
    opening = replace(
        QUICK, knows=Known(notices=(odd,)), warnings=(loaded,), disturbances=(stolen,), waits=0.1
    )
    with hosts_of(opening) as hosts:
        assert hosts.ready().notices == (odd,)  # the same on both: it is the model's
        search(hosts, trials=10)
        names = [node.name for node in looking.nodes_with({"kind": "fast"})]
        assert sorted(each.text for each in hosts.disturbances()) == sorted(
            f"{name}: It was not alone." for name in names
        )
    assert sorted(each.text for each in hosts.notices) == sorted(f"{name}: Its load was 3." for name in names)


@pytest.mark.slow
def test_a_search_that_no_host_can_run_ends_with_its_error(pair):
    refusing = SimulatedOpening(refused="batch= cannot be searched; leave it out.")
    with (
        hosts_of(refusing) as hosts,
        pytest.raises(UsageError, match="batch= cannot be searched; leave it out"),
    ):
        hosts.ready()


def test_a_host_with_other_versions_is_refused_before_it_is_sent_anything(pair, monkeypatch):
    ours = {**looking.versions(), "Python": "3.9.1", "of another thing": "1"}
    monkeypatch.setattr(looking, "versions", lambda: ours)
    with hosts_of(Mistaken()) as hosts, pytest.raises(UsageError) as refused:
        hosts.ready()
    theirs = f"Python is {platform.python_version()}, here 3.9.1; of another thing is missing, here 1"
    assert str(refused.value) == f"{theirs}; install the same versions on all hosts."
    assert len(hosts.notices) == 2
    (why,) = looking.kinds_with({"kind": "fast"}, kind_by_label).values()
    assert why == str(refused.value)


def test_a_mistake_in_the_program_is_not_taken_for_a_lost_host(pair):
    with hosts_of(Mistaken()) as hosts, pytest.raises(ZeroDivisionError):
        hosts.ready()


class Mistaken(SimulatedOpening):
    def __call__(self, budget, stopped):
        return 1 / 0


@pytest.mark.slow
def test_a_user_who_stops_keeps_what_is_there(pair):
    asked, store = threading.Event(), MemoryStore()

    def tell(event):
        if isinstance(event, TrialEnded) and event.trial.number == 5:
            asked.set()

    with hosts_of(replace(QUICK, waits=0.1), stopped=asked.is_set) as hosts:
        found = search(hosts, tell=tell, store=store, budget_s=40.0)
    assert found.outcome.interrupted
    assert len(store.kept) >= 6


@pytest.mark.slow
def test_a_search_that_was_stopped_goes_on_where_it_was(pair):
    store = MemoryStore()
    with hosts_of() as hosts:
        search(hosts, trials=5, store=store)
    known = len(store.kept)
    with hosts_of() as hosts:
        found = search(hosts, trials=5, store=store)
    assert len(found.trials) == known + 5
    assert len({trial.configuration for trial in found.trials}) == len(found.trials)


def test_stopping_before_the_first_host_is_ready_is_an_interruption(pair):
    with hosts_of(stopped=lambda: True) as hosts, pytest.raises(Interrupted):
        hosts.ready()


@pytest.mark.slow
def test_memory_is_that_of_the_host_with_the_least(pair):
    with hosts_of() as hosts:
        hosts.ready()
        hosts._members.all[0].available_mb = 10.0
        assert hosts.available_mb() == 10.0
