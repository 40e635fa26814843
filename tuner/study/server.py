"""Database servers: their URLs, from the environment too, their drivers, and in words why they refuse."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from sqlalchemy.engine import URL, make_url

from tuner.errors import StorageError, UsageError, root

FROM_ENVIRONMENT = re.compile(r"env:([A-Za-z_]\w*)")
"""The name of a storage whose URL is in an environment variable: no password is in a list of processes."""

EXAMPLE = "postgresql://user@host/database"

DRIVERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "mysql": (("pymysql", "pymysql"), ("MySQLdb", "mysqldb")),
    "mariadb": (("pymysql", "pymysql"), ("MySQLdb", "mysqldb")),
}
"""By kind of server its Python packages, the preferred one first, with their names in a URL.

Which of them is SQLAlchemy's default depends on its version.
"""

EXTRA = "pip install 'openvino-tuner[storage]'"

PATIENCE: Mapping[str, Mapping[str, Any]] = {
    "psycopg2": {"connect_timeout": 10, "tcp_user_timeout": 10_000},
    "psycopg": {"connect_timeout": 10, "tcp_user_timeout": 10_000},
    "pg8000": {"timeout": 60},
    "mysqldb": {"connect_timeout": 10, "read_timeout": 20, "write_timeout": 20},
    "pymysql": {"connect_timeout": 10, "read_timeout": 20, "write_timeout": 20},
}
"""Seconds (`tcp_user_timeout`: ms) after which each database driver gives up on a silent server."""

REFUSALS: Mapping[str, str] = {
    "the user or the password is wrong": (
        r"authentication failed|no password supplied|role .* does not exist|Access denied for user .* \(using"
    ),
    "there is no such database": r"database .* does not exist|Unknown database",
    "it does not let this user or this host in": (
        r"pg_hba\.conf|not permitted to log in|not allowed to connect"
    ),
    "the user may not write there": r"permission denied|(command|Access) denied|read-only transaction",
    "its tables are of another version of Optuna": r"no longer compatible with the table schema",
    "nobody answers there": (
        r"refused|time(d )?out|translate host|resolve|Name or service|No such file|unreachable|Can't connect"
        r"|closed|terminat|connection (is|was) lost|Lost connection|connection is bad|starting up"
        r"|shutting down|too many (clients|connections)"
    ),
}
"""In our words what a server means; its own may hold secrets."""


def resolved(where: str) -> str:
    """Return a storage's name or URL, read from the environment where it is named `env:NAME`.

    Raises:
        StorageError: The variable is not set.
    """
    found = FROM_ENVIRONMENT.fullmatch(where)
    if found is None:
        return where
    if value := os.environ.get(found[1], "").strip():
        return value
    raise StorageError(
        f"'{where}' names an environment variable that is not set; set {found[1]} to the URL of a database, "
        f"such as {EXAMPLE}."
    )


def with_driver(url: URL) -> URL:
    """Return a URL with a driver that is installed, where it names none."""
    if url.drivername not in DRIVERS:
        return url
    known = DRIVERS[url.drivername]
    _, name = next((each for each in known if find_spec(each[0])), known[0])
    return url.set(drivername=f"{url.drivername}+{name}")


def as_optuna_takes(url: URL) -> str:
    """Return a URL as text for Optuna, which fills in what stands in braces."""
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def require_server(where: str) -> URL:
    """Return the URL of a database server that a search writes to.

    Raises:
        UsageError: It is not the URL of a PostgreSQL or MySQL server.
        StorageError: It is an environment variable that is not set.
    """
    text = resolved(where)
    if re.match(r"(postgresql|mysql|mariadb)(\+\w+)?://", text):
        return with_driver(make_url(text))
    named = f"What '{where}' holds" if text != where else "The value of storage="
    raise UsageError(
        f"{named} is not the URL of a PostgreSQL or MySQL server; give one like {EXAMPLE}, or env:NAME "
        "with the name of an environment variable that holds it."
    )


def refusal(error: BaseException) -> str:
    """Return in a line why a server did not do what it was asked, without a word of its own."""
    for each in _chain(error):
        if isinstance(each, ModuleNotFoundError):
            return missing(each)
        if isinstance(each, OSError) and each.strerror:
            return each.strerror
        for words, pattern in REFUSALS.items():
            if re.search(pattern, str(each), flags=re.I):
                return words
    return type(root(error)).__name__


def missing(error: ModuleNotFoundError) -> str:
    """Return in a line which Python package is needed, and how to get it."""
    drivers = {module for known in DRIVERS.values() for module, _ in known}
    how = f", which {EXTRA} installs" if error.name in drivers else ""
    return f"it needs the Python package {error.name}{how}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it comes from."""
    found: BaseException | None = error
    while found:
        yield found
        found = found.__cause__ or found.__context__
