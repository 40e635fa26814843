"""Opens a storage that a user names by a folder, a file or a URL, for reading only."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tuner.errors import StorageError, first_cause, root
from tuner.study.storage import STORAGE_FAILURES, STUDY_NAME, sqlite_storage

SECRET_FROM = r"[@?#;:=].*"
"""What to hide of a name that is neither a file nor a URL: it may be a mistyped URL with a password."""

PATIENCE: Mapping[str, Mapping[str, Any]] = {
    "psycopg2": {"connect_timeout": 10},
    "psycopg": {"connect_timeout": 10},
    "pg8000": {"timeout": 60},
    "mysqldb": {"connect_timeout": 10, "read_timeout": 20},
    "pymysql": {"connect_timeout": 10, "read_timeout": 20},
}
"""Seconds after which each database driver gives up on a silent server."""


def shown(where: str) -> str:
    """Return a storage's name without secrets.

    In a URL these are the password and all options; if a URL cannot be parsed for sure, all of it is hidden.
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
    """Return the file of a study, named by itself, its folder or a URL; None for a database server."""
    if found := re.match(r"sqlite(?:\+\w+)?:///([^?]*)", where):
        return Path(found[1])
    if "://" in where:
        return None
    path = Path(where)
    return path / STUDY_NAME if _is_there(path) and path.is_dir() else path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # no file can have this name
        return False


def open_storage(where: str) -> optuna.storages.RDBStorage:
    """Return the storage at a folder, a file or a URL; none is created.

    Raises:
        StorageError: There is none, or it cannot be opened.
    """
    try:
        if (path := study_file(where)) is not None:
            return _sqlite(path)
        limits = PATIENCE.get(make_url(where).get_driver_name(), {})
        return optuna.storages.RDBStorage(
            where, engine_kwargs={"connect_args": dict(limits)}, skip_table_creation=True
        )
    except (*STORAGE_FAILURES, ImportError) as error:
        raise StorageError(
            f"'{shown(where)}' cannot be opened as a study ({cause(error, where)}); "
            "give a folder that 'tuner search' wrote to, its study.db, or the URL of an Optuna storage."
        ) from None


def _sqlite(path: Path) -> optuna.storages.RDBStorage:
    if path.name == STUDY_NAME and path.parent.is_dir() and not path.exists():
        raise FileNotFoundError(errno.ENOENT, f"There is no {STUDY_NAME} in it")
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    path.open("rb").close()  # its error says more than SQLite's
    # A search that was killed while it wrote has left a journal; only a writer may roll it back.
    mode = "rw" if os.access(path, os.W_OK) else "ro"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite_storage(lambda: sqlite3.connect(address, uri=True), skip_table_creation=True)


def cause(error: BaseException, where: str) -> str:
    """Return an error's first cause in a line; for a server only its kind, as its text may hold secrets."""
    first = root(error)
    if isinstance(first, ModuleNotFoundError):
        return f"it needs the Python package {first.name}"
    harmless = isinstance(first, OSError) and first.strerror
    secret = "://" in where and not where.startswith("sqlite")
    return type(first).__name__ if secret and not harmless else first_cause(first)
