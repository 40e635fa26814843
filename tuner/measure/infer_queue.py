"""OpenVINO's infer requests as an open loop uses them, and precise waiting that leaves the cores idle.

A sleep ends late by the timer's slack, 50 us by default, and by as much as waking takes. So the slack is
taken away, the sleep ends a little early, and the rest is waited out.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import openvino as ov

SPIN_SHARE, LONGEST_SPIN_S = 0.05, 1e-4
"""Share of a core that may go into waiting precisely, and the most seconds for an arrival."""

PR_SET_TIMERSLACK = 29
"""Linux: sets how many nanoseconds late the kernel may wake this thread."""


class InferQueue:
    """A queue of infer requests that hold their inputs; see `tuner.measure.open_loop.Server`."""

    def __init__(self, queue: ov.AsyncInferQueue, requests: Sequence[ov.InferRequest], rate: float) -> None:
        """Use a queue and its requests for so many arrivals a second."""
        own: Any = super(ov.AsyncInferQueue, queue)  # its start_async passes no inputs: they are set
        self._start, self._requests = own.start_async, requests
        self.now, self.idle, self.finish = time.perf_counter, own.get_idle_request_id, queue.wait_all
        self._spin_s = min(LONGEST_SPIN_S, SPIN_SHARE / rate)
        with suppress(OSError, AttributeError):  # only Linux has it
            ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)

    def wait_until(self, moment: float) -> None:
        """Sleep until shortly before a moment, and wait the rest out."""
        left_s = moment - time.perf_counter() - self._spin_s
        if left_s > 0:
            time.sleep(left_s)
        while time.perf_counter() < moment:
            pass

    def start(self) -> None:
        """Start the request that is idle."""
        self._start({}, None)

    def latency_s(self, number: int) -> float:
        """Return how long the latest inference of a request took, as OpenVINO measured it."""
        return float(self._requests[number].latency) / 1e3
