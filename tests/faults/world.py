"""A world of its own for a search under a fault, and what is to be seen there afterwards."""

import json
import os
import shutil
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests import models
from tests.faults import attempt as attempts
from tests.faults.attempt import MARK, Attempt, kill, processes, settle
from tests.faults.inject import Fault, strikes
from tests.faults.simulated_search import TRUE_RATIO

ROOT = Path(__file__).parents[2]
SHORT_S = 4
"""Enough to measure the hint and to see what earlier runs found."""

LATE_S = 30
"""Seconds after its budget by which a search must have ended, on a machine that does other things, too."""

STAYS = {"openvino-tuner.lock"}
"""What may stay in the folder for temporary files: the lock's file, which nobody holds."""

ANSWERS = {"config.yaml", "report.html", "study.db"}


@dataclass(slots=True)
class Seen:
    """What the tries of a case came to.

    Attributes:
        lost: Trials that were told as ended and are not in the study.
        left: Processes and files that stayed.
        wrong: Claims that are not true.
        other: Whatever else must not be: tracebacks, other exit codes, a run that does not go on.
        recover_s: Seconds from each fault until the search, or the next run, searched on.
    """

    lost: int = 0
    left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    recover_s: list[float] = field(default_factory=list)

    @property
    def survived(self) -> bool:
        return not (self.lost or self.left or self.wrong or self.other)


