"""A saved study as a result, whether its search has ended, runs, or was cut short."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, unquote_plus

import optuna
from sqlalchemy.pool import NullPool

from tuner.domain.result import Final, Result, Trial, standings
from tuner.domain.target import target_of
from tuner.errors import StorageError
from tuner.study.history import History
from tuner.study.importance import importance
from tuner.study.search import STUDY_NAME
from tuner.study.storage import TROUBLE, Outcome, Setting, attribute, trials_of
from tuner.study.trials import as_finalist, so_far

UNFINISHED = "the search has not ended; run the same command again"


def read_results(where: str) -> list[Result]:
    """Return the result of every search that a storage holds.

    Args:
        where: A folder that a search wrote to, its `study.db`, or the URL of an Optuna storage.

    Raises:
        StorageError: There is no storage, or no search in it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _storage(where)
    try:
        names = [one.study_name for one in storage.get_all_studies() if "setting" in one.user_attrs]
        studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
        found = [(one, trials_of(one)) for one in studies]
        results = [_result(one, trials) for one, trials in found if trials]
    except TROUBLE as error:
        sentence = f"'{where}' cannot be read as a study ({_first_line(error)})."
        raise StorageError(shown(where, sentence)) from None
    finally:
        storage.remove_session()
    if not results:
        sentence = f"'{where}' holds no search with a trial; give a study that 'tuner search' wrote."
        raise StorageError(shown(where, sentence))
    return results


def shown(where: str, text: str | None = None) -> str:
    """Return a storage's name, or a text that may hold it, without the password of a URL."""
    secrets = [found[1] for found in re.finditer(r"://[^:/@]*:(.*)@", where)]
    secrets += [found[1] for found in re.finditer(r"[?&]\w*(?:password|passwd|pwd)\w*=([^&]+)", where, re.I)]
    told = where if text is None else text
    for secret in filter(None, secrets):
        for form in {secret, unquote(secret), unquote_plus(secret)}:
            told = told.replace(form, "***")
    return told


def study_file(where: str) -> Path:
    """Return the file of a study that is named by itself or by the folder that a search wrote to."""
    path = Path(where)
    return path / STUDY_NAME if path.is_dir() else path


def _storage(where: str) -> optuna.storages.RDBStorage:
    try:
        if "://" in where:
            return optuna.storages.RDBStorage(where, skip_table_creation=True)
        path = study_file(where)
        path.open("rb").close()
        return optuna.storages.RDBStorage(
            "sqlite://",
            engine_kwargs={
                "creator": lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True),
                "poolclass": NullPool,
            },
            skip_table_creation=True,
        )
    except (*TROUBLE, ImportError) as error:
        sentence = (
            f"'{where}' cannot be opened as a study ({_first_line(error)}); "
            "give a folder that 'tuner search' wrote to, its study.db, or the URL of an Optuna storage."
        )
        raise StorageError(shown(where, sentence)) from None


def _result(study: optuna.Study, trials: Sequence[Trial]) -> Result:
    setting, outcome = attribute(study, "setting", Setting), attribute(study, "outcome", Outcome)
    assert setting is not None
    final = attribute(study, "final", Final)
    told = outcome or _unfinished(setting, trials)
    finalists = final.finalists if final and outcome else ()
    targets = [target_of(one) for one in setting.targets]
    return Result(
        model=setting.model,
        host=setting.host,
        baseline=told.baseline,
        trials=trials,
        final=final if outcome else None,
        verdict=told.verdict,
        drop_in=told.drop_in,
        warnings=told.warnings,
        run=told.run,
        points=told.points,
        covered=told.covered,
        interrupted=told.interrupted,
        targets=standings(trials, targets, told.verdict.best, finalists),
        importance=told.importance,
    )


def _unfinished(setting: Setting, trials: Sequence[Trial]) -> Outcome:
    """Return what is known of a search that runs, or that was killed."""
    verdict, drop_in = so_far(History(trials), trials[0], setting.model.batch, UNFINISHED)
    return Outcome(
        baseline=as_finalist(trials[0]),
        verdict=verdict,
        drop_in=drop_in,
        warnings=(),
        run=setting.run,
        points=0,
        covered=0,
        interrupted=True,
        importance=importance(trials),
    )


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
