"""Another program that runs while a search measures: started, watched and ended by the search."""

from __future__ import annotations

import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from tuner.domain.visible import shell_word
from tuner.errors import NeighbourError, UsageError
from tuner.measure import guardian

SETTLING_S = 2.0
"""Seconds that the program gets to begin its work, each time that it is started."""

MOST_ENDS = 3
"""How often the program may end before the search gives up."""

LONGEST = 200
"""Characters of what the program wrote last that an error shows."""


def command_of(text: str) -> tuple[str, ...]:
    """Return the words of a command, as a shell reads them; no shell runs it.

    Raises:
        UsageError: It is empty, has an open quotation, or there is no such program.
    """
    try:
        words = tuple(shlex.split(text)) if isinstance(text, str) else ()
    except ValueError:
        words = ()
    if not words:
        raise UsageError(
            f"beside={text!r} is not a command; give for example 'python serve.py', or 'sh -c \"...\"' for "
            "what a shell has to read."
        )
    if shutil.which(words[0]) is None:
        raise UsageError(
            f"beside={text!r} names the program '{words[0]}', which is not found; give its path."
        )
    return words


class Neighbour:
    """The program, running.

    A guardian starts it, also when it has ended: a process that stays outside of the place that the search
    makes for its lanes, and that ends the program where the search is killed.

    Attributes:
        ends: The exit codes with which it has ended so far; each time it was started again.
    """

    def __init__(self, words: tuple[str, ...], settling_s: float = SETTLING_S) -> None:
        """Start the program, and let it begin its work.

        Raises:
            NeighbourError: It ended meanwhile, or no process can be started.
        """
        self.ends: list[int] = []
        self._words, self._settling_s, self._looking = words, settling_s, Lock()
        try:
            self._guardian = subprocess.Popen(
                [sys.executable, "-I", str(Path(guardian.__file__)), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # a terminal's Ctrl-C is for the search, which ends it
            )
        except OSError as error:
            raise NeighbourError(f"{self} cannot be started ({error.strerror or error}).") from error
        try:
            self._start()
        except BaseException:
            self.end()
            raise

    def has_ended(self) -> bool:
        """Return whether the program has ended since it was last started; then it is started again.

        Raises:
            NeighbourError: It has ended too often, or its guardian has.
        """
        with self._looking:
            ended = self._ended_within(0.0)
            if ended is None:
                return False
            code, why = ended
            self.ends.append(code)
            if len(self.ends) >= MOST_ENDS:
                raise NeighbourError(
                    f"{self} ended {len(self.ends)} times, the last time with exit code {code}{why}; every "
                    "finished trial is saved. Give a program that runs as long as the search."
                )
            self._start()
            return True

    def end(self) -> None:
        """End the program and whatever it has started; safe to call twice."""
        for pipe in (self._guardian.stdin, self._guardian.stdout):
            if pipe:
                pipe.close()
        self._guardian.wait()

    def __str__(self) -> str:
        """Return the command as a shell takes it, as one word."""
        return shell_word(shlex.join(self._words))

    def _start(self) -> None:
        try:
            if self._guardian.stdin:
                self._guardian.stdin.write(b"\n")
        except OSError as error:
            raise self._lost() from error
        if ended := self._ended_within(self._settling_s):
            code, why = ended
            raise NeighbourError(
                f"{self} ended with exit code {code} within {self._settling_s:g} s{why}; give a program that "
                "runs as long as the search."
            )

    def _ended_within(self, seconds: float) -> tuple[int, str] | None:
        """Return with which exit code the program ends in so many seconds, and its last words in brackets.

        Raises:
            NeighbourError: Nobody watches it any more.
        """
        output = self._guardian.stdout
        if output is None or not select.select([output], [], [], seconds)[0]:
            return None
        line = output.readline().decode(errors="replace").strip()
        if not line:
            raise self._lost()
        code, _, words = line.partition(" ")
        return int(code), f" ({words[:LONGEST]})" if words else ""

    def _lost(self) -> NeighbourError:
        return NeighbourError(
            f"{self} is not watched any more, because the process that does it was killed; every finished "
            "trial is saved. Run the same command again."
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
