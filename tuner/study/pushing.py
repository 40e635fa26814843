"""Copies studies to a database server, those in files that a search could not write there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import optuna

from tuner.domain.trial import Trial
from tuner.errors import StorageError
from tuner.study.opening import cause, open_storage, shown
from tuner.study.reading import is_ours
from tuner.study.records import FORMAT
from tuner.study.rows import trials_of
from tuner.study.shared import SharedStudy, as_waiting, kept_in
from tuner.study.storage import STORAGE_FAILURES


@dataclass(frozen=True, slots=True)
class Pushed:
    """A study that is on a server now.

    Attributes:
        where: The study that was copied.
        name: Its name on the server.
        trials: How many trials it has.
        added: How many of them were not there.
    """

    where: str
    name: str
    trials: int
    added: int


def push(where: str, to: str) -> list[Pushed]:
    """Copy every search in a storage to a server; what is there is not copied again.

    Args:
        where: A folder that a search wrote to, its `study.db`, or a URL.
        to: URL of the server, or `env:NAME`.

    Raises:
        UsageError: `to` is not the URL of a server.
        StorageError: One of both cannot be used, or holds no search.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(where)
    try:
        names = [study.study_name for study in storage.get_all_studies() if is_ours(study.user_attrs)]
        studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
        pushed = [_pushed(where, study, trials_of(study, storage), to) for study in studies]
    except STORAGE_FAILURES as error:
        sentence = f"'{shown(where)}' cannot be read as a study ({cause(error, where)})."
        raise StorageError(sentence) from None
    finally:
        storage.remove_session()
        storage.engine.dispose()
    if not pushed:
        raise StorageError(f"'{shown(where)}' holds no search; give a study that 'tuner search' wrote.")
    return pushed


def _pushed(where: str, study: optuna.Study, trials: list[Trial], to: str) -> Pushed:
    owner, kept = study.user_attrs["owner"], kept_in(study)
    if owner.get("study format") != FORMAT:
        raise StorageError(
            f"'{shown(where)}' was written by an earlier version, whose studies can be reported but not "
            "copied; search again with another output=."
        )
    rows = as_waiting(trials)
    try:
        shared = SharedStudy(to, study.study_name, owner)
        try:
            added = shared.add(rows, math.inf)
            if kept:
                shared.keep(kept)
        finally:
            shared.close()
    except STORAGE_FAILURES as error:
        raise StorageError(
            f"'{shown(to)}' has not taken all of '{shown(where)}' ({cause(error, to)}); run the same command "
            "again: what is there is not copied twice."
        ) from None
    return Pushed(where, shared.name, len(trials), added)
