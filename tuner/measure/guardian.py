"""Runs a program for as long as the search lives that began it; a script that imports nothing else.

Its standard input is a pipe from the search. When that closes, because the search ends it or was killed, the
program ends, with everything that it has started and that has stayed in its group.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress

POLL_S = 0.05
ENDING_S = 2.0
"""Seconds in which the program may end by itself when it is asked to."""


def run(words: list[str]) -> int:
    """Run a program until it ends or the search does, and return its exit code."""
    program = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    while program.poll() is None:
        if select.select([0], [], [], POLL_S)[0] and not os.read(0, 1):
            break
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        program.wait(ENDING_S)
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)
    return program.wait()


if __name__ == "__main__":
    code = run(sys.argv[1:])
    sys.exit(128 - code if code < 0 else code)
