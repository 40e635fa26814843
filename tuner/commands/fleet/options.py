"""The options of a plan as `tuner.search` takes them: each is read by itself, so all errors are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.commands.asked import bounds_of
from tuner.domain.limit_words import limits_of
from tuner.domain.precision import error_of, precisions_of
from tuner.domain.space import HINT
from tuner.domain.steps import powers_of_two, stream_counts
from tuner.domain.units import arrival_rate_of, copies_of, cores_of, counts_of, cpuset_of, seconds_of
from tuner.errors import StorageError, UsageError
from tuner.measure.neighbour import command_of
from tuner.probe.arrivals import read_arrivals
from tuner.study.opening import shown
from tuner.study.server import require_server


def _check_storage(storage: str) -> None:
    """Refuse what is no server, and a URL that others must not see: a plan is a file that a team shares.

    Raises:
        UsageError: It is none, or it has a password, or may have one.
    """
    if shown(storage) != storage:
        raise UsageError(
            f"storage={shown(storage)!r} holds a password, or options that may be one; put the URL into an "
            "environment variable and give env:NAME, with the name of the variable."
        )
    try:
        require_server(storage)
    except StorageError as error:
        raise UsageError(str(error)) from error


CHECKS: Mapping[str, Callable[[Any], object]] = {
    "budget": seconds_of,
    "up_to": lambda value: seconds_of(value, "up_to"),
    "precision": precisions_of,
    "max_error": error_of,
    "max_latency": lambda value: limits_of(max_latency=value),
    "max_memory": lambda value: limits_of(max_memory=value),
    "min_throughput": lambda value: limits_of(min_throughput=value),
    "rate": arrival_rate_of,
    "copies": copies_of,
    "beside": command_of,
    "cpus": cores_of,
    "cpuset": cpuset_of,
    "storage": _check_storage,
}
"""What refuses a value of an option, by the option; the record's types refuse those of the others."""


def option(name: str, value: Any, folder: Path) -> Any:
    """Return the value of an option as `tuner.search` takes it; files are looked for from `folder` on.

    Raises:
        UsageError: It is no such value, or a file is not there.
    """
    if name in CHECKS:
        CHECKS[name](value)
    if name in {"batch", "requests"}:
        return _counts(name, value, None, powers_of_two)
    if name == "streams":
        return _counts(name, value, HINT, stream_counts)
    if name == "inputs":
        return {each: _there(f"the samples of '{each}'", path, folder) for each, path in value.items()}
    if name == "plugins":
        return _there("the plugins XML", value, folder)
    if name == "arrivals":
        path = str(folder / value)
        read_arrivals(path)
        return path
    return value


def _counts(
    name: str, value: Any, word: str | None, steps: Callable[[int], Sequence[int]]
) -> list[int | str]:
    """Return counts as a list: of a number, a list, or the command line's `1,2,8` and `1-64`."""
    counts = counts_of(value, name, word, steps) if isinstance(value, str) else value
    found = [counts] if isinstance(counts, int) else list(counts)
    bounds_of(
        found if name == "streams" else None,
        found if name == "batch" else None,
        found if name == "requests" else None,
    )
    return found


def _there(what: str, path: str, folder: Path) -> str:
    found = folder / path
    try:
        is_there = found.exists()
    except (OSError, ValueError):  # no file can have such a path
        is_there = False
    if not is_there:
        raise UsageError(f"'{found}', {what}, is not there; give a path that is.")
    return str(found)
