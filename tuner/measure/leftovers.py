"""Temporary folders and files that a killed search could not remove, and how the next one knows them.

Whoever uses one holds a lock on it, which the system frees when the process dies, however it dies. So what
can be locked is dead. Process numbers would not tell: they are given again.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing import util
from pathlib import Path

PREFIX = "openvino-tuner-"
"""How names begin, or go on, that only this program gives."""

MARK = "openvino-tuner"
"""A file in the temporary folder of `multiprocessing`, `pymp-*`, that shows that a search used it."""

_held: dict[Path, int] = {}
"""Folders of `multiprocessing` that this process has marked, and the locks on them."""


def folder_of_blobs() -> tuple[Path, int]:
    """Make a folder for compiled models; return it and the lock on it, a descriptor to close at the end.

    Raises:
        OSError: There is no room for it.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}blobs-"))
        with suppress(FileNotFoundError, BlockingIOError):  # another search took it for a left-over
            return folder, hold(folder)


@contextmanager
def folder_of_a_search() -> Iterator[Path]:
    """Yield a folder for what a search was sent; it is removed at the end, or by the next search."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}model-"))
        with suppress(FileNotFoundError, BlockingIOError):
            handle = hold(folder)
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def hold(path: Path) -> int:
    """Lock a file or folder; return the file descriptor that holds the lock until it is closed.

    Raises:
        BlockingIOError: A living process holds it.
        FileNotFoundError: It has just been removed.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(handle).st_nlink:
            raise FileNotFoundError(path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def unfinished_file(path: Path) -> tuple[int, Path]:
    """Make a file beside `path` that is to take its place; return a descriptor to write to, which locks it.

    Raises:
        OSError: There is no room for it.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{PREFIX}")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # somebody took it for a left-over before it was locked


def mark_folder_of_processes() -> None:
    """Mark the folder in which `multiprocessing` keeps its fork server's address, and removes at its end."""
    with suppress(OSError):
        folder = Path(util.get_temp_dir())
        if folder not in _held:
            _held[folder] = hold(folder)
            (folder / MARK).touch()


def remove_dead_folders() -> None:
    """Remove the temporary folders of searches that were killed."""
    temporary = Path(tempfile.gettempdir())
    marked = (mark.parent for mark in temporary.glob(f"pymp-*/{MARK}"))
    unmarked = (temporary.glob(f"{PREFIX}{kind}-????????") for kind in ("blobs", "model"))
    for folder in [*chain.from_iterable(unmarked), *marked]:
        _remove_dead(folder)


def remove_dead_files(folder: Path) -> None:
    """Remove the files in a folder that a killed process had not written to their end."""
    for file in folder.glob(f".*.{PREFIX}????????"):
        _remove_dead(file)


def _remove_dead(path: Path) -> None:
    """Remove a file or folder unless a living process holds it, or it is another user's."""
    with suppress(OSError):
        handle = hold(path)
        try:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            os.close(handle)
