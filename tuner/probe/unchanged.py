"""Whether a model's files still hold the bytes that were read, without hashing them every time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import ModelError
from tuner.probe.model_files import parts_of, readable, running_hashes

Mark = tuple[str, int, int, int, int]
"""Of a file: its path, inode, size, and when its bytes and its inode changed, in nanoseconds."""

TICK_NS = 20_000_000
"""The clock of a file system moves in steps, of 1 to 10 ms on Linux: two writes in one step have one time."""


MOST_TICKS = 50
"""Ticks to wait until a file rests; one that is touched all the time never does, and is hashed every time."""


class FilesAsRead:
    """A model's files as they were when it was read.

    Attributes:
        sha256: Hash of their bytes, once `seal` has returned.
    """

    sha256: str

    def __init__(self, path: Path) -> None:
        """Look at the files, which are about to be read."""
        self._path = path
        self._parts = list(parts_of(path))
        self._marks = _settled(self._parts)

    def seal(self) -> str:
        """Hash the files, which have been read, and return the hash.

        Raises:
            ModelError: They changed meanwhile.
        """
        with readable(self._path):
            self._hashes = list(running_hashes(self._parts))
        if _of_bytes(_marks(self._parts)) != _of_bytes(self._marks):
            raise ModelError(
                f"'{self._path}' changed while it was read; run the same command again when it is complete."
            )
        self.sha256 = self._hashes[-1]
        return self.sha256

    def require_unchanged(self) -> tuple[Mark, ...]:
        """Make sure that the files hold the bytes that were read, and return their marks.

        Files that were touched, moved, or written again with the same bytes, are hashed.

        Raises:
            ModelError: They changed, or are gone.
        """
        if _marks(self._parts) != self._marks:
            marks = _settled(self._parts)
            self._require_same_bytes()
            self._marks = marks
        return self._marks

    def require_untouched(self, since: tuple[Mark, ...], by_times: bool) -> None:
        """Make sure that the files have held the same bytes all the time since they had these marks.

        With `by_times`, they have if they hold them now, and are the same files that were written at the same
        times: then only names or rights changed.

        Raises:
            ModelError: They may have held others.
        """
        marks = _marks(self._parts)
        if marks == since:
            return
        self._require_same_bytes()
        if by_times and _of_bytes(marks) == _of_bytes(since):
            return
        found = zip(self._parts, marks, strict=False)  # no marks: a file was gone for a moment
        touched = next((part for part, mark in found if mark not in since), self._path)
        raise ModelError(
            f"'{touched}' was touched while a lane read it, twice in a row, so it may have read other bytes; "
            "let nothing touch the file and run the same command again."
        )

    def _require_same_bytes(self) -> None:
        hashes = running_hashes(self._parts)
        for part, hashed in zip(self._parts, self._hashes, strict=True):
            try:
                same = next(hashes) == hashed
            except OSError:  # it is gone
                same = False
            if not same:
                raise ModelError(
                    f"'{part}' changed on disk while it was measured; put it back and run the same command "
                    "again, or search what it is now with another output=."
                )


class LaneReading:
    """How one lane reads a model: it must run the bytes that were read first, and no others.

    A lane whose files are touched in any way while it reads them may have read others, although they hold
    the right bytes before and afterwards. It does not count, and is opened again, once. In this second
    reading it is enough that the files are the same and were written at the same times: somebody only changes
    their rights or makes links to them. Other bytes would have to come and go twice, and leave no trace in
    these times.
    """

    def __init__(self, files: FilesAsRead | None, again: bool = False) -> None:
        """Begin; without files nothing is looked at.

        Raises:
            ModelError: The files changed, or are gone.
        """
        self._files, self._again = files, again
        self._marks = files.require_unchanged() if files else ()

    def require_read_right(self) -> None:
        """Make sure that the lane has read the right bytes.

        Raises:
            ModelError: It may have read others; it can be opened again if they are right now.
        """
        if self._files:
            self._files.require_untouched(self._marks, by_times=self._again)

    def require_still_there(self) -> None:
        """Make sure that what the lane has read is still there: some of it is read again from the file.

        Raises:
            ModelError: The files changed, or are gone.
        """
        if self._files:
            self._files.require_unchanged()


def _marks(parts: Sequence[Path]) -> tuple[Mark, ...]:
    """Return the marks of a model's files; none if one of them is gone."""
    try:
        stats = [(str(part), part.stat()) for part in parts]
    except OSError:
        return ()
    return tuple((part, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns) for part, of in stats)


def _of_bytes(marks: tuple[Mark, ...]) -> list[tuple[str, int, int, int]]:
    """Return the marks without the time that also changes with a file's name, links and rights."""
    return [mark[:4] for mark in marks]


def _settled(parts: Sequence[Path]) -> tuple[Mark, ...]:
    """Return marks that every later write changes: of files that were just written, a moment later."""
    for _ in range(MOST_TICKS):
        marks = _marks(parts)
        age_ns = time.time_ns() - max((max(mark[3:]) for mark in marks), default=0)
        if not 0 <= age_ns < TICK_NS:
            break
        time.sleep((TICK_NS - age_ns) / 1e9)
    return marks
