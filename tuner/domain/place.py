"""What a program may use of a host: cores, and CPU time on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit of CPU time; who has used it up waits for the next period.

    Attributes:
        cores: CPU time, in cores: 1.5 is 150 ms of it in each period of 100 ms.
        period_s: Seconds of a period.
    """

    cores: float
    period_s: float = 0.1

    @property
    def counts(self) -> tuple[int, ...]:
        """The whole numbers of threads near it: rounded down, at least 1, and up."""
        return tuple(sorted({max(1, math.floor(self.cores)), max(1, math.ceil(self.cores))}))


@dataclass(frozen=True, slots=True)
class Throttling:
    """How much a quota holds back what uses it up.

    Attributes:
        periods: Share of the quota's periods in which the CPU time was used up.
        time: Share of the cores' time for which they were held back.
        free_p99_ms: 99th percentile of the latency of requests that met no such moment, in milliseconds; None
            where all of them did.
    """

    periods: float
    time: float
    free_p99_ms: float | None = None

    @classmethod
    def mean(cls, each: Sequence[Throttling]) -> Throttling | None:
        """Return the mean of several, and the median of their percentiles; None of none."""
        if not each:
            return None
        free = [one.free_p99_ms for one in each if one.free_p99_ms is not None]
        return cls(
            fmean(one.periods for one in each),
            fmean(one.time for one in each),
            median(free) if free else None,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """What this process may use of a host.

    Attributes:
        cores: Numbers of the logical cores that it may run on.
        quota: The lowest limit of its CPU time, or None.
        memory_limit_mb: The lowest limit of its memory, in MiB, or None.
        weight: Its share of busy cores beside other groups, as its own group's file has it; None where
            nothing was set.
        hint_streams: Streams that the performance hint takes on the CPU, or None where there is none.
        hint_threads: Threads that it takes, or None.
    """

    cores: tuple[int, ...]
    quota: Quota | None
    memory_limit_mb: float | None
    weight: int | None
    hint_streams: int | None = None
    hint_threads: int | None = None
