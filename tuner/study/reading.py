"""A saved study as a result, whether its search has ended, runs, or was cut short."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from tuner.domain.history import History, unfinished
from tuner.domain.result import Outcome, Result, Setting
from tuner.domain.trial import Final, Trial
from tuner.errors import StorageError
from tuner.study.importance import importance
from tuner.study.storage import STUDY_NAME, TROUBLE, attribute, trials_of

UNFINISHED = "the search has not ended; run the same command again"

SECRET_FROM = r"[@?#;:=].*"
"""Where a name that is no file and no URL may begin to be a mistyped URL's password or options."""

PATIENCE: Mapping[str, Mapping[str, Any]] = {
    "psycopg2": {"connect_timeout": 10},
    "psycopg": {"connect_timeout": 10},
    "pg8000": {"timeout": 60},
    "mysqldb": {"connect_timeout": 10, "read_timeout": 20},
    "pymysql": {"connect_timeout": 10, "read_timeout": 20},
}
"""Seconds after which a driver gives a silent server up."""


def read_results(where: str) -> list[Result]:
    """Return the result of every search that a storage holds; what other programs keep there is left out.

    Args:
        where: A folder that a search wrote to, its `study.db`, or a URL that Optuna takes as a storage.

    Raises:
        StorageError: There is no storage, or no search in it.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = _storage(where)
    try:
        kept = [one for one in storage.get_all_studies() if _is_ours(one.user_attrs)]
        found = [_result(optuna.load_study(study_name=one.study_name, storage=storage)) for one in kept]
    except TROUBLE as error:
        sentence = f"'{shown(where)}' cannot be read as a study ({_reason(error, where)})."
        raise StorageError(sentence) from None
    finally:
        storage.remove_session()
    results = [one for one in found if one]
    if not results:
        raise StorageError(
            f"'{shown(where)}' holds no search with a trial; give a study that 'tuner search' wrote."
        )
    return results


def shown(where: str) -> str:
    """Return a storage's name without what may be secret in it.

    Of a URL that is the password and all options; what cannot be taken apart surely is hidden in whole.
    """
    path = study_file(where)
    if path is not None and (_is_there(path) or _is_there(Path(where))):
        return where.partition("?")[0] if "://" in where else where
    if "://" not in where:
        return re.sub(SECRET_FROM, "***", where, flags=re.S)
    try:
        url = make_url(where)
        user = r"[\w.~+@-]*" if url.password else r"[\w.~+-]*"
        parts = ((url.username, user), (url.host, r"[\w.~:-]*"), (url.database, r"[\w.~+/-]*"))
        if all(re.fullmatch(clean, part or "") for part, clean in parts):
            return url.set(query=dict.fromkeys(url.query, "***")).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        pass
    return f"{where.partition('://')[0]}://***"


def study_file(where: str) -> Path | None:
    """Return the file of a study, named by itself, its folder or a URL; None for one on a server."""
    if found := re.match(r"sqlite(?:\+\w+)?:///([^?]*)", where):
        return Path(found[1])
    if "://" in where:
        return None
    path = Path(where)
    return path / STUDY_NAME if _is_there(path) and path.is_dir() else path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no name that a file could have
        return False


def _storage(where: str) -> optuna.storages.RDBStorage:
    try:
        if (path := study_file(where)) is not None:
            return _file(path)
        limits = PATIENCE.get(make_url(where).get_driver_name(), {})
        return optuna.storages.RDBStorage(
            where, engine_kwargs={"connect_args": dict(limits)}, skip_table_creation=True
        )
    except (*TROUBLE, ImportError) as error:
        raise StorageError(
            f"'{shown(where)}' cannot be opened as a study ({_reason(error, where)}); "
            "give a folder that 'tuner search' wrote to, its study.db, or the URL of an Optuna storage."
        ) from None


def _file(path: Path) -> optuna.storages.RDBStorage:
    if path.name == STUDY_NAME and path.parent.is_dir() and not path.exists():
        raise FileNotFoundError(errno.ENOENT, f"No such file as {STUDY_NAME} in it")
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    path.open("rb").close()  # SQLite would say less of what is wrong
    # A search that was killed while it wrote left a journal, which only a writer may roll back.
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    return optuna.storages.RDBStorage(
        "sqlite://",
        engine_kwargs={
            "creator": lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True),
            "poolclass": NullPool,
        },
        skip_table_creation=True,
    )


def _reason(error: BaseException, where: str) -> str:
    """Return what went wrong first, in a line; a server's words may hold secrets, so only their kind."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, ModuleNotFoundError):
        return f"it needs the Python package {error.name}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    kind = type(error).__name__
    if "://" in where and not where.startswith("sqlite"):
        return kind
    return str(error).splitlines()[0] if str(error) else kind


def _is_ours(attributes: Mapping[str, Any]) -> bool:
    owner, setting = attributes.get("owner"), attributes.get("setting")
    return isinstance(owner, Mapping) and "openvino" in owner and isinstance(setting, Mapping)


def _result(study: optuna.Study) -> Result | None:
    """Return what a search left; None for one without a trial."""
    setting, outcome = attribute(study, "setting", Setting), attribute(study, "outcome", Outcome)
    trials = trials_of(study)
    if setting is None or not trials:
        return None
    if outcome is None:
        return Result(setting, _unfinished(setting, trials), trials, None)
    return Result(setting, outcome, trials, attribute(study, "final", Final))


def _unfinished(setting: Setting, trials: Sequence[Trial]) -> Outcome:
    """Return what is known of a search that runs, or that was killed."""
    run = replace(setting.run, trials=len(trials), seconds=max(_ends(trials), default=0.0))
    known = unfinished(History(trials), setting.model.batch, UNFINISHED)
    return replace(known, run=run, importance=importance(trials))


def _ends(trials: Sequence[Trial]) -> Iterator[float]:
    return (trial.rounds[-1].at_s for trial in trials if trial.rounds)
