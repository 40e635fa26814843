"""An open loop: items arrive at given times, whether or not the answers before them are there.

A closed loop asks for the next item when an answer is there, so a slow answer delays the question that would
have waited for it, and its waiting is never seen (Tene's *coordinated omission*; wrk2 and MLPerf LoadGen's
Server scenario avoid it in the same way). Here latency counts from the arrival.

Arrival times are known beforehand. So the loop only acts when a request is idle and its batch is due: it
sleeps until then, and needs no callback. When an inference ended follows from its own latency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tuner.domain.load import Arrivals
from tuner.measure.lane import CANNOT_FOLLOW, LoadError

LEAD_SHARE = 0.2
"""Share of a window's items that do not count at its beginning: the queue is empty then, caches are cold."""

LEAST_STRETCH, LEAST_STRETCH_S = 16, 0.25
"""Starts in a row that had to wait for a request, and seconds, before they tell the rate at which items are
served: another program may stop this one for a moment or two, and the queue is gone soon after."""

DOUBT = 2.0
"""Starts in a row tell a rate to about one part in the root of their number; overload needs twice that."""


class Server(Protocol):
    """Infer requests that hold their inputs, and the clock by which they run; times are in seconds."""

    def now(self) -> float:
        """Return the time."""

    def wait_until(self, moment: float) -> None:
        """Wait until a moment."""

    def idle(self) -> int:
        """Wait until a request is idle, and return its number: the next that starts."""

    def start(self) -> None:
        """Start the request that is idle, its batch full or padded."""

    def latency_s(self, number: int) -> float:
        """Return how long the latest inference of a request took."""

    def finish(self) -> None:
        """Wait until all requests are idle."""


@dataclass(frozen=True, slots=True)
class Served:
    """How the items of a window were served; the first of them and the surplus are not counted.

    Attributes:
        latencies_ms: Latency of each item from its arrival on, in milliseconds.
        items: How many items were in the batches, those that are not counted included.
        late_ms: How late batches were started on average, because the loop itself was late. That lengthens
            latencies, and never hides any.
        rate_fps: Items per second from the window's beginning to the last answer.
    """

    latencies_ms: tuple[float, ...]
    items: int
    late_ms: float
    rate_fps: float


def serve_arrivals(server: Server, arrivals: Arrivals, batch: int = 1, max_wait_ms: float = 0.0) -> Served:
    """Let items arrive, gather them into batches, and start each batch as soon as it may.

    A batch may start when it is full, or when its first item has waited for `max_wait_ms`, and a
    request is idle. Then it takes the items that are there. The last batch is that of the last item that
    counts; the surplus fills it as it would in a loop that goes on.

    Raises:
        LoadError: The queue grows without end: while a request was always missing, items were served at a
            rate that is surely below that of the load.
    """
    now, idle, start, latency_s = server.now, server.idle, server.start, server.latency_s
    times_s, wait_s, count = arrivals.times_s, max_wait_ms / 1e3, len(arrivals.times_s)
    began = now()
    starts: list[float] = []
    possible: list[float] = []
    ends: list[int] = []  # of each batch, the number of its last item and one
    took: list[float] = []
    running: dict[int, int] = {}  # the latest batch of each request
    stretch, stretch_began, stretch_first, first = 0, 0.0, 0, 0
    while first < count - arrivals.surplus:
        number = idle()
        freed = -math.inf
        if number in running:
            took[running[number]] = latency_s(number)
            freed = starts[running[number]] + took[running[number]]
        due = began + min(times_s[min(first + batch, count) - 1], times_s[first] + wait_s)
        if now() < due:
            server.wait_until(due)
        looked = now()
        end = first + 1
        while end < count and end - first < batch and began + times_s[end] <= looked:
            end += 1
        moment = now()
        start()
        if freed < due or end - first < batch:
            stretch = 0
        else:
            if not stretch:
                stretch_began, stretch_first = moment, first
            elif stretch >= LEAST_STRETCH and moment - stretch_began > LEAST_STRETCH_S:
                served = (first - stretch_first) / (moment - stretch_began)
                if arrivals.rate > served * (1 + DOUBT / math.sqrt(stretch)):
                    server.finish()
                    raise LoadError(f"{CANNOT_FOLLOW} {arrivals.rate:.4g} items/s: it serves {served:.3g}")
            stretch += 1
        running[number] = len(starts)
        starts.append(moment)
        possible.append(max(due, freed))
        ends.append(end)
        took.append(math.nan)
        first = end
    server.finish()
    for number, latest in running.items():
        took[latest] = latency_s(number)
    return _served(arrivals, began, starts, possible, ends, took)


def _served(
    arrivals: Arrivals,
    began: float,
    starts: Sequence[float],
    possible: Sequence[float],
    ends: Sequence[int],
    took: Sequence[float],
) -> Served:
    """Return the figures of batches: when each started and might have, its last item, how long it took."""
    counted = len(arrivals.times_s) - arrivals.surplus
    lead, items = int(LEAD_SHARE * counted), ends[-1]
    finished = np.asarray(starts) + np.asarray(took) - began
    answered = np.repeat(finished, np.diff([0, *ends]))
    latencies_ms = 1e3 * (answered - np.asarray(arrivals.times_s)[:items])[lead:counted]
    late_ms = 1e3 * (np.asarray(starts) - np.asarray(possible))[np.asarray(ends) > lead]
    return Served(
        tuple(latencies_ms.tolist()),
        items,
        max(float(late_ms.mean()), 0.0),
        items / float(finished.max()),
    )
