"""Opens a storage that a user names by a folder, a file, a URL or an environment variable."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sqlite3
import stat
import time
from pathlib import Path

import optuna
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError

from tuner.errors import StorageError, first_cause, root
from tuner.study.server import (
    FROM_ENVIRONMENT,
    PATIENCE,
    as_optuna_takes,
    missing,
    refusal,
    require_server,
    resolved,
    with_driver,
)
from tuner.study.storage import CREATING_S, STORAGE_FAILURES, STUDY_NAME, sqlite_storage

SECRET_FROM = r"[@?#;:=].*"
"""What to hide of a name that is neither a file nor a URL: it may be a mistyped URL with a password."""

CREATIONS = 5
"""How often tables are created on a server, where others create them at the same moment."""


def shown(where: str) -> str:
    """Return a storage's name without secrets.

    In a URL these are the password and all options; if a URL cannot be parsed for sure, all of it is hidden.
    """
    if FROM_ENVIRONMENT.fullmatch(where):
        return where
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
            hidden = url.set(query=dict.fromkeys(url.query, "***")).render_as_string(hide_password=True)
            return hidden.replace("%2A%2A%2A", "***")
    except (ArgumentError, ValueError):
        pass
    return f"{where.partition('://')[0]}://***"


def without_secrets(text: str, where: str) -> str:
    """Return a text, such as a command, with a storage's name in it as it may be shown."""
    if not where:
        return text
    return text.replace(shlex.quote(where), shlex.quote(shown(where))).replace(where, shown(where))


def study_file(where: str) -> Path | None:
    """Return the file of a study, named by itself, its folder or a URL; None for a database server."""
    where = resolved(where)
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
    """Return the storage at a folder, a file, a URL or an `env:NAME`; none is created.

    Raises:
        StorageError: There is none, or it cannot be opened.
    """
    try:
        if (path := study_file(where)) is not None:
            return _sqlite(path)
        url = with_driver(make_url(resolved(where)))
        limits = PATIENCE.get(url.get_driver_name(), {})
        return optuna.storages.RDBStorage(
            as_optuna_takes(url), engine_kwargs={"connect_args": dict(limits)}, skip_table_creation=True
        )
    except (*STORAGE_FAILURES, ImportError) as error:
        raise StorageError(
            f"'{shown(where)}' cannot be opened as a study ({cause(error, where)}); "
            "give a folder that 'tuner search' wrote to, its study.db, or the URL of an Optuna storage."
        ) from None


def open_server(where: str) -> optuna.storages.RDBStorage:
    """Return the storage on a database server, to write to; its tables are created if they are not there.

    Raises:
        UsageError: It is not the URL of a server that a search writes to.
        StorageError: The server is not there, does not let the user in, or has no room for the tables.
    """
    try:
        url = require_server(where)
        limits = dict(PATIENCE.get(url.get_driver_name(), {}))
        for left in reversed(range(CREATIONS)):
            try:
                return optuna.storages.RDBStorage(
                    as_optuna_takes(url), engine_kwargs={"connect_args": limits, "pool_pre_ping": True}
                )
            except (IntegrityError, ProgrammingError):  # another creates the tables at the same moment
                if not left:
                    raise
                time.sleep(CREATING_S)
    except (*STORAGE_FAILURES, ImportError) as error:
        raise unusable(where, error) from None
    raise AssertionError("not reached")


def require_usable(where: str) -> None:
    """Make sure that studies can be kept on a server.

    Raises:
        UsageError: It is not the URL of a server that a search writes to.
        StorageError: The server is not there, does not let the user in, or has no room for the tables.
    """
    storage = open_server(where)
    storage.remove_session()
    storage.engine.dispose()


def unusable(where: str, error: BaseException) -> StorageError:
    """Return in a sentence that a server cannot keep studies, and why."""
    return StorageError(
        f"'{shown(where)}' cannot be used as a storage ({cause(error, where)}); mend that, and run it again."
    )


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
    """Return an error's first cause in a line; for a server in our words, as its own may hold secrets."""
    if "://" in (text := resolved(where)) and not text.startswith("sqlite"):
        return refusal(error)
    first = root(error)
    return missing(first) if isinstance(first, ModuleNotFoundError) else first_cause(first)
