"""`tuner push`: studies in files are copied to a database server."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.study import pushing
from tuner.study.pushing import Pushed


def push(studies: Sequence[str], storage: str) -> list[Pushed]:
    """Copy the studies of searches to a server, for a team and for dashboards.

    What is there already is not copied again. Of two answers the better supported one stands.

    Args:
        studies: Folders that searches wrote to, or their `study.db`.
        storage: URL of a PostgreSQL or MySQL database, or `env:NAME` with the environment variable that
            holds it.

    Returns:
        What was copied, a line for each search.

    Raises:
        UsageError: `storage` is not the URL of a server.
        StorageError: A study cannot be read, or the server cannot be used.
    """
    return [pushed for where in studies for pushed in pushing.push(where, storage)]