class World:
    """A model, a folder for the answers, one for temporary files, and processes that bear its mark."""

    def __init__(
        self,
        folder: Path,
        library: Path,
        simulated: bool = False,
        budget_s: int = 12,
        truth: float | None = None,
    ):
        """Make the world; `truth` is what an undisturbed search finds as gain, where that is known."""
        self.budget_s = budget_s
        self.folder, self.library, self.simulated = folder, library, simulated
        self.truth = TRUE_RATIO if simulated else truth
        self.mark = uuid.uuid4().hex
        self.output, self.log = folder / "out", folder / "strikes"
        self.temporary = Path(tempfile.mkdtemp(prefix="world-", dir="/tmp"))  # sockets need a short path
        self.model = models.wide(folder / "wide.xml", 256 if simulated else 1024)
        self.seen = Seen()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_error: object) -> None:
        kill(processes(self.mark))
        shutil.rmtree(self.temporary, ignore_errors=True)

    @property
    def study(self) -> Path:
        return self.output / "study.db"

    def start(
        self,
        *options: object,
        fault: Fault | None = None,
        budget_s: int | None = None,
        model: Path | None = None,
        wrap: Sequence[object] = (),
        environment: dict[str, str] | None = None,
        **how,
    ) -> Attempt:
        """Start a search; `wrap` is a command that starts it, the rest goes to `attempt.start`."""
        module = "tests.faults.simulated_search" if self.simulated else "tuner"
        command = [
            sys.executable,
            "-m",
            module,
            "search",
            model or self.model,
            "--budget",
            f"{budget_s or self.budget_s}s",
        ]
        around = {
            **os.environ,
            MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": str(ROOT),
            **(fault.environment(self.library, self.log, self.output) if fault else {}),
            **(environment or {}),
        }
        return attempts.start(
            [*wrap, *command, "--output", self.output, *options], self.folder, around, **how
        )

    def end(
        self,
        attempt: Attempt,
        exits: set[int],
        budget_s: float | None = None,
        may_claim: bool = True,
    ) -> None:
        """Wait for the end of a run and look at what it leaves.

        Args:
            attempt: The run.
            exits: Exit codes that it may have.
            budget_s: Its budget, if it is another than the world's.
            may_claim: Whether `faster` can be true at all.
        """
        budget_s = budget_s or self.budget_s
        code = attempt.wait(budget_s + LATE_S)
        if code is None:
            self.seen.other.append(f"not ended {LATE_S} s after its budget of {budget_s:g} s")
            kill(processes(self.mark))  # what that leaves is not the search's doing
            attempt.wait(10)
        elif code not in exits:
            self.seen.other.append(f"exit code {code} ({last_line(attempt)})")
        if "Traceback" in attempt.text:
            self.seen.other.append(f"a traceback ({last_line(attempt)})")
        for number, command in (left := settle(self.mark)).items():
            self.seen.left.append(f"process {number}: {command}")
        kill(left)
        self.seen.lost += len(attempt.announced - self.trials())
        self._check_claim(may_claim)

    def go_on(self, *options: object) -> Attempt:
        """Run the command again without a fault: it must find every trial, end well, and leave nothing."""
        before = self.saved()
        attempt = self.start(*options, budget_s=SHORT_S)
        self.end(attempt, {0}, SHORT_S)
        if attempt.known != before:
            self.seen.other.append(f"the next run found {attempt.known} of {before} trials")
        if "waiting:" in attempt.text:
            self.seen.left.append("a lock that nobody holds")
        self.left_files()
        return attempt

    def recovered(self, attempt: Attempt, since_s: float | None = None) -> None:
        """Note how long it took until the run searched on, from the library's first strike unless given."""
        moments = strikes(self.log)
        if since_s is None and not moments:
            self.seen.other.append("the fault did not strike")
            return
        since_s = moments[0] if since_s is None else since_s
        self.seen.recover_s.append(round(attempt.seconds_until_searching(since_s), 2))

    def says(self, attempt: Attempt, *parts: str) -> None:
        """A run that did not end well must have said one of these."""
        if attempt.process.returncode and not any(part in attempt.text for part in parts):
            self.seen.other.append(f"does not say what is wrong ({last_line(attempt)})")

    def left_files(self) -> None:
        """Look for files that are neither an answer nor the lock."""
        stay = {path.name for path in self.temporary.iterdir()} - STAYS
        if self.output.exists():
            stay |= {path.name for path in self.output.iterdir()} - ANSWERS
        self.seen.left.extend(sorted(stay - {*self.seen.left}))

    def trials(self) -> set[int]:
        """Return the numbers of the trials in the study."""
        return set(self._numbers())

    def saved(self) -> int:
        """Return how many trials are in the study, whatever their numbers."""
        return len(self._numbers())

    def _numbers(self) -> list[int]:
        """Read the trials' numbers from a copy of the study, which leaves its journal alone."""
        if not self.study.exists():
            return []
        with tempfile.TemporaryDirectory() as folder:
            for file in self.output.glob("study.db*"):
                shutil.copy(file, folder)
            try:
                with closing(sqlite3.connect(Path(folder) / "study.db")) as connection:
                    query = "select value_json from trial_user_attributes where key = 'trial'"
                    return [_number(row) for (row,) in connection.execute(query)]
            except sqlite3.Error:
                return []

    def advice(self) -> dict | None:
        """Return what the YAML holds, or None where there is none."""
        path = self.output / "config.yaml"
        return yaml.safe_load(path.read_text()) if path.exists() else None

    def _check_claim(self, may_claim: bool) -> None:
        """A claim is wrong where it cannot be true, or goes far beyond what an undisturbed search finds."""
        advice = self.advice()
        if advice is None or advice["verdict"] == "inconclusive":
            return
        if advice["verdict"] == "faster":
            low = advice["speedup"]["low"]
            if not may_claim or (self.truth and low > 1.25 * self.truth):
                self.seen.wrong.append(f"faster, at least {low:.2f} times")
        elif self.truth and may_claim and self.truth > 1.2:
            self.seen.wrong.append("keep_hint")


def _number(row: str) -> int:
    data = json.loads(row)
    return (json.loads(data) if isinstance(data, str) else data)["number"]


def last_line(attempt: Attempt) -> str:
    """Return the last thing that a run said."""
    return next((line for _, line in reversed(attempt.lines) if line.strip()), "without a word")
