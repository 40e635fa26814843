"""The hosts of a real Ray cluster on this machine; its nodes measure on simulated lanes."""

import os
import platform
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from time import monotonic

import pytest

from tests.lanes.on_hosts import EQUAL, Known, SimulatedOpening, kind_by_label
from tests.lanes.simulated import Noise
from tests.simulation import CPU, MODEL, MemoryStore, space_of
from tests.tuning.hosts_contract import BATCH_4, WORK, HostsContract
from tuner.domain.history import History
from tuner.domain.kind import KIND
from tuner.domain.result import Notice
from tuner.domain.travel import travel_of
from tuner.errors import Interrupted, UsageError
from tuner.tuning.budget import Budget
from tuner.tuning.progress import FinalRound, TrialBegan, TrialEnded
from tuner.tuning.tune import Task, tune

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")
looking = pytest.importorskip("tuner.tuning.nodes")

pytestmark = [
    pytest.mark.alone,
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning"
    ),  # files that Ray leaves open
]
"""A cluster is many processes, and what runs beside them is late."""

QUICK = SimulatedOpening()
NOISY = Noise(jitter=0.2, drift=0, burst_share=0, outlier_share=0)
"""So that a final lasts."""

QUICK_TO_NOTICE = {"initial_delay_ms": 0, "period_ms": 300, "timeout_ms": 300, "failure_threshold": 3}
"""When a node counts as lost: Ray waits half a minute unless told otherwise."""


@pytest.fixture(scope="module")
def nodes():
    """A cluster whose head measures nothing, and a place to add nodes."""
    quick = {f"health_check_{name}": value for name, value in QUICK_TO_NOTICE.items()}
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": quick}
    )
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", namespace="tests")
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="module")
def pair(nodes):
    """Two nodes of a kind that stay."""
    return [nodes.add_node(num_cpus=1, labels={"kind": "fast"}) for _ in range(2)]


@pytest.fixture
def lossy(nodes, request):
    """Two nodes that a test may end, and the label by which they are chosen."""
    labels = {"kind": request.node.name[-60:]}
    return [nodes.add_node(num_cpus=1, labels=labels) for _ in range(2)], labels


@contextmanager
def hosts_of(opening=QUICK, **options):
    from tuner.tuning.cluster import Cluster

    options = {
        "why_not_with": differs,
        "kind_there": kind_by_label,
        "stopped": lambda: False,
        "labels": {"kind": "fast"},
        **options,
    }
    with closing(Cluster(opening, **options)) as cluster:
        yield cluster


def differs(first, other):
    theirs, ours = other.host.cores, first.host.cores
    return None if theirs == ours else f"its cores are {theirs}, not {ours}"


def search(hosts, trials=20, budget_s=20.0, tell=lambda _: None, store=None):
    budget = Budget(budget_s, trials, monotonic)
    device = QUICK.device
    return tune(
        Task(
            MODEL,
            CPU,
            hosts,
            lambda target, hints: space_of(device, None, hints[target].requests),
            store or MemoryStore(),
            budget,
            0,
            tell,
        )
    )


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
    assert len(found.trials) >= 2


@pytest.mark.slow
def test_a_host_that_joins_later_is_used(nodes, lossy):
    _, labels = lossy
    joined = []

    def tell(event):
        if isinstance(event, TrialEnded) and not joined:
            joined.append(nodes.add_node(num_cpus=1, labels=labels))

    with hosts_of(replace(QUICK, waits=0.2), labels=labels) as hosts:
        search(hosts, trials=12, tell=tell, budget_s=40.0)
        assert hosts.measured_on == 3


@pytest.mark.slow
def test_only_hosts_with_the_labels_measure(nodes, pair):
    with hosts_of() as hosts:
        hosts.ready()
        assert {member.node.number for member in hosts._members.all} == {node.node_id for node in pair}
    with hosts_of(labels={"kind": "none"}) as hosts, pytest.raises(UsageError, match="hosts='kind=none'"):
        hosts.ready()


