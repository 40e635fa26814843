"""What runs inside a lane's process: compile, fill the requests, run windows on command.

The parent sends a command and its argument, and gets back ("ok", value) or ("error", sentence).
The process ends when its pipe closes or, if it hangs, by a signal: a killed parent leaves no lane behind.
"""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from tuner.domain.load import Arrivals
from tuner.domain.sample import Window
from tuner.errors import reason
from tuner.measure.compiling import LanePlan, compile_plan, peak_memory_mb
from tuner.measure.infer_queue import InferQueue
from tuner.measure.lane import Answers, LoadError
from tuner.measure.open_loop import serve_arrivals
from tuner.measure.throttle import Throttle
from tuner.measure.together import Copy
from tuner.probe.devices import usable_cores
from tuner.probe.element_types import from_bf16_bits

DROPPED_CYCLES = 1
"""Cycles of each request that are not counted at the start: the queue fills, and caches are cold."""

COUNTED_CYCLES = 1
"""Whole cycles that each request must run in a window, however long that takes."""

LONE_LEAD_S = 0.8
"""Seconds that a single request runs before its window. Its threads take turns: they begin on the same
core, where waking each other is cheap, and after half a second the scheduler moves them apart. On a
20-microsecond model, which spends its time on waking, the first 0.5 s ran 1.6 times as fast as the rest."""

LONG_CYCLE_S = 0.0005
"""Cycle of a single request, in seconds, from which no lead is needed, because waking is a small part of
it: with cycles of 0.1 to 2 ms the first 0.1 s ran at 0.95 to 1.01 of the speed that followed (3 models,
3 configurations each, medians of 12)."""


def serve(plan: LanePlan, pipe: Connection) -> None:
    """Compile the plan and answer commands until the pipe closes."""
    for number in (signal.SIGINT, signal.SIGHUP):  # only the parent handles Ctrl-C and a terminal that closes
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    os.nice(plan.niceness)
    _silence()
    try:
        engine = Engine(plan)
    except Exception as error:  # the parent reports that the configuration does not compile
        pipe.send(("error", reason(error)))
        return
    gc.disable()
    pipe.send(("ok", engine.facts))
    while True:
        try:
            command, argument = pipe.recv()
        except EOFError:
            os._exit(0)  # skips destructors, which would wait for an inference that hangs
        try:
            pipe.send(("ok", getattr(engine, command)(*argument)))
        except LoadError as error:
            pipe.send(("load", str(error)))
        except Exception as error:
            pipe.send(("error", reason(error)))


