"""Whether a model's files still hold the bytes that were read, without hashing them every time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import ModelError
from tuner.probe.model_files import digest, parts_of, readable

Mark = tuple[str, int, int, int, int]
"""Of a file: its path, inode, size, and when its bytes and its inode changed, in nanoseconds."""

TICK_NS = 20_000_000
"""The clock of a file system moves in steps, of 1 to 10 ms on Linux: two writes in one step have one time."""


class ReadFiles:
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
            self.sha256 = digest(self._path)
        if _marks(self._parts) != self._marks:
            raise ModelError(
                f"'{self._path}' changed while it was read; run the same command again when it is complete."
            )
        return self.sha256

    def require_unchanged(self) -> tuple[Mark, ...]:
        """Make sure that the files hold the bytes that were read, and return their marks.

        Files that were only touched, or written again with the same bytes, are hashed once.

        Raises:
            ModelError: They changed, or are gone.
        """
        marks = _marks(self._parts)
        if marks != self._marks:
            marks = _settled(self._parts)
            if not marks or _hash(self._path) != self.sha256:
                raise self._changed()
            self._marks = marks
        return marks

    def require_untouched(self, since: tuple[Mark, ...]) -> None:
        """Make sure that nobody has written the files since they had these marks, not even the same bytes.

        Who reads them meanwhile may read others.

        Raises:
            ModelError: Somebody has.
        """
        if _marks(self._parts) != since:
            raise self._changed()

    def _changed(self) -> ModelError:
        return ModelError(
            f"'{self._path}' changed on disk while it was measured; put it back and run the same command "
            "again, or search what it is now with another output=."
        )


class Reading:
    """How one lane reads a model, which must hold all the time what was read first."""

    def __init__(self, files: ReadFiles | None) -> None:
        """Begin; without files nothing is looked at.

        Raises:
            ModelError: The files changed, or are gone.
        """
        self._files = files
        self._marks = files.require_unchanged() if files else ()

    def ended(self) -> None:
        """Make sure that the lane has read the right bytes.

        Raises:
            ModelError: Somebody wrote the files meanwhile.
        """
        if self._files:
            self._files.require_untouched(self._marks)

    def holds(self) -> None:
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


def _settled(parts: Sequence[Path]) -> tuple[Mark, ...]:
    """Return marks that every later write changes: of files that were just written, a moment later."""
    while True:
        marks = _marks(parts)
        age_ns = time.time_ns() - max((max(mark[3:]) for mark in marks), default=0)
        if not 0 <= age_ns < TICK_NS:
            return marks
        time.sleep((TICK_NS - age_ns) / 1e9)


def _hash(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
