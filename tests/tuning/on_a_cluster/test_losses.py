"""Hosts of a real Ray cluster that are lost, and a head that does not answer any more."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

import pytest

from tests.lanes.on_hosts import SimulatedOpening
from tests.tuning.hosts_contract import BATCH_4, WORK
from tests.tuning.on_a_cluster.asking import MARKS, NOISY, QUICK, hosts_of, search
from tuner.domain.history import History
from tuner.domain.support import HOSTS_GONE
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import HostsGone
from tuner.tuning.progress import FinalRound, TrialEnded, Warned

pytest.importorskip("ray")

looking = pytest.importorskip("tuner.tuning.nodes")

pytestmark = MARKS


@pytest.mark.slow
def test_what_a_lost_host_measured_is_measured_again_elsewhere(nodes, lossy):
    pair, labels = lossy
    lost = []

    def tell(event):
        if isinstance(event, TrialEnded) and event.trial.number == 6 and not lost:
            running = {
                member.node.number: member.configuration
                for member in hosts._members.all
                if member.configuration
            }
            node = next(each for each in pair if each.node_id in running)
            lost.append(running[node.node_id])
            nodes.remove_node(node, allow_graceful=False)

    with hosts_of(replace(QUICK, waits=0.1), labels=labels) as hosts:
        found = search(hosts, tell=tell, budget_s=40.0)
    assert found.outcome.verdict.kind == "faster"
    assert lost[0] in {trial.configuration for trial in found.trials if trial.state != "failed"}
    assert len(found.trials) == 21
    (notice,) = hosts.notices
    assert notice.code == "host-lost"
    assert "1 host left" in notice.text


@pytest.mark.slow
def test_a_host_that_is_lost_while_another_one_has_nothing_to_do_is_not_waited_for(nodes, lossy):
    pair, labels = lossy
    history = History()
    with hosts_of(replace(QUICK, waits=3.0), labels=labels) as hosts:
        hosts.ready()
        for trial in hosts.open_hints(WORK, history, Budget(60.0, None, monotonic)).trials:
            history.add(trial)
        hosts.begin_trials()
        while len(hosts._members.doing("free")) < 2:
            hosts._wait()
        hosts.start(BATCH_4)
        (busy,) = (member.node.number for member in hosts._members.all if member.configuration)
        nodes.remove_node(next(each for each in pair if each.node_id == busy), allow_graceful=False)
        assert hosts.ended() is None
        assert hosts.lost() == BATCH_4


@pytest.mark.slow
def test_a_final_goes_on_where_one_of_its_hosts_is_lost(nodes, lossy):
    pair, labels = lossy
    killed = []

    def tell(event):
        if isinstance(event, FinalRound) and not killed:
            killed.append(
                next(member.node.number for member in hosts._members.all if member.doing == "final")
            )
            nodes.remove_node(next(each for each in pair if each.node_id == killed[0]), allow_graceful=False)

    with hosts_of(replace(QUICK, waits=0.2, noise=NOISY), labels=labels) as hosts:
        found = search(hosts, trials=2, tell=tell, budget_s=10.0)
    assert killed
    assert found.final.trouble is None
    assert found.final.rounds
    assert hosts.elsewhere == []


@pytest.mark.slow
def test_the_final_is_held_again_where_all_of_its_hosts_are_lost(nodes, lossy):
    pair, labels = lossy
    left = list(pair)

    def tell(event):
        if isinstance(event, FinalRound):
            while left:
                nodes.remove_node(left.pop(), allow_graceful=False)
                if not left:
                    nodes.add_node(num_cpus=1, labels=labels)

    with hosts_of(replace(QUICK, waits=0.2, noise=NOISY), labels=labels) as hosts:
        found = search(hosts, trials=2, tell=tell, budget_s=14.0)
    assert [notice.code for notice in hosts.notices] == ["host-lost", "host-lost"]
    assert found.final.trouble is None
    assert found.final.rounds


@pytest.mark.slow
def test_a_search_ends_with_what_is_known_where_no_host_is_left(nodes, lossy):
    pair, labels = lossy
    left = list(pair)

    def tell(event):
        while isinstance(event, TrialEnded) and left:
            nodes.remove_node(left.pop(), allow_graceful=False)

    with hosts_of(replace(QUICK, waits=0.1), labels=labels) as hosts:
        found = search(hosts, tell=tell, budget_s=6.0)
    assert found.outcome.verdict.kind == "inconclusive"
    assert "every host of the cluster is gone" in found.outcome.verdict.why
    assert found.outcome.interrupted
    assert len(found.trials) >= 2


@pytest.mark.slow
def test_what_loses_two_hosts_has_failed(pair):
    with hosts_of() as hosts:
        budget = Budget(20.0, None, monotonic)
        hosts.ready()
        hosts.open_hints(WORK, History(), budget)
        hosts._lose(BATCH_4)
        assert hosts.lost() == BATCH_4
        assert hosts.lost() is None
        hosts._lose(BATCH_4)
        assert hosts.lost() is None
        assert hosts.ended().reason == "its host was lost 2 times"


@pytest.fixture
def head_is_lost(monkeypatch):
    """Have the head be silent from a moment on, for too long."""

    def lose():
        def nodes_with(*_):
            raise HostsGone("the head does not answer")

        monkeypatch.setattr(looking.Head, "nodes_with", nodes_with)

    return lose


@pytest.mark.slow
def test_a_search_whose_head_is_lost_is_cut_short(pair, head_is_lost):
    events = []

    def tell(event):
        events.append(event)
        if isinstance(event, TrialEnded):
            head_is_lost()

    with hosts_of(replace(QUICK, waits=0.1)) as hosts:
        found = search(hosts, tell=tell)
    assert found.outcome.interrupted
    assert found.outcome.verdict.why.startswith("the head does not answer; run the same command again")
    (notice,) = found.outcome.notices
    assert (notice.code, events[-1]) == (HOSTS_GONE, Warned(notice))


@pytest.mark.slow
def test_a_final_that_has_ended_counts_where_the_head_is_lost_in_the_other_one(
    pair, head_is_lost, tmp_path, monkeypatch
):
    finals = pytest.importorskip("tuner.tuning.parallel_finals").ParallelFinals
    take = finals.take

    def taking(self, member, final):
        take(self, member, final)
        head_is_lost()

    monkeypatch.setattr(finals, "take", taking)
    with hosts_of(SecondIsSlow(first=str(tmp_path / "first"))) as hosts:
        found = search(hosts, trials=4, budget_s=60.0)
    assert found.outcome.verdict.kind == "faster"
    assert not found.outcome.interrupted
    assert hosts.elsewhere == []


@dataclass(frozen=True)
class SecondIsSlow(SimulatedOpening):
    """The first host that opens is quick; it makes a file. The other one takes its time."""

    first: str = ""

    @contextmanager
    def __call__(self, budget, stopped):
        try:
            Path(self.first).touch(exist_ok=False)
            waits = 0.01
        except FileExistsError:
            waits = 0.15
        with SimulatedOpening(waits=waits)(budget, stopped) as opened:
            yield opened
