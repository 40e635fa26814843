"""Ctrl-C, SIGTERM and SIGHUP as a flag, so that a search stops between two steps and loses nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ASKED: list[threading.Event] = []
"""Of those that the main thread is inside of."""


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether the user asked to stop.

    After the first signal, Ctrl-C raises `KeyboardInterrupt` at once. SIGTERM and SIGHUP do not: who ends a
    terminal or a service sends several of them. Under `nohup`, SIGHUP stays ignored. Outside the main thread,
    where no handler can be set, the function always returns False.

    What is asked of one of these inside of another is asked of both: a plan ends with its search.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = _ASKED[-1] if _ASKED else threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    watched = SIGNALS if hangs_up else tuple(number for number in SIGNALS if number != signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in watched}
    _ASKED.append(asked)
    try:
        yield asked.is_set
    finally:
        _ASKED.pop()
        for number, handler in before.items():
            signal.signal(number, handler)
