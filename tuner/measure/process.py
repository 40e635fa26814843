"""The real lane: a process started through a `forkserver` that has OpenVINO loaded already."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any, NoReturn

from tuner.domain.configuration import Configuration
from tuner.domain.load import Arrivals
from tuner.domain.model import Model
from tuner.domain.sample import Window
from tuner.errors import Interrupted, LaneError, ModelError, reason
from tuner.measure.blobs import Blobs
from tuner.measure.compiling import LanePlan
from tuner.measure.copies import Copies
from tuner.measure.guard import LANE_NAME, UNGUARDED, unguarded
from tuner.measure.lane import Answers, Lane, LaneFacts, LoadError, Reference
from tuner.measure.leftovers import mark_folder_of_processes
from tuner.measure.neighbour import Neighbour
from tuner.measure.sentinel import Sentinel
from tuner.measure.time_limits import Limit, Limits
from tuner.measure.together import Copy, copies_together
from tuner.measure.worker import serve
from tuner.probe.inputs import Sample
from tuner.probe.unchanged import FilesAsRead, LaneReading

START_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"

POLL_S = 0.1
"""Seconds after which a waiting parent checks again whether the user asked to stop."""

LONGEST_S = 1e6
"""Seconds that stand for no limit."""

DYING_S = 1.0
"""Seconds in which a killed process is gone; one that the kernel holds longer is left to it."""


class ProcessLanes:
    """Opens real lanes for one model and one pool of samples.

    Attributes:
        sentinel: Works between windows and tells whether the host changed, or None.
        reference: The outputs in f32, once they are computed, where precision is asked for.
    """

    reference: Reference | None = None

    def __init__(
        self,
        model: Model,
        samples: tuple[Sample, ...],
        limits: Limits | None = None,
        stopped: Callable[[], bool] = lambda: False,
        method: str = START_METHOD,
        plugins: str | None = None,
        blobs: Blobs | None = None,
        files: FilesAsRead | None = None,
        sentinel: Sentinel | None = None,
        neighbour: Neighbour | None = None,
        niceness: int = 0,
    ) -> None:
        """Prepare to open lanes; none is started yet.

        Args:
            model: The model to compile.
            samples: The pool that fills the requests.
            limits: How long a lane may take before it is killed.
            stopped: Called while waiting; when it returns True, every wait ends with `Interrupted`.
            method: The start method of processes, as `multiprocessing` names it.
            plugins: OpenVINO's plugins XML with further devices, or None.
            blobs: Where compiled models are kept for later lanes, or None.
            files: The model's files, where every lane must run what was read from them.
            sentinel: Works between windows and tells whether the host changed, or None.
            neighbour: Another program beside which windows are to run, or None.
            niceness: By how much lanes give way to other programs.
        """
        self.sentinel, self._neighbour = sentinel, neighbour
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload(["tuner.measure.preload"])
            mark_folder_of_processes()
        self._model, self._samples, self._plugins = model, samples, plugins
        self._limits, self._stopped, self._blobs = limits or Limits(), stopped, blobs
        self._files, self._niceness = files, niceness

    def open(self, configuration: Configuration) -> ProcessLane | Copies:
        """Compile `configuration` in a process of its own."""
        return self._ready(self._start(configuration), configuration)

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Compile several configurations at the same time, because compiling one leaves cores idle."""
        started: list[Lane | LaneError] = []
        try:
            started += (_lane_or_error(self._start, configuration) for configuration in configurations)
            for place, lane in enumerate(started):
                if not isinstance(lane, LaneError):
                    started[place] = _lane_or_error(self._ready, lane, configurations[place])
            return started
        except BaseException:
            for lane in started:
                if not isinstance(lane, LaneError):
                    lane.close()
            raise

    def _start(self, configuration: Configuration, again: bool = False) -> ProcessLane | Copies:
        if configuration.copies == 1:
            return self._start_process(configuration, again)
        with ExitStack() as undo:
            lanes: list[ProcessLane] = []
            for copy in copies_together(self._context, configuration.copies):
                lanes.append(self._start_process(configuration, again, copy))
                undo.callback(lanes[-1].close)
            undo.pop_all()
        return Copies(lanes)

    def _start_process(
        self, configuration: Configuration, again: bool, copy: Copy | None = None
    ) -> ProcessLane:
        reading = LaneReading(self._files, again)
        blob = self._blobs.of(configuration) if self._blobs and copy is None else None
        plan = LanePlan(self._model, configuration, self._samples, self._plugins, blob, copy, self._niceness)
        try:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(  # type: ignore[attr-defined]
                target=serve, args=(plan, theirs), name=LANE_NAME, daemon=True
            )
            process.start()
        except (OSError, EOFError) as error:  # no memory, too many files, or the fork server has just died
            raise LaneError(f"no process can be started for it ({reason(error)})") from error
        theirs.close()
        return ProcessLane(
            configuration, process, ours, self._limits, self._stopped, reading, self._neighbour
        )

    def _ready(self, lane: ProcessLane | Copies, configuration: Configuration) -> ProcessLane | Copies:
        try:
            lane.wait_until_ready()
        except ModelError:  # it may have read other bytes; if they are wrong now, no lane starts
            lane = self._start(configuration, again=True)
            lane.wait_until_ready()
        if self._blobs and configuration.copies == 1:
            self._blobs.learn(configuration, lane.facts)
        return lane


