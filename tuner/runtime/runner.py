"""`runner`: single requests of many coroutines, gathered into batches for servers."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import openvino as ov

from tuner.errors import AdviceError, InferenceError, reason
from tuner.runtime.batches import Answer, Assembly, Item, Sample, Seat


class Runner:
    """Gathers single requests from many coroutines into batches, for servers.

    Use it as an asynchronous context manager, made by `Advice.runner`.
    """

    def __init__(
        self, compiled: ov.CompiledModel, assembly: Assembly, requests: int, max_wait_s: float
    ) -> None:
        """Create the requests; 0 of them asks the device for its optimal number."""
        self._assembly, self._max_wait_s = assembly, max_wait_s
        count = requests or compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._idle = [assembly.seat(compiled.create_infer_request()) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="tuner-runner")
        self._waiting: deque[_Waiting] = deque()
        self._running: set[asyncio.Future[list[Answer | Exception]]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._read = 0
        self._closed = False

    async def infer(self, sample: Sample) -> Answer:
        """Return the sample's answer, inferred together with those of other coroutines.

        A batch starts when it is full, or when its first sample has waited for `max_wait_ms`; while
        every request is busy it goes on gathering.

        Raises:
            AdviceError: The sample does not fit the model, or the runner is closed.
            InferenceError: The inference failed.
        """
        if self._closed:
            raise AdviceError("The runner is closed; use it inside its 'async with'.")
        loop = asyncio.get_running_loop()
        item = self._assembly.item(sample, self._read).copied()
        waiting = _Waiting(self._read, item, loop.create_future(), loop.time() + self._max_wait_s)
        self._read += 1
        self._waiting.append(waiting)
        self._dispatch()
        return await waiting.answer

    async def close(self) -> None:
        """Infer what waits, and end."""
        self._closed = True
        while self._waiting or self._running:
            self._dispatch()
            if self._running:
                await asyncio.wait(self._running)
        self._threads.shutdown()

    async def __aenter__(self) -> Runner:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _dispatch(self) -> None:
        """Start what is full or has waited long enough, and set the alarm for what has not."""
        loop = asyncio.get_running_loop()
        while self._idle and self._due(loop.time()):
            if batch := self._next_batch():
                self._start(self._idle.pop(), batch)
        if self._alarm:
            self._alarm.cancel()
        self._alarm = (
            loop.call_at(self._waiting[0].due, self._dispatch) if self._idle and self._waiting else None
        )

    def _due(self, now: float) -> bool:
        waiting = self._waiting
        full = len(waiting) >= self._assembly.batch
        return bool(waiting) and (full or self._closed or now >= waiting[0].due)

    def _next_batch(self) -> list[_Waiting]:
        """Take as many as a batch holds, in their order, of those who still wait."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._assembly.batch:
            one = self._waiting.popleft()
            if not one.answer.done():
                batch.append(one)
        return batch

    def _start(self, seat: Seat, batch: list[_Waiting]) -> None:
        """Infer in a thread; the request is idle again when that ends, whoever is still interested."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, self._infer, seat, [one.item for one in batch])
        self._running.add(work)

        def tell(done: asyncio.Future[list[Answer | Exception]]) -> None:
            self._running.discard(work)
            self._idle.append(seat)
            for one, answer in zip(batch, _results(done, len(batch)), strict=True):
                if one.answer.done():
                    continue
                if isinstance(answer, Exception):
                    one.answer.set_exception(_told(answer, one.index))
                else:
                    one.answer.set_result(answer)
            self._dispatch()

        work.add_done_callback(tell)

    @classmethod
    def _infer(cls, seat: Seat, items: list[Item]) -> list[Answer | Exception]:
        """Infer items together; if that fails, each alone, so that none suffers from another."""
        try:
            for at, item in enumerate(items):
                seat.put(at, item)
            seat.pad(len(items))
            seat.request.start_async()
            seat.request.wait()
            return [*seat.answers([item.with_axis for item in items])]
        except Exception as error:  # whatever it is, those who wait must hear of it
            if len(items) == 1:
                return [error]
            return [answer for item in items for answer in cls._infer(seat, [item])]


def _results(done: asyncio.Future[list[Answer | Exception]], count: int) -> list[Answer | Exception]:
    """Return the answers of a batch; of one that was given up, why there are none."""
    if done.cancelled():
        return [AdviceError("The runner was stopped before the answer was there.")] * count
    error = done.exception()
    return [error] * count if isinstance(error, Exception) else done.result()


@dataclass(slots=True)
class _Waiting:
    """A sample that waits for its batch, and until when."""

    index: int
    item: Item
    answer: asyncio.Future[Answer]
    due: float


def _told(error: Exception, index: int) -> Exception:
    if isinstance(error, RuntimeError):
        return InferenceError(
            f"Sample {index} could not be inferred ({reason(error)}).", range(index, index + 1)
        )
    return error
