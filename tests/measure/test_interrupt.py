"""Signals that end a search: one asks it to stop, a second Ctrl-C ends it at once."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from tests import models
from tests.measure.test_lanes import THROUGHPUT, lanes_of, pid_of
from tests.signals import handle_on_own_stack
from tuner.domain.configuration import Configuration
from tuner.errors import Interrupted
from tuner.measure.interrupt import interruptible


@pytest.fixture(autouse=True)
def own_stack_for_signals():
    handle_on_own_stack()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_a_second_ctrl_c_ends_at_once(first):
    before = signal.getsignal(first)
    with interruptible() as stopped:
        assert not stopped()
        signal.raise_signal(first)
        assert stopped()
        for more in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):  # what ends a session sends several
            signal.raise_signal(more)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(first) is before


def test_under_nohup_a_closed_terminal_stops_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as stopped:
            signal.raise_signal(signal.SIGHUP)
            assert not stopped()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def ignores(pid, number):
    """Return whether a process ignores a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(mask, 16) >> (number - 1) & 1)


def say_what_is_ignored(pipe):
    pipe.send([ignores("self", number) for number in (signal.SIGHUP, signal.SIGTERM)])


@pytest.mark.alone
def test_lanes_ignore_a_closed_terminal_and_the_applications_own_children_do_not(tmp_path):
    """They come from the same fork server."""
    lane = lanes_of(models.mlp(tmp_path / "m.xml")).open(Configuration.of("CPU", THROUGHPUT, 1, 1))
    assert ignores(pid_of(lane), signal.SIGHUP)
    lane.close()
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    child = context.Process(target=say_what_is_ignored, args=(theirs,))
    child.start()
    assert ours.recv() == [ignores("self", signal.SIGHUP), False]
    child.join()
    ours.close()
    theirs.close()


@pytest.mark.alone
def test_a_lane_that_ends_with_what_asks_to_stop_has_not_failed(tmp_path):
    """A terminal that closes ends a lane that is just being started."""
    asked = []
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"), stopped=lambda: bool(asked))
    lane = lanes.open(Configuration.of("CPU", THROUGHPUT, 1, 1))
    asked.append(True)
    os.kill(pid_of(lane), signal.SIGKILL)
    with pytest.raises(Interrupted):
        lane.window(0.02)
    assert not lane.alive()


def test_what_is_asked_before_the_inner_one_begins_is_asked_of_both():
    with interruptible() as outer:
        assert not outer()
        signal.raise_signal(signal.SIGTERM)
        with interruptible() as inner:
            assert inner()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    with interruptible() as later:
        assert not later()
