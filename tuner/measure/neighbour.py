"""Another program that runs while a search measures: started, watched and ended by the search."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from tuner.errors import NeighbourError, UsageError
from tuner.measure import guardian

SETTLING_S = 2.0
"""Seconds that the program gets to begin its work, each time that it is started."""

MOST_ENDS = 3
"""How often the program may end before the search gives up."""


def command_of(text: str) -> tuple[str, ...]:
    """Return the words of a command, as a shell reads them; no shell runs it.

    Raises:
        UsageError: It is empty, has an open quotation, or there is no such program.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ()
    if not words:
        raise UsageError(
            f"beside='{text}' is not a command; give for example 'python serve.py', or 'sh -c \"...\"' for "
            "what a shell has to read."
        )
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"beside='{text}' names the program '{words[0]}', which is not found; give its path."
        )
    return words


class Neighbour:
    """The program, running.

    Attributes:
        ends: The exit codes with which it has ended so far; each time it was started again.
    """

    def __init__(self, words: tuple[str, ...], settling_s: float = SETTLING_S) -> None:
        """Start the program, and let it begin its work.

        Raises:
            NeighbourError: It ended meanwhile.
        """
        self.ends: list[int] = []
        self._words, self._settling_s, self._one_at_a_time = words, settling_s, Lock()
        self._start()

    def has_ended(self) -> bool:
        """Return whether the program has ended since it was last started; then it is started again.

        Raises:
            NeighbourError: It has ended too often.
        """
        with self._one_at_a_time:
            code = self._guardian.poll()
            if code is None:
                return False
            self.ends.append(code)
            self.end()
            if len(self.ends) >= MOST_ENDS:
                raise NeighbourError(
                    f"{self} ended {len(self.ends)} times, the last time with exit code {code}; every "
                    "finished trial is saved. Give a program that runs as long as the search."
                )
            self._start()
            return True

    def end(self) -> None:
        """End the program and whatever it has started; safe to call twice."""
        if self._guardian.stdin:
            self._guardian.stdin.close()
        self._guardian.wait()

    def __str__(self) -> str:
        """Return the command as a shell takes it."""
        return f"'{shlex.join(self._words)}'"

    def _start(self) -> None:
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(Path(guardian.__file__)), *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for the search, which ends it
        )
        try:
            code = self._guardian.wait(self._settling_s)
        except subprocess.TimeoutExpired:
            return
        self.end()
        raise NeighbourError(
            f"{self} ended with exit code {code} within {self._settling_s:g} s; give a program that runs as "
            "long as the search."
        )


@contextmanager
def running(command: str) -> Iterator[Neighbour | None]:
    """Run a program beside what is inside, and end it after; none for an empty command.

    Raises:
        NeighbourError: It ended at once.
    """
    if not command:
        yield None
        return
    neighbour = Neighbour(command_of(command))
    try:
        yield neighbour
    finally:
        neighbour.end()