@pytest.fixture(scope="module")
def uneven(nodes):
    """A node of one kind and two of another; the label that they have."""
    for model in ("odd", "even", "even"):
        nodes.add_node(num_cpus=1, labels={"kind": "uneven", "model": model})
    return {"kind": "uneven"}


@pytest.mark.slow
def test_the_kind_is_searched_of_which_there_are_most_and_the_others_are_left_out(uneven):
    with hosts_of(labels=uneven) as hosts:
        hosts.ready()
        assert {member.kind for member in hosts._members.all} == {"even"}
    (notice,) = hosts.notices
    assert notice.code == "host-refused"
    assert "it is another kind of host: odd, and not even; 2 hosts left" in notice.text


@pytest.mark.slow
def test_kinds_are_counted_and_one_of_them_can_be_chosen_like_a_label(uneven):
    assert dict(looking.kinds_with(uneven, kind_by_label)) == {"even": None, "odd": None}
    assert dict(looking.kinds_with({**uneven, KIND: "odd"}, kind_by_label)) == {"odd": None}
    with pytest.raises(UsageError, match=r"tuner\.kind=none'; its kinds of host are even, odd;"):
        looking.kinds_with({**uneven, KIND: "none"}, kind_by_label)
    with hosts_of(labels={**uneven, KIND: "odd"}) as hosts:
        hosts.ready()
        assert [member.kind for member in hosts._members.all] == ["odd"]
        assert hosts.notices == []  # the others were not asked for
    wanted = "no host with hosts='kind=uneven,tuner.kind=none'; its kinds of host are "
    with hosts_of(labels={**uneven, KIND: "none"}) as hosts, pytest.raises(UsageError, match=wanted):
        hosts.ready()


@pytest.mark.slow
def test_where_no_host_can_say_its_kind_the_reason_is_given(uneven):
    with pytest.raises(UsageError, match=r"the tuner does not start there .*broken"):
        looking.kinds_with(uneven, Broken())
    with hosts_of(labels=uneven, kind_there=Broken()) as hosts, pytest.raises(UsageError, match="broken"):
        hosts.ready()
    with pytest.raises(UsageError, match="no host with hosts='kind=none'"):
        looking.kinds_with({"kind": "none"}, kind_by_label)


@pytest.mark.slow
def test_a_host_that_is_found_to_be_of_another_kind_is_left_out_with_the_reason(pair):
    with hosts_of(ByTurns()) as hosts:
        search(hosts)
        assert hosts.measured_on == 1
    (notice,) = hosts.notices
    assert notice.code == "host-refused"
    assert "its cores are" in notice.text


class ByTurns(SimulatedOpening):
    """Each host that opens describes itself with another number of cores."""

    @contextmanager
    def __call__(self, budget, stopped):
        with super().__call__(budget, stopped) as (_, host):
            yield Known(replace(EQUAL, cores=os.getpid())), host


@pytest.mark.slow
def test_what_disturbs_a_host_is_told_with_its_name(pair):
    stolen = Notice("stolen-time", "It was not alone.")
    with hosts_of(Loaded(disturbances=(stolen,), waits=0.1)) as hosts:
        search(hosts, trials=10)
        names = [node.name for node in looking.nodes_with({"kind": "fast"})]
        assert sorted(each.text for each in hosts.disturbances()) == sorted(
            f"{name}: It was not alone." for name in names
        )
    (second,) = hosts.notices
    assert second.code == "other-load"
    name, _, text = second.text.partition(": ")
    assert name in names
    assert text.startswith("Its load was ")


class Loaded(SimulatedOpening):
    """The second host that opens knows of a load that the first one has not."""

    @contextmanager
    def __call__(self, budget, stopped):
        with super().__call__(budget, stopped) as (_, host):
            yield Known(notices=(Notice("other-load", f"Its load was {os.getpid()}."),)), host


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


class Broken:
    def __call__(self):
        raise OSError("broken")


class Mistaken(SimulatedOpening):
    def __call__(self, budget, stopped):
        return 1 / 0


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
