"""Stops a program at a chosen place: a task at one of its awaits, a function at one of its lines."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import tuner


class CancelledAt(Coroutine):
    """A coroutine whose task is cancelled as soon as it waits for the n-th time, counted from 0."""

    def __init__(self, job: Coroutine, place: int):
        self.job, self.place, self.waits = job, place, 0

    def send(self, value):
        return self._waited(self.job.send(value))

    def throw(self, *error):
        return self._waited(self.job.throw(*error))

    def close(self):
        self.job.close()

    def __await__(self):
        return self.job.__await__()

    def _waited(self, awaited):
        if self.waits == self.place:
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        self.waits += 1
        return awaited

    @property
    def reached(self) -> bool:
        """Whether the job waited often enough to be cancelled."""
        return self.waits > self.place


def interrupted_at(place: int, room: str, job: Callable[[], Any]) -> bool:
    """Run a job with a Ctrl-C at the n-th line that runs in a room of the program; whether there was one."""
    folder, lines = str(Path(tuner.__file__).parent / room), 0

    def trace(frame, event, _argument):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line":
            lines += 1
            if lines == place + 1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        job()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return lines > place
