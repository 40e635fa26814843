"""Infer requests on streams that take a known time, and a clock that jumps from event to event."""

import heapq
from collections import deque


class VirtualServer:
    """A queue of infer requests: each waits for one of the streams, which takes `service_s` for it.

    `tardy_s` is how late `wait_until` returns.
    """

    def __init__(self, streams: int, service_s: float, requests: int | None = None, tardy_s: float = 0.0):
        self.time_s = 0.0
        self.started: list[float] = []
        self._service_s, self._tardy_s = service_s, tardy_s
        self._free = [0.0] * streams
        self._idle = deque(range(requests or streams))
        self._busy: list[tuple[float, int]] = []
        self._latency_s: dict[int, float] = {}

    def now(self):
        return self.time_s

    def wait_until(self, moment):
        self.time_s = moment + self._tardy_s

    def idle(self):
        while self._busy and (self._busy[0][0] <= self.time_s or not self._idle):
            finished, number = heapq.heappop(self._busy)
            self.time_s = max(self.time_s, finished)
            self._idle.append(number)
        return self._idle[0]

    def start(self):
        number = self._idle.popleft()
        self.started.append(self.time_s)
        finished = max(self.time_s, self._free[0]) + self._service_s
        heapq.heapreplace(self._free, finished)
        heapq.heappush(self._busy, (finished, number))
        self._latency_s[number] = finished - self.time_s

    def latency_s(self, number):
        return self._latency_s[number]

    def finish(self):
        self.time_s = max([self.time_s, *(finished for finished, _ in self._busy)])
