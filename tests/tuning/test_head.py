"""The head of a Ray cluster that is slow to answer, or does not answer: no cluster is needed for it."""

import socket
import threading

import pytest

from tuner.errors import UsageError
from tuner.tuning.hosts import HostsGone

pytest.importorskip("ray")
looking = pytest.importorskip("tuner.tuning.nodes")


@pytest.fixture
def head():
    head = looking.Head()
    yield head
    head.close()


@pytest.fixture
def said(monkeypatch):
    """What a head says, one after the other; an event is waited for, and an error is raised."""
    said = []

    def answer(_):
        following = said.pop(0)
        if isinstance(following, threading.Event):
            assert following.wait(60)
            return ["late"]
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


def test_a_head_that_is_silent_is_given_up_after_a_while_and_not_before(head, said, monkeypatch):
    now = iter([0.0, looking.HEAD_S, looking.HEAD_S + 1])
    monkeypatch.setattr(looking.time, "monotonic", lambda: next(now))
    answers = threading.Event()
    said += [answers]
    assert head.nodes_with({}, 0.0) is None
    assert head.nodes_with({}) is None
    with pytest.raises(HostsGone, match="the head of the cluster does not answer any more"):
        head.nodes_with({})
    answers.set()


def test_silence_counts_from_the_first_question_without_an_answer(head, said, monkeypatch):
    now = iter([0.0, 1000.0, 1001.0, 1001.0 + looking.HEAD_S, 5000.0])
    monkeypatch.setattr(looking.time, "monotonic", lambda: next(now))
    away = ConnectionRefusedError()
    said += [["a"], away, away, away, ["b"]]
    assert head.nodes_with({}) == ["a"]
    assert [head.nodes_with({}) for _ in range(2)] == [None, None]
    with pytest.raises(HostsGone):
        head.nodes_with({})
    assert head.nodes_with({}) == ["b"]


@pytest.mark.parametrize(
    "outage",
    [
        ConnectionRefusedError(),
        ValueError("Cannot invoke RPC on closed channel!"),
        ConnectionError("shut down"),
    ],
    ids=["nobody there", "a channel that is closed", "a connection that is lost"],
)
def test_an_outage_is_no_answer(head, said, outage):
    said += [outage]
    assert head.nodes_with({}) is None


def test_a_mistake_is_no_outage(head, said, monkeypatch):
    monkeypatch.setattr(looking.ray, "is_initialized", lambda: True)
    said += [ValueError("what?"), ZeroDivisionError()]
    with pytest.raises(ValueError, match="what"):
        head.nodes_with({})
    with pytest.raises(ZeroDivisionError):
        head.nodes_with({})


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
    with pytest.raises(UsageError, match="The head of the cluster does not answer"):
        looking.kinds_with({}, str)
