"""`infer_many`: single samples in, single answers out, with every request in flight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import openvino as ov

from tuner.errors import InferenceError, reason
from tuner.runtime.batches import Answer, Batcher, BatchRequest
from tuner.runtime.forks import inherited, is_own, require_own
from tuner.runtime.samples import Item, Sample

LOOK_AHEAD = 4
"""Batches started whose answers were not handed out yet, in multiples of the requests, when answers
keep their order: a fast device may go on while a slow device still works on the next answer in turn."""


class Pipeline:
    """Keeps every request of a compiled model busy with batches of single samples."""

    def __init__(self, compiled: ov.CompiledModel, batcher: Batcher, requests: int) -> None:
        """Create the requests; `requests` of 0 takes the device's optimal number.

        Raises:
            AdviceError: The model was compiled before this process was forked.
        """
        require_own(compiled)
        self._batcher, self._compiled = batcher, compiled
        self._queue = ov.AsyncInferQueue(compiled, requests)
        self._requests = [batcher.wrap(request) for request in self._queue]
        self._started: dict[int, _Batch] = {}
        self._answers: dict[int, list[Answer]] = {}
        self._failures: list[InferenceError] = []
        self._begun = self._handed_out = 0

    def run(self, samples: Iterable[Sample], ordered: bool) -> Iterator[Answer]:
        """Yield an answer for each sample; see `Advice.infer_many`.

        After a failure nothing is started any more; it is raised when the answers before it are handed
        out, and without order when those of all batches in flight are.
        """
        reader = _Reader(self._batcher, samples)
        try:
            while not self._failures:
                self._collect(self._idle())
                self._collect_finished()
                yield from self._ready(ordered)
                while self._is_far_ahead(ordered):
                    self._collect(self._oldest())
                    yield from self._ready(ordered)
                if self._failures or not self._start(reader):
                    break
            while self._started:
                self._collect(self._oldest())
                yield from self._ready(ordered)
            if self._failures:
                raise min(self._failures, key=lambda failure: failure.samples.start)
            if reader.trouble:
                raise reader.trouble
        finally:
            self._settle()

    def _start(self, reader: _Reader) -> bool:
        """Fill the idle request with the next batch and start it; False when no sample is left."""
        index = self._queue.get_idle_request_id()
        batch = reader.next_batch(self._requests[index])
        if batch is None:
            return False
        self._started[index] = batch
        self._begun += 1
        # The Python method would set the inputs again.
        queue: Any = super(ov.AsyncInferQueue, self._queue)
        queue.start_async({}, None)
        return True

    def _idle(self) -> int:
        """Wait until a request is idle, and return its index; if one failed, any whose batch to collect."""
        require_own(self._compiled)
        try:
            return int(self._queue.get_idle_request_id())
        except RuntimeError:  # the queue does not say which request failed
            return self._oldest()

    def _oldest(self) -> int:
        """Return the index of the request whose batch began first of those in flight."""
        require_own(self._compiled)
        return min(self._started, key=lambda index: self._started[index].number)

    def _is_far_ahead(self, ordered: bool) -> bool:
        """Return whether an answer must be handed out before another batch starts."""
        waiting = self._begun - self._handed_out
        return ordered and not self._failures and waiting >= LOOK_AHEAD * len(self._queue)

    def _collect(self, index: int) -> None:
        """Wait for a request, and copy its answers out."""
        batch = self._started.get(index)
        if batch is None:
            return
        try:
            self._queue[index].wait()
        except RuntimeError as error:
            self._failures.append(_failure(batch, error))
        else:
            with_axis = [item.with_axis for item in batch.items]
            self._answers[batch.number] = self._requests[index].answers(with_axis)
        del self._started[index]

    def _collect_finished(self) -> None:
        """Take the answers of all requests that have finished: reading the next sample may take long."""
        for index in list(self._started):
            try:
                ready = self._queue[index].wait_for(0)
            except RuntimeError:
                ready = True
            if ready:
                self._collect(index)

    def _ready(self, ordered: bool) -> Iterator[Answer]:
        """Yield the answers that may be handed out now."""
        while self._answers and (not ordered or self._handed_out in self._answers):
            number = self._handed_out if ordered else next(iter(self._answers))
            self._handed_out += 1
            yield from self._answers.pop(number)

    def _settle(self) -> None:
        """Wait for the batches in flight before their requests are destroyed."""
        if not is_own(self._compiled):
            inherited.append(self._queue)
            return
        for index in self._started:
            try:
                self._queue[index].wait()
            except RuntimeError:  # raised already, or the caller has stopped
                continue


@dataclass(frozen=True, slots=True)
class _Batch:
    """Samples that share a request.

    Attributes:
        number: Its place among all batches.
        first: Index of its first sample.
        items: Its samples; they stay alive here while a request reads them where they are.
    """

    number: int
    first: int
    items: list[Item]


class _Reader:
    """Reads samples batch by batch, never further than the batch that is asked for.

    An error of a sample is kept until the answers of the samples before it are handed out.
    """

    def __init__(self, batcher: Batcher, samples: Iterable[Sample]) -> None:
        self._batcher, self._samples = batcher, iter(samples)
        self._batches = self._read = 0
        self.trouble: Exception | None = None

    def next_batch(self, request: BatchRequest) -> _Batch | None:
        """Fill a request; return its samples, or None at the end."""
        batch = _Batch(self._batches, self._read, [])
        try:
            if self.trouble is None:
                for sample in islice(self._samples, self._batcher.batch):
                    item = self._batcher.checker.item(sample, self._read)
                    request.put(len(batch.items), item)
                    batch.items.append(item)
                    self._read += 1
        except Exception as error:  # raised by the caller's iterable, or a sample does not fit
            self.trouble = error
        if not batch.items:
            return None
        request.pad(len(batch.items))
        self._batches += 1
        return batch


def _failure(batch: _Batch, error: RuntimeError) -> InferenceError:
    """Return the error of a batch, which says which samples it held."""
    samples = range(batch.first, batch.first + len(batch.items))
    subject = (
        f"Sample {samples[0]}" if len(samples) == 1 else f"One of the samples {samples[0]} to {samples[-1]}"
    )
    failure = InferenceError(f"{subject} could not be inferred ({reason(error)}).", samples)
    failure.__cause__ = error
    return failure
