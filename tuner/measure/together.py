"""What the copies of a configuration share, so that their windows run at the same time.

A copy that measured while others rest would have their cores as well. So all of them wait until the last is
ready to begin, and each goes on with its requests until the last has measured long enough.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any

from tuner.domain.configuration import Configuration

PAUSE_S = 1e-4
"""Seconds after which a copy that waits for others looks again."""


class Together:
    """Memory of all copies: how many windows each has begun, and in how many it has measured long enough."""

    def __init__(self, context: BaseContext, copies: int) -> None:
        """Make memory that processes of this context share when they are given it at their start."""
        self._begun: Any = context.RawArray("Q", copies)
        self._measured: Any = context.RawArray("Q", copies)

    def begin(self, copy: int) -> None:
        """Wait until every copy has begun as many windows as this one."""
        self._begun[copy] += 1
        while min(self._begun) < self._begun[copy]:
            time.sleep(PAUSE_S)

    def all_measured(self, copy: int) -> bool:
        """Say that this copy has measured long enough, and return whether all have."""
        self._measured[copy] = self._begun[copy]
        return bool(min(self._measured) >= self._begun[copy])


@dataclass(frozen=True, slots=True)
class Copy:
    """One of the processes that run a configuration side by side.

    Attributes:
        number: Its number, from 0 on.
        together: What it shares with the others.
    """

    number: int
    together: Together

    def keep_to_cores(self, configuration: Configuration) -> None:
        """Keep this process, and what it starts, on the copy's cores, where it has some of its own."""
        if configuration.slices:
            os.sched_setaffinity(0, configuration.slices[self.number])

    def begin(self) -> None:
        """Wait until every copy has begun as many windows as this one."""
        self.together.begin(self.number)

    def all_measured(self) -> bool:
        """Say that this copy has measured long enough, and return whether all have."""
        return self.together.all_measured(self.number)
