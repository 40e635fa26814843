"""Reads small files that anyone may have put there: never for long, never a pipe or a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_plain(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a file, up to `most` bytes and one more.

    Raises:
        OSError: It cannot be read, or is a pipe, a device or a folder.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait for its writer
    with open(handle, "rb") as stream:  # noqa: PTH123 - of a handle
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        return stream.read(most + 1)


def require_replaceable(path: Path) -> None:
    """Make sure that a path is free or a file: a pipe, a device or a folder must not be replaced by a file.

    Raises:
        OSError: It is something else.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a file")
