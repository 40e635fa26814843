"""A study on a database server: a copy of studies in files, to which several people may write at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError

from tuner.domain.result import Result, Setting
from tuner.domain.support import better_supported, is_proven, may_stand, stronger
from tuner.domain.trial import Trial
from tuner.errors import StorageError
from tuner.study.opening import open_server, shown
from tuner.study.records import recorded
from tuner.study.rows import answer_of, attribute, recorded_answer, row, set_aside, trials_of
from tuner.study.storage import BEFORE_THERE_WERE_OTHERS

LONGEST_TITLE = 400
"""Optuna takes 512 letters for a study's name."""


class Unreached(ConnectionError):
    """The server is gone, or too busy; what was asked of it may have been done, or not."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trial that is to be written, and its row."""

    trial: Trial
    row: FrozenTrial


@dataclass(frozen=True, slots=True)
class Kept:
    """What a study in a file holds beside its trials: the latest setting, its answer, others set aside."""

    setting: Setting
    answer: Result | None
    aside: tuple[Result, ...] = ()


class SharedStudy:
    """A study on a server."""

    def __init__(self, where: str, title: str, owner: Mapping[str, str]) -> None:
        """Open the study that a search with this owner writes to, or create it.

        Args:
            where: URL of the server, or `env:NAME`.
            title: Model and targets.
            owner: What the study in the file belongs to: model, host, question.

        Raises:
            UsageError: It is not the URL of a server.
            StorageError: The server cannot be used, or the study there is another's.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        owner = {**BEFORE_THERE_WERE_OTHERS, **owner}
        self.name = name_of(title, owner)
        self._there: set[Hashable] | None = None
        self._written: list[Trial] = []
        self._storage = open_server(where)
        event.listen(self._storage.engine, "handle_error", _give_up)
        try:
            self._study = optuna.create_study(
                storage=self._storage, study_name=self.name, direction="maximize", load_if_exists=True
            )
            held = self._study.user_attrs.get("owner")
            if held is None:
                self._study.set_user_attr("owner", owner)
            elif held != owner:
                raise StorageError(
                    f"'{shown(where)}' has a study '{self.name}' that belongs to another search; "
                    "give another database with storage=."
                )
        except BaseException:
            self.close()
            raise

    def trials(self) -> list[Trial]:
        """Return every trial of everybody, as they are there now."""
        found = trials_of(self._study, self._storage)
        self._there = set(map(identity, found))
        return found

    def answers(self) -> list[Result]:
        """Return the answers that rest on a whole final."""
        known = (*set_aside(self._study), answer_of(self._study))
        return [answer for answer in known if answer and is_proven(answer)]

    def add(self, waiting: deque[Waiting], ends_at_s: float) -> int:
        """Write the trials that are not there yet, at least one, until a time of the monotonic clock.

        After a failure it is not known whether a trial was written, nor whether the server has lost others
        that it had taken, so it looks again.

        Returns:
            How many were not there.

        Raises:
            Unreached: The server is gone; what is not written is still waiting.
            Exception: The server has refused some trials, which are still waiting; the others are written.
        """
        added, refused, failure = 0, [], None
        try:
            while waiting:
                there = self._there if self._there is not None else self._look(waiting)
                first, known = waiting[0], identity(waiting[0].trial)
                try:
                    if known not in there:
                        self._there = None  # until it is known to be written
                        self._study.add_trial(first.row)
                        there.add(known)
                        added += 1
                    self._written.append(first.trial)
                except Unreached:
                    raise
                except Exception as error:  # there is no room for this one: the others go on
                    refused.append(first)
                    failure = error
                self._there = there
                waiting.popleft()
                if time.monotonic() > ends_at_s:
                    break
        finally:
            waiting.extend(refused)
        if failure:
            raise failure
        return added

    def _look(self, waiting: deque[Waiting]) -> set[Hashable]:
        """Return what is there; what is no longer there waits again."""
        there = set(map(identity, self.trials()))
        lost = [trial for trial in self._written if identity(trial) not in there]
        self._written = [trial for trial in self._written if identity(trial) in there]
        waiting.extendleft(reversed(as_waiting(lost)))
        return there

    def keep(self, ours: Kept) -> None:
        """Write a setting and an answer; one of somebody else stands if it is better supported."""
        theirs = [*set_aside(self._study), answer_of(self._study), *ours.aside]
        final = ours.answer.final if ours.answer else None
        proven = [answer for answer in theirs if answer and is_proven(answer) and answer.final != final]
        allowed = [answer for answer in proven if may_stand(answer, ours.setting)]
        earlier = reduce(stronger, allowed) if allowed else None
        if ours.answer is None and earlier:
            return  # that of a search that has not ended, or was stopped
        standing = better_supported(earlier, ours.answer) if ours.answer and earlier else ours.answer
        kept = standing.final if standing else None
        others = {answer.setting.bounds: answer for answer in proven if answer.final != kept}
        self._study.set_user_attr("set aside", [recorded_answer(answer) for answer in others.values()])
        self._study.set_user_attr("setting", recorded(ours.setting))
        outcome: dict[str, Any] | None = None
        if standing:
            final_data = recorded(standing.final) if standing.final else None
            outcome = {**recorded(standing.outcome), "final": final_data}
        self._study.set_user_attr("outcome", outcome)

    def close(self) -> None:
        """Let go of the server."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def name_of(title: str, owner: Mapping[str, str]) -> str:
    """Return the name of a study on a server: what is searched, with a number of all that it belongs to."""
    number = hashlib.sha256(json.dumps(owner, sort_keys=True).encode()).hexdigest()[:12]
    shown_title = title.encode(errors="backslashreplace").decode()
    return f"{shown_title[:LONGEST_TITLE]} ({number})"


def identity(trial: Trial) -> Hashable:
    """Return what tells a trial from all others: what was measured, and when.

    Its number depends on the file that it is in, and its reason may name the number of another.
    """
    played = tuple((each.at_s, each.rates_fps) for each in trial.rounds)
    return trial.configuration, trial.state, trial.took_s, played


def as_waiting(trials: Iterable[Trial]) -> deque[Waiting]:
    """Return trials as they wait to be written."""
    return deque(Waiting(trial, row(trial, rounds=False)) for trial in trials)


def kept_in(study: optuna.Study) -> Kept | None:
    """Return what a study in a file holds beside its trials; None before its first run."""
    setting = attribute(study, "setting", Setting)
    return Kept(setting, answer_of(study), tuple(set_aside(study))) if setting else None


def _give_up(context: ExceptionContext) -> None:
    """Raise an error of our own where the server is gone.

    Optuna tries again on SQLAlchemy's, after seconds, and could write a trial twice: a server that ends while
    it answers may have written it.
    """
    error = context.sqlalchemy_exception
    gone = context.is_disconnect or isinstance(error, (OperationalError, InterfaceError))
    if gone and not getattr(context, "is_pre_ping", False):
        raise Unreached from context.original_exception
