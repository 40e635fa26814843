"""The head of a Ray cluster that is slow to answer, or does not answer: no cluster is needed for it."""

import socket
import threading
from types import SimpleNamespace

import pytest

from tuner.errors import LaneError, TunerError
from tuner.tuning.hosts import HostsGone

pytest.importorskip("ray")
looking = pytest.importorskip("tuner.tuning.nodes")
connection = pytest.importorskip("tuner.tuning.ray_connection")


@pytest.fixture
def head():
    head = looking.Head()
    yield head
    head.close()


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the next looks are at."""
    seconds = []
    monkeypatch.setattr(looking, "time", SimpleNamespace(monotonic=lambda: seconds.pop(0)))
    return seconds


@pytest.fixture(autouse=True)
def connected(monkeypatch):
    monkeypatch.setattr(connection.ray, "is_initialized", lambda: True)


@pytest.fixture
def said(monkeypatch):
    """What a head says, one after the other; an event is waited for, and an error is raised."""
    said = []

    def answer(_):
        following = said.pop(0)
        if isinstance(following, threading.Event):
            assert following.wait(60)
            following = getattr(following, "error", ["late"])
        if isinstance(following, Exception):
            raise following
        return following

    monkeypatch.setattr(looking, "nodes_with", answer)
    return said


def test_an_answer_that_comes_late_is_used_later(head, said):
    answers = threading.Event()
    said += [answers, ["next"]]
    assert head.nodes_with({}, 0.0) is None
    answers.set()
    head._line.is_free(60)
    assert head.nodes_with({}, 0.0) == ["late"]
    assert head.nodes_with({}) == ["next"]


def test_a_head_that_is_silent_is_given_up_after_a_while_and_not_before(head, said, clock):
    clock += [0.0, looking.HEAD_S, looking.HEAD_S + 1]
    answers = threading.Event()
    said += [answers]
    assert head.nodes_with({}, 0.0) is None
    assert head.nodes_with({}) is None
    with pytest.raises(HostsGone, match="the head of the cluster does not answer any more"):
        head.nodes_with({})
    answers.set()


def test_silence_counts_from_the_first_question_without_an_answer(head, said, clock):
    clock += [0.0, 1000.0, 1001.0, 1001.0 + looking.HEAD_S, 5000.0]
    away = ConnectionRefusedError()
    said += [["a"], away, away, away, ["b"]]
    assert head.nodes_with({}) == ["a"]
    assert [head.nodes_with({}) for _ in range(2)] == [None, None]
    with pytest.raises(HostsGone):
        head.nodes_with({})
    assert head.nodes_with({}) == ["b"]


def test_a_head_is_asked_once_more_before_it_is_given_up_for_an_old_failure(head, said, clock):
    """The search may have waited for something else meanwhile."""
    clock += [0.0, 1000.0, 1001.0]
    fails = threading.Event()
    said += [fails, ["back"]]
    assert head.nodes_with({}, 0.0) is None
    fails.error = ConnectionRefusedError()
    fails.set()
    head._line.is_free(60)
    assert head.nodes_with({}) is None
    assert head.nodes_with({}) == ["back"]


class OfGrpc(Exception):
    """Named as gRPC's are."""

    __module__ = "grpc._channel"


OUTAGES = [
    ConnectionError("shut down"),
    ValueError("Cannot invoke RPC on closed channel!"),
    ValueError("Cannot monitor channel state: Channel closed!"),
    OfGrpc("UNAVAILABLE"),
]


@pytest.mark.parametrize("outage", [ConnectionRefusedError(), *OUTAGES], ids=repr)
def test_an_outage_is_no_answer(head, said, outage):
    said += [outage]
    assert head.nodes_with({}) is None


@pytest.mark.parametrize("mistake", [ValueError("what?"), ZeroDivisionError()], ids=repr)
def test_a_mistake_is_no_outage(head, said, mistake):
    said += [mistake]
    with pytest.raises(type(mistake)):
        head.nodes_with({})


@pytest.mark.parametrize("error", OUTAGES, ids=repr)
def test_an_outage_in_a_search_means_that_its_hosts_are_gone(error):
    with pytest.raises(HostsGone, match="the connection with the cluster is lost, and does not come back"):
        connection.while_connected(raising(error))()


@pytest.mark.parametrize(
    "error", [ValueError("what?"), BrokenPipeError(), LaneError("a lane died")], ids=repr
)
def test_other_errors_in_a_search_stay_what_they_are(error):
    """A pipe that is broken is an observer's own."""
    with pytest.raises(type(error)) as raised:
        connection.while_connected(raising(error))()
    assert raised.value is error


def test_without_a_connection_every_error_is_an_outage(monkeypatch):
    """Ray raises a plain Exception then."""
    monkeypatch.setattr(connection.ray, "is_initialized", lambda: False)
    with pytest.raises(HostsGone):
        connection.while_connected(raising(Exception("Ray Client is not connected.")))()


def raising(error):
    def fail():
        raise error

    return fail


def test_a_head_that_is_not_there_is_not_asked(monkeypatch):
    """Ray would wait for it, and end the program after a minute."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(looking, "gcs_address", lambda: closed.getsockname())
        monkeypatch.setattr(looking.ray, "nodes", lambda: pytest.fail("it was asked"))
        with pytest.raises(OSError, match="refused"):
            looking.nodes_with({})


def test_kinds_of_a_head_that_does_not_answer_are_not_known(said):
    said += [ConnectionRefusedError()]
    with pytest.raises(TunerError, match="The head of the cluster does not answer"):
        looking.kinds_with({}, str)
