"""One search at a time on a host: two at the same time would slow each other down."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tuner.errors import Interrupted, StorageError
from tuner.measure.leftovers import remove_dead_folders
from tuner.probe.plain_files import read_plain

POLL_S = 0.2
MOST_BYTES = 1 << 16
"""A note has some hundred bytes."""

LONGEST = 500
"""Characters of another search's command that are shown."""


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
        StorageError: The lock cannot be used, for example because it is another user's own.
    """
    folder = folder or Path(tempfile.gettempdir())
    lock = FileLock(folder / "openvino-tuner.lock", mode=0o666)
    note = folder / "openvino-tuner.holder.json"
    try:
        if not _acquired(lock, 0.0):
            waiting(_holder(note))
            _wait_for(lock, stopped)
    except (OSError, NotImplementedError) as error:
        raise StorageError(
            f"'{lock.lock_file}', by which searches notice each other, cannot be used "
            f"({getattr(error, 'strerror', None) or error}); remove it, or set TMPDIR to another folder."
        ) from error
    try:
        remove_dead_folders()
        with suppress(OSError):  # the note of another user's killed search; the lock works without it
            _write(note, json.dumps({"pid": os.getpid(), "command": command}))
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        lock.release()


def _acquired(lock: FileLock, timeout_s: float) -> bool:
    try:
        lock.acquire(timeout=timeout_s, poll_interval=POLL_S / 2)
    except Timeout:
        return False
    return True


def _wait_for(lock: FileLock, stopped: Callable[[], bool]) -> None:
    while not stopped():
        if _acquired(lock, POLL_S):
            return
    raise Interrupted("stopped while waiting for another search")


def _write(note: Path, text: str) -> None:
    """Write the note as a new file: what others put in its place, such as a link or a pipe, is not opened."""
    handle, temporary = tempfile.mkstemp(dir=note.parent, prefix=f".{note.name}.")
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    try:
        Path(temporary).chmod(0o644)
        Path(temporary).replace(note)
    except OSError:
        Path(temporary).unlink()
        raise


def _holder(note: Path) -> str:
    """Return who holds the lock, by the note of that search; anyone may have written it."""
    with suppress(OSError, ValueError, RecursionError):
        holder = json.loads(read_plain(note, MOST_BYTES))
        if isinstance(holder, dict) and isinstance(holder.get("pid"), int):
            return f"process {holder['pid']}: {str(holder.get('command', 'without a name'))[:LONGEST]}"
    return "a process that left no name"
