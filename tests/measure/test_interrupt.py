"""Signals that end a search: one asks it to stop, a second Ctrl-C ends it at once."""

import signal

import pytest

from tuner.measure.interrupt import interruptible


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
