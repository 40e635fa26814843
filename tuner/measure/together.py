"""What the copies of a configuration share, so that their windows run at the same time.

A copy that measured while others rest would have their cores as well. So all of them wait until the last is
ready to begin, and each goes on with its requests until the last has measured long enough.
"""

from __future__ import annotations

import os
import time
from collections.abc import MutableSequence
from dataclasses import dataclass
from multiprocessing.context import BaseContext

from tuner.domain.configuration import Configuration
from tuner.errors import LaneError
from tuner.probe.devices import own_cores

PAUSE_S = 1e-4
"""Seconds after which a copy that waits for others looks again."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the processes that run a configuration side by side.

    Attributes:
        number: Its number, from 0 on.
        begun: How many windows each copy has begun, in memory that all of them share.
        measured: In how many of its windows each has measured long enough, in such memory.
    """

    number: int
    begun: MutableSequence[int]
    measured: MutableSequence[int]

    def keep_to_cores(self, configuration: Configuration) -> None:
        """Keep this process, and what it starts, on the copy's cores, where it has some of its own.

        Raises:
            LaneError: This process may not run on them.
        """
        if not configuration.slices:
            return
        cores = configuration.slices[self.number]
        if not set(cores) <= set(own_cores()):
            raise LaneError(
                f"copy {self.number} is to run on the cores {', '.join(map(str, cores))}, not here"
            )
        os.sched_setaffinity(0, cores)

    def begin(self) -> None:
        """Wait until every copy has begun as many windows as this one."""
        self.begun[self.number] += 1
        while min(self.begun) < self.begun[self.number]:
            time.sleep(PAUSE_S)

    def all_measured(self) -> bool:
        """Say that this copy has measured long enough, and return whether all have."""
        self.measured[self.number] = self.begun[self.number]
        return min(self.measured) >= self.begun[self.number]


def copies_together(context: BaseContext, count: int) -> list[Copy]:
    """Return copies whose memory processes of this context share when they are given it at their start.

    Raises:
        LaneError: There is no room for it.
    """
    try:
        begun, measured = (context.RawArray("Q", count) for _ in range(2))
    except OSError as error:
        raise LaneError(f"copies cannot share memory ({error.strerror or error})") from error
    return [Copy(number, begun, measured) for number in range(count)]
