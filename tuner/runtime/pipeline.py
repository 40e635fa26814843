"""`infer_many`: every request in flight, single samples in, single answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import openvino as ov

from tuner.errors import InferenceError, reason
from tuner.runtime.batches import Answer, Assembly, Item, Sample, Seat

LOOK_AHEAD = 4
"""Batches started but not told yet, in multiples of the requests, when answers keep their order: a
fast device may go on while the next answer in turn is still with a slow one."""


@dataclass(frozen=True, slots=True)
class _Started:
    """A batch in flight.

    Attributes:
        number: Its place among all batches.
        batch: Its samples.
    """

    number: int
    batch: _Batch


class Pipeline:
    """Keeps every request of a compiled model busy with batches of single samples."""

    def __init__(self, compiled: ov.CompiledModel, assembly: Assembly, requests: int) -> None:
        """Create the requests; 0 of them asks the device for its optimal number."""
        self._assembly = assembly
        self._queue = ov.AsyncInferQueue(compiled, requests)
        self._seats = [assembly.seat(request) for request in self._queue]
        self._started: dict[int, _Started] = {}
        self._answers: dict[int, list[Answer]] = {}
        self._begun = self._told = 0

    def run(self, samples: Iterable[Sample], ordered: bool) -> Iterator[Answer]:
        """Yield an answer for each sample; see `Advice.infer_many`."""
        reader = _Reader(self._assembly, samples)
        try:
            while True:
                self._harvest(self._idle())
                self._harvest_finished()
                yield from self._ready(ordered)
                while ordered and self._begun - self._told >= LOOK_AHEAD * len(self._queue):
                    self._harvest(self._oldest())
                    yield from self._ready(ordered)
                if not self._start(reader):
                    break
            while self._started:
                self._harvest(self._oldest())
                yield from self._ready(ordered)
            if reader.trouble:
                raise reader.trouble
        finally:
            self._settle()

    def _start(self, reader: _Reader) -> bool:
        """Fill the idle request with the next batch and start it; False when no sample is left."""
        index = self._queue.get_idle_request_id()
        batch = reader.next_batch(self._seats[index])
        if batch is None:
            return False
        self._started[index] = _Started(self._begun, batch)
        self._begun += 1
        queue: Any = super(ov.AsyncInferQueue, self._queue)  # skips the dispatch of inputs: they are set
        queue.start_async({}, None)
        return True

    def _idle(self) -> int:
        """Wait until a request has nothing to do, and return its index."""
        try:
            return int(self._queue.get_idle_request_id())
        except RuntimeError as error:
            raise self._blame(error) from error

    def _oldest(self) -> int:
        """Wait for the batch that began first of those in flight, and return its request's index."""
        index = min(self._started, key=lambda one: self._started[one].number)
        try:
            self._queue[index].wait()
        except RuntimeError as error:
            raise self._failure(index, error) from error
        return index

    def _harvest(self, index: int) -> None:
        """Copy the answers out of a request that has finished."""
        if one := self._started.pop(index, None):
            self._answers[one.number] = self._seats[index].answers(
                [item.with_axis for item in one.batch.items]
            )

    def _harvest_finished(self) -> None:
        """Take what else is ready: reading the next sample may last."""
        for index in list(self._started):
            try:
                ready = self._queue[index].wait_for(0)
            except RuntimeError as error:
                raise self._failure(index, error) from error
            if ready:
                self._harvest(index)

    def _ready(self, ordered: bool) -> Iterator[Answer]:
        """Yield the answers that may be told now."""
        while self._answers and (not ordered or self._told in self._answers):
            number = self._told if ordered else next(iter(self._answers))
            self._told += 1
            yield from self._answers.pop(number)

    def _blame(self, error: RuntimeError) -> InferenceError:
        """Find the batch that failed: the queue does not say which."""
        for index in sorted(self._started, key=lambda one: self._started[one].number):
            try:
                self._queue[index].wait()
            except RuntimeError as own:
                return self._failure(index, own)
        return InferenceError(f"An inference failed ({reason(error)}).", range(0))

    def _failure(self, index: int, error: RuntimeError) -> InferenceError:
        batch = self._started[index].batch
        samples = range(batch.first, batch.first + len(batch.items))
        told = (
            f"Sample {samples[0]}"
            if len(samples) == 1
            else f"One of the samples {samples[0]} to {samples[-1]}"
        )
        return InferenceError(f"{told} could not be inferred ({reason(error)}).", samples)

    def _settle(self) -> None:
        """Wait for what is in flight: its requests are about to go."""
        for index in self._started:
            try:
                self._queue[index].wait()
            except RuntimeError:  # told already, or nobody is left to hear it
                continue


@dataclass(frozen=True, slots=True)
class _Batch:
    """The index of a batch's first sample, and its items: a request may read them where they are."""

    first: int
    items: list[Item]


class _Reader:
    """Reads samples batch by batch, never further than the batch that is asked for.

    What goes wrong with a sample is kept until the answers of those before it are told.
    """

    def __init__(self, assembly: Assembly, samples: Iterable[Sample]) -> None:
        self._assembly, self._samples, self._read = assembly, iter(samples), 0
        self.trouble: Exception | None = None

    def next_batch(self, seat: Seat) -> _Batch | None:
        """Fill a request; return its samples, or None at the end."""
        batch = _Batch(self._read, [])
        try:
            if self.trouble is None:
                for sample in islice(self._samples, self._assembly.batch):
                    item = self._assembly.item(sample, self._read)
                    seat.put(len(batch.items), item)
                    batch.items.append(item)
                    self._read += 1
        except Exception as error:  # the samples' own, or one that does not fit
            self.trouble = error
        if not batch.items:
            return None
        seat.pad(len(batch.items))
        return batch
