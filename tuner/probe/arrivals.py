"""Reads recorded arrival times."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tuner.domain.load import Load, recorded_load
from tuner.domain.units import arrival_times_of
from tuner.errors import UsageError, first_cause
from tuner.probe.plain_files import read_plain

MOST_BYTES = 1 << 26
"""The largest recording that is read: some millions of arrivals."""


def read_arrivals(path: str | os.PathLike[str]) -> Load:
    """Return the load that is recorded in a file: seconds in order, one a line, after a header or none.

    Raises:
        UsageError: It cannot be read, is too large, or holds something else.
    """
    name = os.fspath(path)
    try:
        content = read_plain(Path(path), MOST_BYTES)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"arrivals='{name}' cannot be read ({first_cause(error)}); "
            "give a text file with arrival times in seconds, one a line."
        ) from error
    if len(content) > MOST_BYTES:
        raise UsageError(
            f"arrivals='{name}' is larger than {MOST_BYTES >> 20} MiB; give a shorter recording."
        )
    times = arrival_times_of(content.decode("utf-8-sig", errors="replace"), name)
    return recorded_load(times, name, hashlib.sha256(content).hexdigest())
