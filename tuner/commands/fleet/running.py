"""Runs the searches of pairs: here one after the other, or one for each kind of host at the same time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.states import PairObserver, PairState, after
from tuner.domain.result import Result
from tuner.domain.support import HOSTS_GONE
from tuner.errors import Interrupted, TunerError, UnsavedError, lacks_memory, reason
from tuner.measure.guard import importable_script
from tuner.measure.interrupt import interruptible
from tuner.tuning.progress import Event, Observer

Search = Callable[[Pair, Observer], Result]
"""Answers a pair: `search_pair`, or in tests a stand-in; a function that other processes can import."""

POLL_S = 0.2
NO_MEMORY = "there is no memory left; every finished trial is saved"
STOPPED = "stopped by the user"


def search_pair(pair: Pair, observer: Observer) -> Result:
    """Answer a pair by `tuner.search`, here or on the hosts of its kind.

    Raises:
        TunerError: With one sentence for the user.
    """
    from tuner.commands.search import search

    return search(pair.path, observer=observer, command=pair.command, **pair.arguments)


def run(states: Sequence[PairState], search: Search, tell: PairObserver) -> None:
    """Search pairs in their order; pairs of several kinds of host run at the same time, one of each kind.

    Ctrl-C, SIGTERM and SIGHUP end the searches that run after their step, and no other begins.
    """
    kinds = dict.fromkeys(state.pair.kind for state in states)
    with interruptible() as stopped:
        if len(kinds) > 1:
            _run_kinds(states, list(kinds), search, tell, stopped)
        else:
            _run_here(states, search, tell, stopped)


def _run_here(
    states: Sequence[PairState], search: Search, tell: PairObserver, stopped: Callable[[], bool]
) -> None:
    for state in states:
        if stopped():
            return
        ended = attempt(state, search, tell)
        tell(ended)
        if ended.stage == "stopped":
            return


def attempt(state: PairState, search: Search, tell: PairObserver) -> PairState:
    """Search a pair and return how that ended; whatever goes wrong concerns this pair alone."""
    known = state.result
    state = replace(state, stage="searching", doing="starting")
    tell(state)

    def hear(event: Event) -> None:
        nonlocal state
        heard = after(state, event)
        if heard != state:
            state = heard
            tell(state)

    def over(**changes: object) -> PairState:
        return replace(state, best="", left_s=0.0, is_timed=False, **changes)  # type: ignore[arg-type]

    try:
        result = replace(search(state.pair, hear), trials=())
    except Interrupted as error:
        return over(stage="stopped", doing=str(error))
    except UnsavedError as error:
        result = replace(error.result, trials=())
        return over(stage="failed", doing=str(error), result=result, exit_code=error.exit_code)
    except TunerError as error:
        return over(stage="failed", doing=str(error), result=known, exit_code=error.exit_code)
    except Exception as error:  # an error of the program itself must not cost a night's other searches
        why = NO_MEMORY if lacks_memory(error) else f"{type(error).__name__}: {reason(error)}"
        return over(stage="failed", doing=why, result=known, exit_code=TunerError.exit_code)
    if gone := next((each for each in state.notices if each.code == HOSTS_GONE), None):
        return over(stage="failed", doing=gone.text, result=result, exit_code=Interrupted.exit_code)
    if result.outcome.interrupted:
        return over(stage="stopped", doing=STOPPED, result=result)
    return over(stage="answered", doing="", result=result)


def _run_kinds(
    states: Sequence[PairState],
    kinds: Sequence[str],
    search: Search,
    tell: PairObserver,
    stopped: Callable[[], bool],
) -> None:
    """Run a search of each kind at a time, each in a process of its own: its death costs only its pair."""
    queues = {kind: deque(state for state in states if state.pair.kind == kind) for kind in kinds}
    running: dict[object, _Running] = {}
    try:
        while running or (any(queues.values()) and not stopped()):
            if stopped():
                for each in running.values():
                    each.stop()
            else:
                _start_next(queues, running, search)
            for connection in wait([each.connection for each in running.values()], timeout=POLL_S):
                state = running[connection].receive()
                tell(state)
                if state.is_over:
                    running.pop(connection).close()
    except BaseException:
        for each in running.values():
            each.stop()
        for each in running.values():
            each.stop_at_once()
        raise


def _start_next(
    queues: Mapping[str, deque[PairState]], running: dict[object, _Running], search: Search
) -> None:
    """Start the next search of each kind that has none running."""
    busy = {each.state.pair.kind for each in running.values()}
    for queue in (queue for kind, queue in queues.items() if queue and kind not in busy):
        started = _Running(queue.popleft(), search)
        running[started.connection] = started


class _Running:
    """A search in a process of its own.

    Attributes:
        state: How far its pair is.
        connection: Where that is heard from.
    """

    def __init__(self, state: PairState, search: Search) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self.state, self._known = state, state.result
        self.connection, theirs = context.Pipe(duplex=False)
        self._process: SpawnProcess = context.Process(
            target=_in_process, args=(replace(state, result=None), search, theirs)
        )
        self._is_asked_to_stop = self._is_searching = False
        with importable_script():
            self._process.start()
        theirs.close()

    def receive(self) -> PairState:
        """Return how far the pair is now; failed where the process has died."""
        try:
            heard: PairState = self.connection.recv()
            self._is_searching = True
            self.state = replace(heard, result=heard.result or self._known)
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            if self._is_asked_to_stop:
                self.state = replace(self.state, stage="stopped", doing=STOPPED, left_s=0.0)
            else:
                why = f"its process ended without an answer (exit code {code}); what it had measured is saved"
                exit_code = TunerError.exit_code
                self.state = replace(self.state, stage="failed", doing=why, left_s=0.0, exit_code=exit_code)
        return self.state

    def stop(self) -> None:
        """Ask the search to end after its step, once; a process that has not begun it ends.

        It is asked by SIGINT: the handler that Ray installs for SIGTERM ends a process at once.
        """
        if not self._is_asked_to_stop:
            self._is_asked_to_stop = True
            self._send(signal.SIGINT if self._is_searching else signal.SIGTERM)

    def stop_at_once(self) -> None:
        """End the process: it does not finish its step, and every trial that had ended is saved."""
        self.stop()
        self._process.join(POLL_S)  # two signals that arrive together are one
        self._send(signal.SIGINT)
        self.close()

    def _send(self, number: signal.Signals) -> None:
        if self._process.is_alive() and self._process.pid:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def close(self) -> None:
        """Wait for the end of the process."""
        self._process.join()
        self.connection.close()


def _in_process(state: PairState, search: Search, connection: Connection) -> None:
    """Search a pair, and send how far it is; a second Ctrl-C, or the death of its program, ends it.

    The process leaves the group of its program, so that Ctrl-C in a terminal reaches the program alone, which
    passes it on.
    """
    os.setpgrp()
    with suppress(KeyboardInterrupt, BrokenPipeError), interruptible() as stopped:
        ended = replace(state, stage="stopped", doing=STOPPED)
        connection.send(ended if stopped() else attempt(state, search, connection.send))
