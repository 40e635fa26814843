"""`runner`: single requests of many coroutines, gathered into batches for servers."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import openvino as ov

from tuner.errors import AdviceError, InferenceError, reason
from tuner.runtime.batches import Answer, Batcher, BatchRequest
from tuner.runtime.forks import require_own
from tuner.runtime.samples import Item, Sample

MAX_WAIT_MS = 2.0
"""How long a sample waits for others to fill its batch, where nothing was found for a load."""


class Runner:
    """Gathers single requests from many coroutines into batches, for servers.

    Use it as an asynchronous context manager, made by `Advice.runner`. It belongs to the event loop that
    uses it first; when that is closed, to the next.
    """

    def __init__(
        self, compiled: ov.CompiledModel, batcher: Batcher, requests: int, max_wait_s: float
    ) -> None:
        """Create the requests; `requests` of 0 takes the device's optimal number.

        Raises:
            AdviceError: The model was compiled before this process was forked.
        """
        require_own(compiled)
        self._compiled = compiled
        self._batcher, self._max_wait_s = batcher, max_wait_s
        count = requests or compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self._idle = [batcher.wrap(compiled.create_infer_request()) for _ in range(count)]
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="tuner-runner")
        self._waiting: deque[_Waiting] = deque()
        self._running: dict[Future[list[Answer | Exception]], BatchRequest] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._read = 0
        self._closed = False

    async def infer(self, sample: Sample) -> Answer:
        """Return the sample's answer, inferred together with those of other coroutines.

        A batch starts when it is full, or when its first sample has waited for `max_wait_ms`; while
        every request is busy, more samples are gathered.

        Raises:
            AdviceError: The sample does not fit the model, or the runner is closed, belongs to another event
                loop, or was made before this process was forked.
            InferenceError: The inference failed.
        """
        if self._closed:
            raise AdviceError("The runner is closed; use it inside its 'async with'.")
        loop = self._enter()
        item = self._batcher.checker.item(sample, self._read).copied()
        waiting = _Waiting(self._read, item, loop.create_future(), loop.time() + self._max_wait_s)
        self._read += 1
        self._waiting.append(waiting)
        self._dispatch()
        return await waiting.answer

    async def close(self) -> None:
        """Infer the samples that still wait, and end."""
        self._enter()
        self._closed = True
        while self._waiting or self._running:
            self._dispatch()
            if self._running:
                await asyncio.wait([asyncio.wrap_future(work) for work in self._running])
        self._threads.shutdown()

    async def __aenter__(self) -> Runner:
        self._enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _enter(self) -> asyncio.AbstractEventLoop:
        """Return the running event loop; after a closed one it takes over the requests, not the callers.

        Raises:
            AdviceError: The runner belongs to another event loop, or was made before this process was forked.
        """
        require_own(self._compiled)
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return loop
        if self._loop and not self._loop.is_closed():
            raise AdviceError(
                "The runner belongs to another event loop; make a runner of its own for each event loop, "
                "with advice.runner()."
            )
        self._loop = loop
        self._waiting.clear()
        for work in self._running:
            self._follow(work, [])
        return loop

    def _dispatch(self) -> None:
        """Start the batches that are due, and set the alarm for the next."""
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
        """Return whether the next batch is full, or its first sample has waited long enough."""
        waiting = self._waiting
        full = len(waiting) >= self._batcher.batch
        return bool(waiting) and (full or self._closed or now >= waiting[0].due)

    def _next_batch(self) -> list[_Waiting]:
        """Take the first samples, as many as a batch holds, without those whose caller has given up."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._batcher.batch:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        return batch

    def _start(self, request: BatchRequest, batch: list[_Waiting]) -> None:
        """Infer a batch in a thread."""
        work = self._threads.submit(self._infer, request, [waiting.item for waiting in batch])
        self._running[work] = request
        self._follow(work, batch)

    def _follow(self, work: Future[list[Answer | Exception]], batch: list[_Waiting]) -> None:
        """Hand out a batch's answers when its thread ends; only then is its request idle, whoever gave up."""

        def hand_out(done: asyncio.Future[list[Answer | Exception]]) -> None:
            self._idle.append(self._running.pop(work))
            for waiting, answer in zip(batch, done.result(), strict=False):
                if waiting.answer.done():
                    continue
                if isinstance(answer, Exception):
                    waiting.answer.set_exception(_with_index(answer, waiting.index))
                else:
                    waiting.answer.set_result(answer)
            self._dispatch()

        asyncio.wrap_future(work).add_done_callback(hand_out)

    @classmethod
    def _infer(cls, request: BatchRequest, items: list[Item]) -> list[Answer | Exception]:
        """Infer items together; if that fails, each alone, so that an item fails only by itself."""
        try:
            for at, item in enumerate(items):
                request.put(at, item)
            request.pad(len(items))
            request.infer_request.start_async()
            request.infer_request.wait()
            return [*request.answers([item.with_axis for item in items])]
        except Exception as error:  # of any kind: the callers that wait must get it
            if len(items) == 1:
                return [error]
            return [answer for item in items for answer in cls._infer(request, [item])]


@dataclass(slots=True)
class _Waiting:
    """A sample that waits for its batch, until `due` on the event loop's clock."""

    index: int
    item: Item
    answer: asyncio.Future[Answer]
    due: float


def _with_index(error: Exception, index: int) -> Exception:
    """Return the error of a sample with the sample's index in its sentence."""
    if isinstance(error, RuntimeError):
        return InferenceError(
            f"Sample {index} could not be inferred ({reason(error)}).", range(index, index + 1)
        )
    return error
