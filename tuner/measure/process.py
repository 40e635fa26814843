"""The real lane: a process started through a `forkserver` that has OpenVINO loaded already."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.sample import Window
from tuner.errors import Interrupted, LaneError, UsageError
from tuner.measure.blobs import Blobs
from tuner.measure.compiling import LanePlan
from tuner.measure.guard import LANE_NAME, SENTENCE, UNGUARDED
from tuner.measure.lane import Answers, Lane, LaneFacts
from tuner.measure.worker import serve
from tuner.probe.inputs import Sample

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"

COMPILE_LIMIT_S = 120.0
"""Seconds that compiling may take unless a larger limit is given: a GPU takes 2 to 30, or more for large
models."""

POLL_S = 0.1
"""Seconds after which a waiting parent checks again whether the user asked to stop."""


class ProcessLanes:
    """Opens real lanes for one model and one pool of samples."""

    def __init__(
        self,
        model: Model,
        samples: tuple[Sample, ...],
        limit_s: float = 30.0,
        stopped: Callable[[], bool] = lambda: False,
        method: str = START_METHOD,
        plugins: str | None = None,
        compile_limit_s: float = COMPILE_LIMIT_S,
        blobs: Blobs | None = None,
    ) -> None:
        """Prepare to open lanes; none is started yet.

        Args:
            model: The model to compile.
            samples: The pool that fills the requests.
            limit_s: Seconds after which a compiled lane that does not answer is killed.
            stopped: Called while waiting; when it returns True, every wait ends with `Interrupted`.
            method: The start method of processes, as `multiprocessing` names it.
            plugins: OpenVINO's plugins XML with further devices, or None.
            compile_limit_s: Seconds after which a lane that still compiles is killed.
            blobs: Where compiled models are kept for later lanes, or None.
        """
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["tuner.measure.preload"])
        self._model, self._samples, self._plugins = model, samples, plugins
        self._limit_s, self._compile_limit_s, self._stopped = limit_s, compile_limit_s, stopped
        self._blobs = blobs

    def open(self, configuration: Configuration) -> ProcessLane:
        """Compile `configuration` in a process of its own."""
        lane = self._start(configuration)
        self._wait_for(lane, configuration)
        return lane

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Compile several configurations at the same time, because compiling one leaves cores idle."""
        opened: list[Lane | LaneError] = []
        started = [self._start(configuration) for configuration in configurations]
        try:
            for lane, configuration in zip(started, configurations, strict=True):
                try:
                    self._wait_for(lane, configuration)
                    opened.append(lane)
                except LaneError as error:
                    opened.append(error)
        except BaseException:
            for lane in started:
                lane.close()
            raise
        return opened

    def _start(self, configuration: Configuration) -> ProcessLane:
        ours, theirs = self._context.Pipe()
        blob = self._blobs.of(configuration) if self._blobs else None
        plan = LanePlan(self._model, configuration, self._samples, self._plugins, blob)
        process = self._context.Process(  # type: ignore[attr-defined]
            target=serve, args=(plan, theirs), name=LANE_NAME, daemon=True
        )
        process.start()
        theirs.close()
        return ProcessLane(process, ours, self._limit_s, self._stopped)

    def _wait_for(self, lane: ProcessLane, configuration: Configuration) -> None:
        lane.wait_until_ready(self._compile_limit_s)
        if self._blobs:
            self._blobs.learn(configuration, lane.facts)


class ProcessLane:
    """A lane's process and the pipe to it.

    Attributes:
        facts: What the device compiled, once `wait_until_ready` has returned.
    """

    facts: LaneFacts

    def __init__(
        self, process: BaseProcess, pipe: Connection, limit_s: float, stopped: Callable[[], bool]
    ) -> None:
        """Keep the process, which has just been started, and this end of its pipe."""
        self._process, self._pipe = process, pipe
        self._limit_s, self._stopped = limit_s, stopped

    def wait_until_ready(self, limit_s: float) -> None:
        """Wait until the process has compiled its configuration; call it once, before any other method."""
        late = f"the model did not compile within {limit_s:g} s; a budget beyond that gives it more time"
        self.facts = self._receive("compiling", limit_s, late)

    def window(self, seconds: float) -> Window:
        """Run one window."""
        window: Window = self._ask("window", seconds)
        return window

    def answers(self) -> Answers:
        """Return the outputs for every sample of the pool."""
        answers: Answers = self._ask("answers")
        return answers

    def alive(self) -> bool:
        """Return whether the process runs."""
        return self._process.is_alive()

    def close(self) -> None:
        """Kill the process: it has nothing to save."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _ask(self, command: str, *argument: Any) -> Any:
        try:
            self._pipe.send((command, argument))
        except OSError:
            self._fail(self._how_it_ended(command))
        return self._receive(command, self._limit_s, f"no answer within {self._limit_s:g} s ({command})")

    def _receive(self, doing: str, limit_s: float, late: str) -> Any:
        """Wait for an answer; any failure closes the lane and raises; `late` says that time is up."""
        deadline = time.monotonic() + limit_s
        try:
            while not self._pipe.poll(POLL_S):
                if self._stopped():
                    self.close()
                    raise Interrupted("stopped by the user")
                if time.monotonic() > deadline:
                    self._fail(late)
            state, value = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._fail(self._how_it_ended(doing))
        if state == "error":
            self._fail(str(value))
        return value

    def _fail(self, why: str) -> Any:
        self.close()
        raise LaneError(why)

    def _how_it_ended(self, doing: str) -> str:
        """Return how the process ended: by which signal, or with which exit code.

        Raises:
            UsageError: It imported the user's script, which began a search there.
        """
        self._process.join(timeout=5)
        code = self._process.exitcode
        if code == UNGUARDED:
            self.close()
            raise UsageError(SENTENCE) from None
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name} ({doing})"
        return f"ended with exit code {code} ({doing})"
