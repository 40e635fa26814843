"""An event loop whose clock jumps to the next timer at once: an hour passes in seconds.

The clock stands still while `is_busy` says that threads still work. A loop for which nothing can happen any
more is a deadlock, and ends with an error.
"""

import asyncio
import selectors
from collections.abc import Callable

GRACE_S = 5.0
"""Seconds for which a thread whose work is done may still hand out its results, on a busy machine."""


class VirtualClock(asyncio.SelectorEventLoop):
    def __init__(self, is_busy: Callable[[], bool] = lambda: False):
        self.now_s, self.is_busy = 0.0, is_busy
        super().__init__(_JumpingSelector(self))

    def time(self):
        return self.now_s


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualClock):
        super().__init__()
        self.loop = loop

    def select(self, timeout=None):
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if events := super().select(None if self.loop.is_busy() else 0):
            return events
        if timeout is None:
            if events := super().select(GRACE_S):
                return events
            raise AssertionError("deadlock: no timer is set, no thread works, and yet something is awaited")
        self.loop.now_s += timeout
        return []
