"""Runs a program for as long as the search lives that began it; a script that imports nothing else.

Its standard input is a pipe from the search: a line there starts the program, again if it has ended. When the
pipe closes, because the search ends or was killed, the program ends, with everything that it has started and
that has stayed in its group. A line on standard output says with which exit code the program ended by itself.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

ENDING_S = 2.0
"""Seconds in which the program may end by itself when it is asked to."""

PR_SET_PDEATHSIG = 1


def end_with_the_guardian() -> None:
    """Let Linux end the program where even the guardian is killed."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def started(words: list[str]) -> subprocess.Popen[bytes]:
    """Start the program in a group of its own."""
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_the_guardian,
    )


def end(program: subprocess.Popen[bytes]) -> None:
    """Ask the program and its group to end, then kill what is left."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        program.wait(ENDING_S)
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


def run(words: list[str]) -> None:
    """Start the program at each line of standard input, and say each time how it ended."""
    child_ended, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    program: subprocess.Popen[bytes] | None = None
    while True:
        readable, _, _ = select.select([0, child_ended], [], [])
        if child_ended in readable:
            os.read(child_ended, 1 << 10)
        if program and (code := program.poll()) is not None:
            end(program)  # what it has started may run on
            program = None
            sys.stdout.write(f"{128 - code if code < 0 else code}\n")
            sys.stdout.flush()
        if 0 not in readable:
            continue
        if not os.read(0, 1):
            break
        program = program or started(words)
    if program:
        end(program)


if __name__ == "__main__":
    run(sys.argv[1:])
