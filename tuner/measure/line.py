"""A thread for what may hang: whoever asks it waits no longer than he wants to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Line:
    """Does one task after the other. Database drivers and Ray have no time limit for all that they do."""

    def __init__(self, name: str) -> None:
        """Start the thread; it does not keep the program from ending."""
        self._tasks: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._last: Future[Any] | None = None
        Thread(target=self._work, name=name, daemon=True).start()

    def begin(self, task: Callable[[], Answer]) -> Future[Answer]:
        """Return what will have what a task returns."""
        answer: Future[Answer] = Future()
        self._last = answer
        self._tasks.put((task, answer))
        return answer

    def ask(self, task: Callable[[], Answer], wait_s: float) -> Answer:
        """Return what a task returns.

        Raises:
            concurrent.futures.TimeoutError: It takes longer; it goes on meanwhile.
        """
        return self.begin(task).result(wait_s)

    def is_free(self, wait_s: float = 0.0) -> bool:
        """Return whether every task has ended, after waiting for it."""
        return self._last is None or not wait([self._last], wait_s).not_done

    def end(self) -> None:
        """Let the thread end after its last task."""
        self._tasks.put(None)

    def _work(self) -> None:
        while asked := self._tasks.get():
            task, answer = asked
            try:
                answer.set_result(task())
            except BaseException as error:
                answer.set_exception(error)
            del asked, task, answer  # a lane's memory may hang on them