def end_with_parent() -> None:
    """Let the system end this process when its parent dies, also in the middle of an inference that hangs.

    The parent holds the other end of a pipe. When it closes, Linux sends `SIGIO`, which ends a process; where
    a system ignores that signal, a lane that hangs stays.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if not parent.is_alive():  # it died before this
        os._exit(0)


class Engine:
    """A compiled model with a queue of infer requests that hold their inputs."""

    def __init__(self, plan: LanePlan) -> None:
        """Compile the plan and fill every request with samples."""
        self._plan, self._copy, self._throttle = plan, plan.copy, Throttle()
        if self._copy:
            self._copy.keep_to_cores(plan.configuration)
        self._compiled, self.facts = compile_plan(plan)
        self._queue = ov.AsyncInferQueue(self._compiled, self.facts.effective.requests)
        self._requests: Sequence[ov.InferRequest] = list(self._queue)
        self._fill()
        moves = usable_cores() > 1  # on a single core there is no other to move to
        self._lead_s = LONE_LEAD_S if len(self._requests) == 1 and moves else 0.0

    def window(self, seconds: float) -> Window:
        """Keep every request in flight for at least `seconds` and measure whole cycles of each request."""
        if self._copy:
            self._copy.begin()
        began = time.perf_counter()
        if self._lead_s:
            _, (latencies_ms,) = self._spin(self._lead_s)
            if min(latencies_ms) > LONG_CYCLE_S * 1e3:
                self._lead_s = 0.0
        if self._throttle.period_s:  # what was left of the period belongs to who ran before
            self._spin(self._throttle.period_s)
        throttled = self._throttle.watch()
        cpu_began_s = time.process_time()
        starts, latencies = self._spin(seconds, self._copy)
        self._queue.wait_all()
        cpu_s, inferences = time.process_time() - cpu_began_s, sum(map(len, starts))
        rate = sum(cycle_rate(times) for times in starts) * self._plan.configuration.batch
        memory_mb = max(self.facts.memory_mb, peak_memory_mb())
        cpu_ms = 1e3 * cpu_s / (inferences * self._plan.configuration.batch)
        return Window(
            rate,
            tuple(chain.from_iterable(latencies)),
            time.perf_counter() - began,
            memory_mb,
            cpu_ms,
            throttled=throttled(
                pair
                for times, of_request in zip(starts, latencies, strict=True)
                for pair in zip(times[DROPPED_CYCLES:], of_request, strict=False)
            ),
        )

    def open_loop(self, arrivals: Arrivals) -> Window:
        """Let items arrive at their times, gather them into batches, and measure from arrival to answer.

        CPU time is that of the inference: the thread in which the items arrive is left out.
        """
        began, counted = time.perf_counter(), self._throttle.now()
        cpu_began_s = time.process_time() - time.thread_time()
        queue = InferQueue(self._queue, self._requests, arrivals.rate)
        configuration = self._plan.configuration
        served = serve_arrivals(queue, arrivals, configuration.batch, configuration.max_wait_ms)
        cpu_ms = 1e3 * (time.process_time() - time.thread_time() - cpu_began_s) / served.items
        memory_mb = max(self.facts.memory_mb, peak_memory_mb())
        seconds = time.perf_counter() - began
        return Window(
            served.rate_fps,
            served.latencies_ms,
            seconds,
            memory_mb,
            cpu_ms,
            served.late_ms,
            throttled=self._throttle.since(*counted),
        )

    def _spin(self, seconds: float, copy: Copy | None = None) -> tuple[list[list[float]], list[list[float]]]:
        """Run until time is up and every request has its cycles, without callbacks.

        One of several copies goes on until all of them have theirs.

        Returns:
            When each request started, in seconds, and its latencies in milliseconds, without those of its
            first cycles.
        """
        queue: Any = super(ov.AsyncInferQueue, self._queue)  # its start_async passes no inputs: they are set
        idle, start, clock = queue.get_idle_request_id, queue.start_async, time.perf_counter
        requests = self._requests
        starts: list[list[float]] = [[] for _ in requests]
        latencies: list[list[float]] = [[] for _ in requests]
        needed = DROPPED_CYCLES + COUNTED_CYCLES + 1
        now = clock()
        end = now + seconds
        while now < end or min(map(len, starts)) < needed or (copy and not copy.all_measured()):
            index = idle()
            now = clock()
            times = starts[index]
            if len(times) > DROPPED_CYCLES:
                latencies[index].append(requests[index].latency)
            times.append(now)
            start({}, None)
        return starts, latencies

    def answers(self) -> Answers:
        """Return the outputs of every sample, taken from the batch where an output has a batch axis."""
        samples, batch = self._plan.samples, self._plan.configuration.batch
        request = self._compiled.create_infer_request()
        answers: list[tuple[NDArray[Any], ...]] = []
        for first in range(0, len(samples), batch):
            self._fill_request(request, first)
            request.infer()
            outputs = [_to_numpy(tensor) for tensor in request.output_tensors]
            for place in range(min(batch, len(samples) - first)):
                answers.append(tuple(self._cut(output, at, place) for at, output in enumerate(outputs)))
        return tuple(answers)

    def _cut(self, output: NDArray[Any], position: int, place: int) -> NDArray[Any]:
        """Return the rows of one sample; where an output has several for each sample, all of them."""
        axis = self._plan.model.output_axes[position]
        if axis is None:
            return output
        rows = output.shape[axis] // self._plan.configuration.batch
        return np.take(output, range(place * rows, (place + 1) * rows), axis=axis)

    def _fill(self) -> None:
        for index, request in enumerate(self._requests):
            self._fill_request(request, index * self._plan.configuration.batch)

    def _fill_request(self, request: ov.InferRequest, first: int) -> None:
        """Copy samples into a request's tensors, from number `first` on; the pool repeats after its end."""
        samples, batch = self._plan.samples, self._plan.configuration.batch
        picked = [samples[(first + place) % len(samples)] for place in range(batch)]
        for position, model_input in enumerate(self._plan.model.inputs):
            arrays, axis = [sample[model_input.name] for sample in picked], model_input.batch_axis
            value = arrays[0] if axis is None else np.concatenate(arrays, axis)
            tensor = request.get_input_tensor(position)
            tensor.data.view(value.dtype)[...] = value.reshape(tensor.shape)


def cycle_rate(starts: Sequence[float]) -> float:
    """Return whole cycles per second of one request, measured from start to start.

    Dropped are its first cycles, and the cycle that was in flight when the window ended.
    """
    kept = starts[DROPPED_CYCLES:]
    return (len(kept) - 1) / (kept[-1] - kept[0])


def _to_numpy(tensor: ov.Tensor) -> NDArray[Any]:
    if tensor.get_element_type() == ov.Type.bf16:
        return from_bf16_bits(tensor.data.view(np.uint16))
    return np.array(tensor.data)


def _silence() -> None:
    """Discard what plugins print, which would disturb the terminal; errors go through the pipe."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
