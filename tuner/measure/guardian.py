"""Runs a program for as long as the search lives that began it; a script that imports nothing else.

Its standard input is a pipe from the search: a line there starts the program, again if it has ended. When the
pipe closes, because the search ends or was killed, the program ends, with everything that it has started and
that has stayed in its group. A line on standard output says with which exit code the program ended by itself,
and what it wrote last on standard error.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

ENDING_S, POLL_S = 2.0, 0.02
"""Seconds in which the program may end when it is asked to, and between two looks at it."""

LAST_BYTES = 4096
"""Bytes of what the program wrote on standard error that are kept."""

PR_SET_PDEATHSIG = 1


def end_with_the_guardian() -> None:
    """Let Linux end the program where even the guardian is killed."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """The program, in a group of its own."""

    def __init__(self, words: list[str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=end_with_the_guardian,
        )
        self.errors = self._process.stderr.fileno() if self._process.stderr else -1
        os.set_blocking(self.errors, False)
        self._last = b""

    def listen(self) -> bool:
        """Keep the last bytes that it has written on standard error; return whether it may write more."""
        try:
            written = os.read(self.errors, 1 << 16)
        except BlockingIOError:
            return True
        self._last = (self._last + written)[-LAST_BYTES:]
        return bool(written)

    def ended(self) -> str | None:
        """Return its exit code and its last words, if it has ended by itself."""
        code = self._process.poll()
        if code is None:
            return None
        self.listen()
        lines = [line.strip() for line in self._last.decode(errors="replace").splitlines()]
        return f"{128 - code if code < 0 else code} {next(filter(None, reversed(lines)), '')}"

    def end(self) -> None:
        """Ask it and its group to end, then kill what is left."""
        until_s = time.monotonic() + ENDING_S
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGTERM)
            while time.monotonic() < until_s:
                self._process.poll()  # what has ended and was not waited for is still in the group
                os.killpg(self._process.pid, 0)
                time.sleep(POLL_S)
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_S)
        if self._process.stderr:
            self._process.stderr.close()


def run(words: list[str]) -> None:
    """Start the program at each line of standard input, and say each time how it ended."""
    child_ended, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    program: Program | None = None
    listening = False
    while True:
        heard = [0, child_ended, *([program.errors] if program and listening else [])]
        readable, _, _ = select.select(heard, [], [])
        if child_ended in readable:
            os.read(child_ended, 1 << 10)
        if program and listening and program.errors in readable:
            listening = program.listen()
        if program and (how := program.ended()):
            program.end()  # what it has started may run on
            program = None
            sys.stdout.write(how + "\n")
            sys.stdout.flush()
        if 0 not in readable:
            continue
        if not os.read(0, 1):
            break
        program = program or Program(words)
        listening = True
    if program:
        program.end()


if __name__ == "__main__":
    run(sys.argv[1:])
