"""One run of the command in a session of its own, its lines as they come, and what of it still lives."""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TRIAL = re.compile(r"^ *(\d+)  \S")
KNOWN = re.compile(r", ([\d,]+) trials? known from earlier runs")
SPACE = re.compile(r"^space  ")
REDRAWN = re.compile(r"\r|\x1b\[\d*K")
"""Where a terminal begins a line again."""

COLOURS = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")

POLL_S = 0.02

MARK = "FAULTS_WORLD"
"""An environment variable that every process of a world has, and no other."""


@dataclass(slots=True)
class Attempt:
    """A search that was started, and what it printed on standard error, line by line, with the moment."""

    process: subprocess.Popen
    began_s: float = field(default_factory=time.monotonic)
    lines: list[tuple[float, str]] = field(default_factory=list)
    reader: threading.Thread | None = None
    ended_s: float = 0.0

    def read(self, stream: int, gone: threading.Event | None = None) -> None:
        """Collect lines from a file descriptor until its end, or until `gone` is set; then close it."""
        self.reader = threading.Thread(
            target=self._collect, args=(stream, gone or threading.Event()), daemon=True
        )
        self.reader.start()

    def _collect(self, stream: int, gone: threading.Event) -> None:
        rest = b""
        with contextlib.suppress(OSError):  # a terminal ends with an error
            while not gone.is_set():
                if not select.select([stream], [], [], POLL_S)[0]:
                    continue
                if not (data := os.read(stream, 65536)):
                    break
                *lines, rest = (rest + data).split(b"\n")
                self._add(lines)
        self._add([rest] if rest else [])
        os.close(stream)

    def _add(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            for text in REDRAWN.split(line.decode(errors="backslashreplace")):
                self.lines.append((time.monotonic(), COLOURS.sub("", text)))

    def wait_for(self, pattern: str, count: int = 1, limit_s: float = 60.0) -> bool:
        """Wait until so many lines match; return whether they came before the run's end."""
        found, until = re.compile(pattern), time.monotonic() + limit_s
        while time.monotonic() < until and self.process.poll() is None:
            if sum(1 for _, line in list(self.lines) if found.search(line)) >= count:
                return True
            time.sleep(POLL_S)
        return False

    def wait(self, limit_s: float) -> int | None:
        """Wait for the end and return the exit code; None if it did not come."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None
        self.ended_s = time.monotonic()
        if self.reader:
            self.reader.join(5)
        return code

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    @property
    def announced(self) -> set[int]:
        """The numbers of the trials that were told as ended."""
        return {int(found[1]) for _, line in self.lines if (found := TRIAL.match(line))}

    @property
    def known(self) -> int:
        """How many trials of earlier runs it found."""
        found = KNOWN.search(self.text)
        return int(found[1].replace(",", "")) if found else 0

    def seconds_until_searching(self, since_s: float) -> float:
        """Seconds from a moment until it told of a trial, of its space, or ended."""
        told = (at for at, line in self.lines if at > since_s and (TRIAL.match(line) or SPACE.match(line)))
        return next(told, self.ended_s) - since_s


def start(
    command: Sequence[object],
    folder: Path,
    environment: Mapping[str, str],
    stdout: int | None = None,
    terminal: int | None = None,
    prepare: Callable[[], None] = lambda: None,
) -> Attempt:
    """Start a command in a session of its own, with every signal as a terminal's shell would leave it.

    Args:
        command: The program and its arguments.
        folder: Where it runs.
        environment: All of its environment.
        stdout: Where its answers go; nowhere unless given.
        terminal: The slave's end of a terminal for both outputs, which then controls the session.
        prepare: Called in the new process before the command.
    """

    def ready() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        if terminal is not None:
            import fcntl
            import termios

            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
        prepare()

    process = subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=terminal if terminal is not None else (subprocess.DEVNULL if stdout is None else stdout),
        stderr=terminal if terminal is not None else subprocess.PIPE,
        start_new_session=True,
        preexec_fn=ready,
    )
    attempt = Attempt(process)
    if process.stderr:
        attempt.read(os.dup(process.stderr.fileno()))
        process.stderr.close()
    return attempt


def processes(mark: str) -> dict[int, str]:
    """Return the living processes that have a mark in their environment, with what they run."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def settle(mark: str, limit_s: float = 5.0) -> dict[int, str]:
    """Wait until no process with a mark lives; return those that do not end."""
    until = time.monotonic() + limit_s
    while (left := processes(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def kill(left: Mapping[int, str]) -> None:
    """Kill processes, all of which this harness started."""
    for number in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
