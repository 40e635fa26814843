"""Kinds of host of a real Ray cluster: they are told apart, counted, and chosen."""

import os
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.lanes.on_hosts import EQUAL, Known, SimulatedOpening, kind_by_label
from tests.tuning.on_a_cluster.asking import MARKS, hosts_of, search
from tuner.domain.kind import KIND
from tuner.errors import UsageError

pytest.importorskip("ray")
looking = pytest.importorskip("tuner.tuning.nodes")

pytestmark = MARKS


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


class Broken:
    def __call__(self):
        raise OSError("broken")


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