def _lane_or_error(
    step: Callable[..., ProcessLane | Copies], *given: Any
) -> ProcessLane | Copies | LaneError:
    """Return what a step of opening a lane returns, or why it failed."""
    try:
        return step(*given)
    except LaneError as error:
        return error


class ProcessLane:
    """A lane's process and the pipe to it.

    Attributes:
        facts: What the device compiled, once `wait_until_ready` has returned.
    """

    facts: LaneFacts

    def __init__(
        self,
        configuration: Configuration,
        process: BaseProcess,
        pipe: Connection,
        limits: Limits,
        stopped: Callable[[], bool],
        reading: LaneReading,
        neighbour: Neighbour | None = None,
    ) -> None:
        """Keep the process, which has just been started, and this end of its pipe; compiling has begun."""
        self._configuration, self._process, self._pipe = configuration, process, pipe
        self._limits, self._stopped, self._closed = limits, stopped, False
        self._neighbour, self._ending = neighbour, Lock()
        self._reading, self._look_at_model = reading, reading.require_read_right
        self._compiling = limits.compiling(configuration)
        self._began_s = time.monotonic()

    def wait_until_ready(self) -> None:
        """Wait until the process has compiled its configuration; call it once, before any other method."""
        self.facts = self._receive("compiling", self._compiling, "the model did not compile", self._began_s)
        self._require_model()
        self._look_at_model = self._reading.require_still_there
        self._limits.learn_compiling(self._configuration, self.facts.compile_s)
        self._configuration = replace(self._configuration, requests=self.facts.effective.requests)

    def window(self, seconds: float) -> Window:
        """Run one window."""
        limit = self._limits.window(self._configuration, seconds)
        return self._learnt(self._ask(limit, "window", seconds))

    def open_loop(self, arrivals: Arrivals) -> Window:
        """Run one window of items that arrive at their times."""
        limit = self._limits.window(self._configuration, arrivals.times_s[-1])
        return self._learnt(self._ask(limit, "open_loop", arrivals))

    def _learnt(self, window: Window) -> Window:
        """Return a window, of which is said whether it counts; the limits of others learn from it."""
        self._limits.learn_window(self._configuration, window)
        ended = self._neighbour is not None and self._neighbour.has_ended()
        return replace(window, counts=False) if ended else window

    def answers(self) -> Answers:
        """Return the outputs for every sample of the pool."""
        answers: Answers = self._ask(self._limits.answers(), "answers")
        return answers

    def alive(self) -> bool:
        """Return whether the process runs and was not closed."""
        return not self._closed and self._process.is_alive()

    def close(self) -> None:
        """Kill the process: it has nothing to save. Threads that wait for copies may call it at once."""
        with self._ending:
            self._closed = True
            if self._process.is_alive():
                self._process.kill()
                self._process.join(DYING_S)
            self._pipe.close()

    def _ask(self, limit: Limit, command: str, *argument: Any) -> Any:
        began_s = time.monotonic()
        try:
            self._pipe.send((command, argument))
        except OSError:
            self._fail(LaneError(self._how_it_ended(command)))
        answer = self._receive(command, limit, f"no answer ({command})", began_s)
        self._require_model()
        return answer

    def _require_model(self) -> None:
        """Close the lane if it does not run the model that was read: what it says does not count."""
        try:
            self._look_at_model()
        except ModelError:
            self.close()
            raise

    def _receive(self, doing: str, limit: Limit, missing: str, began_s: float) -> Any:
        """Wait for an answer; any failure closes the lane and raises; `missing` says what did not come."""
        try:
            while not self._pipe.poll(POLL_S):
                if self._stopped():
                    self.close()
                    raise Interrupted("stopped by the user")
                if time.monotonic() > began_s + limit.seconds:
                    self._fail(limit.exceeded(missing))
            self._let_reading_last(began_s + limit.seconds - time.monotonic())
            state, value = self._pipe.recv()
        except BlockingIOError:
            self._fail(limit.exceeded(missing))
        except (EOFError, OSError):  # an end in the middle of a message is an OSError
            self._fail(LaneError(self._how_it_ended(doing)))
        if state == "load":
            self._require_model()
            raise LoadError(str(value))
        if state == "error":
            self._fail(LaneError(str(value)))
        return value

    def _let_reading_last(self, seconds: float) -> None:
        """Let reading fail where the lane stops for so long in the middle of an answer.

        An answer comes in parts, and the pipe, which is a socket, waits for all of them.
        """
        milliseconds = round(1e3 * min(max(seconds, POLL_S), LONGEST_S))
        with socket.socket(fileno=os.dup(self._pipe.fileno())) as pipe:
            timeout = struct.pack("@ll", milliseconds // 1000, milliseconds % 1000 * 1000)
            pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)

    def _fail(self, error: LaneError) -> NoReturn:
        self.close()
        self._look_at_model()
        if self._stopped():  # what asks to stop, like a terminal that closes, may end a lane that just starts
            raise Interrupted("stopped by the user") from None
        raise error

    def _how_it_ended(self, doing: str) -> str:
        """Return how the process ended: by which signal, or with which exit code.

        Raises:
            UsageError: It imported the user's script, which began a search there.
        """
        with self._ending:
            self._process.join(DYING_S)
            code = self._process.exitcode
        if function := UNGUARDED.get(code or 0):
            self.close()
            raise unguarded(function) from None
        if code is not None and code < 0:
            return f"ended by {signal.Signals(-code).name} ({doing})"
        return f"ended with exit code {code} ({doing})"
