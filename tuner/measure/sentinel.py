"""A sentinel: fixed work on every core, a few milliseconds of it, which shows whether the host changed.

It works between windows. Where its durations around the windows of a round differ, the host was faster in one
window than in another: the round says more of the host than of the configurations. This is known without a
look at the windows, so leaving such rounds out favours no side.

After a window the cores are slower for about 5 ms, because OpenVINO's threads wait for more work before they
sleep. So the first 5 ms of the work are not timed. On lanes of four models on a shared Intel Xeon of 2 cores,
80 rounds each, checksums of 2 ms that are at most 15 % apart then keep 90 to 97 % of the rounds; 6 to 68 % if
they begin at once. On a noisier host, which switched between two speeds every few seconds, a sentinel kept
116 of 150 rounds, and the log-ratio's standard deviation fell from 8.4 to 3.3 %.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from threading import Barrier, BrokenBarrierError, Thread
from typing import Generic, TypeVar

from tuner.domain.host import Host
from tuner.domain.target import plain_name
from tuner.probe.devices import own_cores

Found = TypeVar("Found")

Sentinel = Callable[[], float]
"""Does the work on every core, and returns the seconds that the slowest core took."""

APART = 0.15
"""A host has changed where durations of the same work differ by more than this."""

SETTLING_S, WORK_S = 0.005, 0.002
"""Seconds of the work that pass before it is timed, and that are timed."""

MOST_CORES = 16
"""With more cores there is no sentinel: the more cores, the more often one of them is hit by something short
that does not matter to a window on all of them."""

LONGEST_S = 1.0
"""Seconds after which a core is given up that others hold, and the sentinel with it."""

BLOCK = 1 << 19
"""Bytes of a checksum: a core's cache holds them, and other threads get Python's lock meanwhile."""


def host_changed(durations: Sequence[float]) -> bool:
    """Return whether the same work took so different times that the host must have changed."""
    return max(durations) > (1 + APART) * min(durations)


def serves(host: Host, devices: Iterable[str]) -> bool:
    """Return whether a sentinel can tell what lanes on these devices will notice.

    It works on processor cores, so every device must be the CPU; and on all of them at once, so they must be
    few.
    A control group that allows less than its cores is throttled by its own use, whatever the host does.
    """
    return (
        host.cores <= MOST_CORES and host.quota is None and all(plain_name(name) == "CPU" for name in devices)
    )


@contextmanager
def watching(host: Host, devices: Iterable[str], crowded: bool = False) -> Iterator[Sentinel | None]:
    """Yield a sentinel for lanes on these devices, or None where it would not serve.

    Where it is `crowded`, another program runs at the same time, and what it leaves changes all the time.
    """
    if crowded or not serves(host, devices):
        yield None
        return
    try:
        cores = EveryCore(own_cores(), work_of(WORK_S))
    except (RuntimeError, MemoryError):  # the system starts no further thread: rounds count as they are
        yield None
        return

    def work() -> float:
        with suppress(BrokenBarrierError):
            return max(cores.run())
        return math.nan  # which differs from nothing: from now on, too, rounds count as they are

    with closing(cores):
        yield work


def work_of(seconds: float) -> Callable[[], Callable[[], float]]:
    """Return what prepares the work that takes so long here and now; each core needs one of its own.

    The work returns the seconds that it took.
    """
    block = bytes(BLOCK)
    one_s = min(checksum_s(block, 1) for _ in range(20))
    checksums, settling = max(1, round(seconds / one_s)), round(SETTLING_S / one_s)

    def prepare() -> Callable[[], float]:
        own = bytearray(BLOCK)  # memory of its own: pages that cores share would make them alike

        def work() -> float:
            checksum_s(own, settling)
            return checksum_s(own, checksums)

        return work

    return prepare


def checksum_s(block: bytes | bytearray, times: int) -> float:
    """Return the seconds that so many checksums of a block take."""
    began_s = time.perf_counter()
    for _ in range(times):
        hashlib.sha256(block)
    return time.perf_counter() - began_s


class EveryCore(Generic[Found]):
    """Work on every core at the same time, by a thread for each, which waits in between.

    Threads stay on their core where the system lets them; where it does not (macOS, Windows), the system
    spreads them over the cores.
    """

    def __init__(self, cores: Sequence[int], prepare: Callable[[], Callable[[], Found]]) -> None:
        """Prepare work for each core, and start a thread for it.

        Raises:
            MemoryError: There is no memory for the work.
            RuntimeError: The system starts no further thread.
        """
        self._barrier = Barrier(1 + len(cores))
        self._found: dict[int, Found] = {}
        self._threads: list[Thread] = []
        try:
            for core in cores:
                thread = Thread(target=self._serve, args=(core, prepare()), name=f"core {core}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except (RuntimeError, MemoryError):
            self.close()
            raise

    def run(self) -> list[Found]:
        """Work, and return what it gave on each core.

        Raises:
            BrokenBarrierError: Now or earlier, the work failed on a core, or took longer than `LONGEST_S`.
        """
        self._barrier.wait(LONGEST_S)
        self._barrier.wait(LONGEST_S)
        return list(self._found.values())

    def close(self) -> None:
        """End the threads; safe to call twice. One that gets nothing of its core is left to the system."""
        self._barrier.abort()
        for thread in self._threads:
            thread.join(LONGEST_S)

    def _serve(self, core: int, work: Callable[[], Found]) -> None:
        """Work when asked to, until it is closed."""
        if hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # the core was taken from this process meanwhile
                os.sched_setaffinity(0, {core})
        try:
            while True:
                self._barrier.wait()
                self._found[core] = work()
                self._barrier.wait()
        except BrokenBarrierError:
            return
        finally:
            self._barrier.abort()
