"""How the command line spells what the library takes: values are read, parameters become options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.domain.precision import precisions_of
from tuner.domain.steps import stream_counts
from tuner.domain.units import copies_of, cores_of, counts_of, cpuset_of, seconds_of, shapes_of
from tuner.errors import UsageError


class Parsed(click.ParamType):  # type: ignore[type-arg]  # generic since Click 8.4
    """An option that a function of the library reads."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        """Read values with `read`; the user sees the sentence of its UsageError."""
        self.name, self._read = name, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a value."""
        return self._read(value) if isinstance(value, str) else value


def merged(
    _context: click.Context, _option: click.Parameter, given: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    """Join the values of a repeated option."""
    return {name: value for values in given for name, value in values.items()}


def named_file(text: str) -> tuple[str, Path]:
    """Read NAME=FILE."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UsageError(f"--input '{text}' is not of the form NAME=FILE; give for example image=photos/.")
    return name, Path(path)


def formats_of(text: str) -> tuple[str, ...]:
    """Read formats of a report, separated by commas."""
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in found:
        if name not in REPORT_FORMATS:
            raise UsageError(f"'{name}' in --format is unknown; the formats are {', '.join(REPORT_FORMATS)}.")
    return found


PASSWORD = re.compile(r"://.*:.*@|[?&;][^=]*(pass|pwd|secret|token)[^=]*=", re.I | re.S)


def storage_of(text: str) -> str:
    """Refuse a URL with a password: every user of the host reads the arguments of every process."""
    if PASSWORD.search(text):
        raise UsageError(
            "A URL with a password on the command line is seen by everybody on this host, in the list of "
            "processes; put it into an environment variable and give env:NAME, with the name of the variable."
        )
    return text


REPORT_FORMATS = ("html", "md", "csv", "json")

DURATION = Parsed("duration", seconds_of)
LONGER = Parsed("duration", lambda text: seconds_of(text, "up_to"))
SHAPES = Parsed("shape", shapes_of)
NAMED_FILE = Parsed("name=file", named_file)
STREAMS = Parsed("counts", lambda text: counts_of(text, "--streams", "hint", stream_counts))
BATCHES = Parsed("counts", lambda text: counts_of(text, "--batch"))
REQUESTS = Parsed("counts", lambda text: counts_of(text, "--requests"))
PRECISIONS = Parsed("precisions", precisions_of)
FORMATS = Parsed("formats", formats_of)
CORES = Parsed("cores", cores_of)
CORE_LIST = Parsed("cores", cpuset_of)
COPIES_LIST = Parsed("counts", copies_of)
STORAGE_URL = Parsed("url", storage_of)

OPTIONS = {
    **{name: f"--{name}" for name in (
        "device", "plugins", "batching", "budget", "trials", "streams", "batch", "requests", "precision",
        "output", "seed", "cpus", "cpuset", "copies", "beside", "nice", "ray", "hosts", "storage",
    )},
    "inputs": "--input",
    "shapes": "--shape",
    "min_ratio": "--min-ratio",
    "up_to": "--up-to",
    "objective": "--objective",
    "max_latency": "--max-latency",
    "max_memory": "--max-memory",
    "min_throughput": "--min-throughput",
    "max_error": "--max-error",
    "rate": "--rate",
    "arrivals": "--arrivals",
}  # fmt: skip
"""The option of each parameter of `tuner.search` and `tuner.verify`."""


def with_dashes(sentence: str) -> str:
    """Return a sentence of the library with options in place of parameters: `--budget` for `budget=`."""
    names = "|".join(OPTIONS)
    return re.sub(
        rf"(?<![\w'\"/.-])({names})=(\w|['\"\[])?",
        lambda found: OPTIONS[found[1]] + (f" {found[2]}" if found[2] else ""),
        re.sub(SHAPES_IN_PYTHON, _as_option, sentence),
    )


SHAPE_IN_PYTHON = r"'([^'{}]*)': \(([\d, ]*)\)"
SHAPES_IN_PYTHON = rf"(?<![\w'\"/.-])shapes=\{{(?:{SHAPE_IN_PYTHON}(?:, )?)+\}}"


def _as_option(found: re.Match[str]) -> str:
    """Return `shapes={'ids': (1, 8)}` as `--shape 'ids[1,8]'`."""
    shapes = re.findall(SHAPE_IN_PYTHON, found[0])
    text = ",".join(f"{name}[{sizes.replace(' ', '').rstrip(',')}]" for name, sizes in shapes)
    return f"{OPTIONS['shapes']} {shlex.quote(text)}"
