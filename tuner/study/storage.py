"""The saved study: Optuna's own SQLite storage, a row for each trial as soon as it ends.

It is a file in the output folder, and complete; a copy on a server is in tuner/study/mirror.py.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path

import msgspec
import optuna
from optuna.exceptions import OptunaError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tuner.domain.host import Host
from tuner.domain.model import Model
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.result import Notice, Outcome, Result, Setting
from tuner.domain.support import NOT_ENDED, better_supported, from_earlier_run, is_proven, may_stand, stronger
from tuner.domain.trial import Final, Trial
from tuner.errors import StorageError, first_cause, root
from tuner.study.records import FORMAT, recorded
from tuner.study.rows import answer_of, recorded_answer, row, set_aside, trials_of

STUDY_NAME = "study.db"

CREATIONS, CREATING_S = 40, 0.05
"""How often a study is created while another process does the same, and the seconds in between."""

STORAGE_FAILURES = (
    SQLAlchemyError,
    OptunaError,
    sqlite3.Error,
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    msgspec.MsgspecError,
)
"""What the storage raises on a damaged, foreign or deleted file."""


class Study:
    """Trials of one model on one target, kept in a file."""

    def __init__(
        self,
        path: Path,
        model: Model,
        host: Host,
        target: str,
        inputs: str = "",
        question: Question = THROUGHPUT,
    ) -> None:
        """Open the study, or create it.

        Args:
            path: The SQLite file.
            model: The model searched.
            host: The machine it is searched on.
            target: Device string.
            inputs: What the user gave as samples; empty if they are random.
            question: What the user wants to know.

        Raises:
            StorageError: The file is not a study, cannot be written, or belongs to another search.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._path = path
        self._earlier: Result | None = None
        with self._translated():
            self._storage = _created(path)
            owner = {
                **_owner(model, host, target),
                "inputs": inputs,
                "question": question.key,
                "study format": FORMAT,
            }
            self._refuse_other_owners(owner)
            name = f"{model.name} on {target}"
            self._study = optuna.create_study(
                storage=self._storage, study_name=name, direction="maximize", load_if_exists=True
            )
            self._study.set_user_attr("owner", owner)

    def trials(self) -> list[Trial]:
        """Return every trial saved so far, in order."""
        with self._translated():
            return trials_of(self._study, self._storage)

    def save(self, trial: Trial) -> None:
        """Add a trial that ended, in a single transaction: an interruption cannot keep half of it."""
        with self._translated():
            self._study.add_trial(row(trial))

    def begin(self, setting: Setting) -> None:
        """Keep what is searched; of earlier runs' answers only what a whole final proves.

        The answer that proves most and is allowed now may outlast this run. The others are set aside, the
        latest of each bounds, for a run in which they are allowed again.
        """
        with self._translated():
            answers = (*set_aside(self._study), answer_of(self._study))
            proven = [answer for answer in answers if answer and is_proven(answer)]
            allowed = [answer for answer in proven if may_stand(answer, setting)]
            self._earlier = reduce(stronger, allowed) if allowed else None
            others = {answer.setting.bounds: answer for answer in proven if answer is not self._earlier}
            self._study.set_user_attr("set aside", [recorded_answer(answer) for answer in others.values()])
            self._study.set_user_attr("setting", recorded(setting))
            if self._earlier:
                going_on = from_earlier_run(self._earlier.outcome, NOT_ENDED)
                self._keep(going_on, self._earlier.final)
            else:
                self._study.set_user_attr("outcome", None)

    def standing(self, result: Result) -> Result:
        """Return the result of a run, with the answer of an earlier run if that is better supported."""
        return better_supported(self._earlier, result) if self._earlier else result

    def finish(self, result: Result) -> None:
        """Keep the answer."""
        with self._translated():
            self._keep(result.outcome, result.final)

    def _keep(self, outcome: Outcome, final: Final | None) -> None:
        """Write an outcome with its final, at once: if the program is killed, they still belong together."""
        answer = {**recorded(outcome), "final": recorded(final) if final else None}
        self._study.set_user_attr("outcome", answer)

    def take_over(self, trials: Iterable[Trial], answers: Iterable[Result]) -> None:
        """Add what others found in the same study; their answers are set aside for `begin`."""
        with self._translated():
            for number, trial in enumerate(trials, start=len(trials_of(self._study, self._storage))):
                self._study.add_trial(row(replace(trial, number=number)))
            kept = set_aside(self._study)
            finals = [answer.final for answer in (*kept, answer_of(self._study)) if answer]
            kept += [answer for answer in answers if is_proven(answer) and answer.final not in finals]
            self._study.set_user_attr("set aside", [recorded_answer(answer) for answer in kept])

    def closing_notices(self) -> list[Notice]:
        """Return, and tell, what of the study could not be kept: nothing, where it is a file."""
        return []

    def close(self) -> None:
        """Close the file."""
        self._storage.remove_session()

    def _refuse_other_owners(self, owner: dict[str, str]) -> None:
        """Check that every study in the file is of this model on this host.

        One that is empty belongs to nobody: a run was killed, or found the disk full, when it began it.
        """
        for study in self._storage.get_all_studies():
            held = study.user_attrs.get("owner")
            if not study.user_attrs and not self._storage.get_n_trials(study._study_id):
                continue
            if not isinstance(held, Mapping):
                raise StorageError(
                    f"'{self._path}' holds a study that this program did not write ({study.study_name}); "
                    "choose another directory with output=."
                )
            unsaid = {name: owner[name] for name in ("cpuset", "devices") if name in owner}
            held = {**BEFORE_THERE_WERE_OTHERS, **unsaid, **held}
            differing = [key for key, value in owner.items() if held.get(key) != value]
            if differing:
                differences = "; ".join(
                    f"{key} was '{held.get(key, 'unknown')}', is '{owner[key]}'" for key in differing
                )
                raise StorageError(
                    f"'{self._path}' belongs to another search ({differences}); "
                    "choose another directory with output=."
                )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn whatever the storage raises into a StorageError of one sentence."""
        try:
            yield
        except STORAGE_FAILURES as error:
            raise StorageError(
                f"'{self._path}' cannot be used as a study ({first_cause(error)}); "
                "what was saved stays there: move it away, or choose another directory with output=."
            ) from error


def _created(path: Path) -> optuna.storages.RDBStorage:
    """Return the storage in a file; its tables are created if they are not there.

    Where another process creates them at the same moment, one of both fails, and finds them later.
    """
    for _ in range(CREATIONS):
        try:
            return sqlite_storage(lambda: sqlite3.connect(path))
        except (SQLAlchemyError, OptunaError) as error:
            if not re.search(r"already exists|UNIQUE constraint failed: alembic_version", str(root(error))):
                raise
            time.sleep(CREATING_S)
    return sqlite_storage(lambda: sqlite3.connect(path))


def sqlite_storage(
    connect: Callable[[], sqlite3.Connection], skip_table_creation: bool = False
) -> optuna.storages.RDBStorage:
    """Return Optuna's storage over SQLite; not by a URL, whose path may not hold '?', '#' or '%'."""
    return optuna.storages.RDBStorage(
        "sqlite://",
        engine_kwargs={"creator": connect, "poolclass": NullPool},
        skip_table_creation=skip_table_creation,
    )


NO_QUOTA, ALL_CORES = "none", "all cores"

BEFORE_THERE_WERE_OTHERS = {"question": THROUGHPUT.key, "quota": NO_QUOTA, "cpuset": ALL_CORES}
"""What the owner of an early study does not say."""


def _owner(model: Model, host: Host, target: str) -> dict[str, str]:
    further = {
        name: model_name
        for name, model_name in sorted(host.devices.items())
        if name != "CPU" and re.search(rf"\b{re.escape(name)}\b", target)
    }
    shapes = " ".join(f"{each.name}{list(each.shape)}" for each in model.inputs)
    return {
        "model": f"{model.sha256[:16]}",
        "shapes": shapes,
        "cpu": f"{host.cpu}, {host.cores} cores",
        "quota": f"{host.quota:g} cores" if host.quota else NO_QUOTA,
        "cpuset": ",".join(map(str, host.cpuset)) or ALL_CORES,
        "openvino": host.openvino,
        **({"devices": "; ".join(f"{name}: {each}" for name, each in further.items())} if further else {}),
    }
