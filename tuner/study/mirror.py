"""A study in a file with a copy on a database server: for teams, and for dashboards.

The file is written first and has everything, so a search needs the server at its start only. It writes there
between two trials, for moments: what cannot be written then waits, and `tuner push` copies what waits at the
end.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tuner.domain.figures import count
from tuner.domain.host import Host
from tuner.domain.model import Model
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.result import Notice, Result, Setting
from tuner.domain.trial import Trial
from tuner.errors import StorageError
from tuner.measure.line import Line
from tuner.study.opening import cause, shown, unusable
from tuner.study.shared import Kept, SharedStudy, as_waiting, identity, kept_in
from tuner.study.storage import STORAGE_FAILURES, Study

START_S = 60.0
"""How long the server may take at the start; a silent one is given up sooner, by its driver."""

WAIT_S = 2.0
"""How long a search waits for the server after a trial."""

SLICE_S = 0.5
"""How long it writes trials that waited, after each trial."""

END_S = 20.0
"""How long it writes and waits at the end."""

LOST_SHARE = 0.05
"""Which share of its time a search may spend on a server that does not answer."""

STORAGE = "storage"
"""Code of the notices."""

LATE = "it takes too long"

Answer = TypeVar("Answer")


class MirroredStudy(Study):
    """Trials of one model on one target, kept in a file and on a server."""

    def __init__(
        self,
        where: str,
        tell: Callable[[Notice], None],
        path: Path,
        model: Model,
        host: Host,
        target: str,
        inputs: str = "",
        question: Question = THROUGHPUT,
    ) -> None:
        """Open both, and take over into the file what others found in the same study.

        Args:
            where: URL of the server, or `env:NAME`.
            tell: Called once when the server is lost, and once when something is not there at the end.
            path: The SQLite file.
            model: The model searched.
            host: The machine it is searched on.
            target: Device string.
            inputs: What the user gave as samples; empty if they are random.
            question: What the user wants to know.

        Raises:
            UsageError: It is not the URL of a server.
            StorageError: One of both cannot be used, or belongs to another search.
        """
        super().__init__(path, model, host, target, inputs, question)
        self._where, self._tell = where, tell
        self._why, self._said = "", False
        self._next_s, self._end_s = 0.0, 0.0
        self._kept: Kept | None = None
        self._line = Line("storage")
        try:
            title, owner = self._study.study_name, self._study.user_attrs["owner"]
            self._server = self._at_the_start(lambda: SharedStudy(where, title, owner))
            self._join()
        except BaseException:
            self._line.end()
            super().close()
            raise

    def _join(self) -> None:
        """Take over what others found; what only the file has waits to be written."""
        theirs = self._at_the_start(self._server.trials)
        answers = self._at_the_start(self._server.answers)
        mine = set(map(identity, self.trials()))
        self.take_over([trial for trial in theirs if identity(trial) not in mine], answers)
        there = set(map(identity, theirs))
        self._waiting = as_waiting(trial for trial in self.trials() if identity(trial) not in there)

    def save(self, trial: Trial) -> None:
        """Add a trial that ended: to the file, then to the server if it answers."""
        super().save(trial)
        self._waiting.extend(as_waiting([trial]))
        self._write(WAIT_S, SLICE_S)

    def begin(self, setting: Setting) -> None:
        """Keep what is searched, on the server too."""
        super().begin(setting)
        self._kept = kept_in(self._study)
        self._write(WAIT_S, SLICE_S)

    def closing_notices(self) -> list[Notice]:
        """Write what waits; if the server does not answer, say what to do about it."""
        self._write_all()
        notices = self._unwritten()
        for notice in notices:
            self._tell(notice)
        return notices

    def finish(self, result: Result) -> None:
        """Keep the answer, on the server too."""
        super().finish(result)
        self._kept = kept_in(self._study)
        self.closing_notices()

    def close(self) -> None:
        """Close both; a search that was cut short has written what it could."""
        self.closing_notices()
        with suppress(TooLate, *STORAGE_FAILURES):
            if self._line.is_free():
                self._line.ask(self._server.close, WAIT_S)
        self._line.end()
        super().close()

    def _write_all(self) -> None:
        """Write all that waits; every call of this counts to the same END_S."""
        self._end_s = self._end_s or time.monotonic() + END_S
        if self._line.is_free(max(0.0, self._end_s - time.monotonic())):
            self._next_s = 0.0
            left_s = max(0.0, self._end_s - time.monotonic())
            self._write(left_s, left_s)

    def _write(self, wait_s: float, slice_s: float) -> None:
        """Write what waits, for a moment; if the server does not answer, not again for a while."""
        began_s = time.monotonic()
        if not (self._waiting or self._kept) or began_s < self._next_s or not self._line.is_free():
            return
        try:
            self._line.ask(lambda: self._write_now(began_s + slice_s), wait_s)
        except (TooLate, *STORAGE_FAILURES) as error:
            now_s = time.monotonic()
            self._next_s = now_s + (now_s - began_s) / LOST_SHARE
            late = isinstance(error, TooLate) and not self._line.is_free()
            self._lost(LATE if late else cause(error, self._where))

    def _write_now(self, ends_at_s: float) -> None:
        if kept := self._kept:
            self._server.keep(kept)
            if self._kept is kept:
                self._kept = None
        self._server.add(self._waiting, ends_at_s)

    def _lost(self, why: str) -> None:
        """Tell once that the server does not answer."""
        if not self._why:
            self._tell(
                Notice(
                    STORAGE,
                    f"'{shown(self._where)}' does not take what is found ({why}); the search goes on, "
                    f"'{self._path}' has everything, and the rest is written when the server is back.",
                )
            )
        self._why = why

    def _unwritten(self) -> list[Notice]:
        if self._said or not (self._waiting or self._kept):
            return []
        self._said = True
        what = count(len(self._waiting), "trial") if self._waiting else "the answer"
        verb = "are" if len(self._waiting) > 1 else "is"
        command = shlex.join(["tuner", "push", str(self._path.parent), "--storage", shown(self._where)])
        return [
            Notice(
                STORAGE,
                f"'{shown(self._where)}' did not answer at the end ({self._why or LATE}): {what} {verb} not "
                f"there, but in '{self._path}'; {command} copies that.",
            )
        ]

    def _at_the_start(self, task: Callable[[], Answer]) -> Answer:
        """Return what the server answers.

        Raises:
            StorageError: It does not.
        """
        try:
            return self._line.ask(task, START_S)
        except TooLate:
            sentence = f"'{shown(self._where)}' takes longer than {START_S:g} s; leave storage= out."
            raise StorageError(sentence) from None
        except STORAGE_FAILURES as error:
            raise unusable(self._where, error) from None
