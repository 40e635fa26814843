"""One search at a time on a host: two at the same time would slow each other down."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.errors import Interrupted
from tuner.measure.leftovers import remove_dead_folders

POLL_S = 0.2


@contextmanager
def host_lock(
    command: str,
    waiting: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
    folder: Path | None = None,
) -> Iterator[None]:
    """Hold the host-wide lock; wait while another search holds it. What killed searches left is removed.

    Args:
        command: Shown to other searches that wait for this one.
        waiting: Called once, when there is a wait, with a description of the search that holds the lock.
        stopped: Called while waiting; True ends the wait.
        folder: Folder of the lock; the system's temporary folder unless given.

    Raises:
        Interrupted: The user asked to stop while waiting.
    """
    folder = folder or Path(tempfile.gettempdir())
    lock = FileLock(folder / "openvino-tuner.lock", mode=0o666)
    note = folder / "openvino-tuner.holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting(_holder(note))
        _wait_for(lock, stopped)
    try:
        remove_dead_folders()
        with suppress(OSError):  # the note of another user's killed search; the lock works without it
            note.write_text(json.dumps({"pid": os.getpid(), "command": command}))
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _wait_for(lock: FileLock, stopped: Callable[[], bool]) -> None:
    while not stopped():
        with suppress(Timeout):
            lock.acquire(timeout=POLL_S, poll_interval=POLL_S / 2)
            return
    raise Interrupted("stopped while waiting for another search")


def _holder(note: Path) -> str:
    try:
        holder = json.loads(note.read_text())
        return f"process {holder['pid']}: {holder['command']}"
    except (OSError, ValueError, KeyError):
        return "a process that left no name"
