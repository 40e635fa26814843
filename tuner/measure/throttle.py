"""How a quota of CPU time holds a lane back: how often, how long, and which requests.

The kernel counts how often a group of processes is held back, but not when. All of their threads stop then,
so one that only sleeps wakes up much later than it should.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Event, Thread

import numpy as np

from tuner.domain.place import Throttling
from tuner.probe.control_groups import Held, held, limiting_group, quota_of, throttling
from tuner.probe.devices import usable_cores

TICK_S = 0.002
"""Seconds that the thread sleeps each time: it costs a thousandth of a core."""

STALL_S = 0.01
"""A longer sleep is a stall: busy cores and Python's lock delay a thread by 5 ms, and a quota of half a core
stops it for 50 ms of each 100."""


class Throttle:
    """The quota of this process, if there is one.

    Attributes:
        period_s: Seconds of its periods; 0 without a quota.
    """

    def __init__(self) -> None:
        """Look for the quota; call it before one of several copies keeps to cores of its own."""
        self._group, self._cores = limiting_group(), usable_cores()
        allowed = quota_of(self._group) if self._group else None
        self.period_s = allowed.period_s if allowed else 0.0

    def now(self) -> tuple[Held | None, float]:
        """Return what the kernel has counted so far, and when that is."""
        return held(self._group), time.perf_counter()

    def since(self, before: Held | None, began_s: float) -> Throttling | None:
        """Return how the quota has held back what ran since `now`; None without a quota."""
        return throttling(before, held(self._group), (time.perf_counter() - began_s) * self._cores)

    def watch(self) -> Callable[[Iterable[tuple[float, float]]], Throttling | None]:
        """Begin to watch.

        Returns:
            What ends it: called with each request's beginning, in seconds of `time.perf_counter`, and its
            latency in ms, it returns how the quota held them back; None without a quota.
        """
        if not self.period_s:
            return lambda _: None
        began, stalls = self.now(), Stalls()

        def end(requests: Iterable[tuple[float, float]]) -> Throttling | None:
            found = self.since(*began)
            stalls.end()
            free_ms = [ms for began_s, ms in requests if not stalls.touch(began_s, began_s + ms / 1e3)]
            if found is None or not found.periods or not free_ms:
                return found
            return replace(found, free_p99_ms=float(np.percentile(free_ms, 99)))

        return end


class Stalls:
    """Notes when this process was held back, from its making to its end."""

    def __init__(self) -> None:
        """Begin to watch, in a thread."""
        self._begins: list[float] = []
        self._ends: list[float] = []
        self._over = Event()
        self._thread = Thread(target=self._note, name="stalls", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread."""
        self._over.set()
        self._thread.join()

    def touch(self, began_s: float, ended_s: float) -> bool:
        """Return whether there was a stall at any time between two moments of `time.perf_counter`."""
        place = bisect_right(self._ends, began_s)
        return place < len(self._begins) and self._begins[place] < ended_s

    def _note(self) -> None:
        before = time.perf_counter()
        while not self._over.wait(TICK_S):
            now = time.perf_counter()
            if now - before > STALL_S:
                self._begins.append(before)
                self._ends.append(now)
            before = now
