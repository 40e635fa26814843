"""Option types: turn what a user writes into what the library takes, or into one clear sentence."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tuner.domain.objectives import OBJECTIVES
from tuner.domain.precision import precisions_of
from tuner.domain.steps import stream_counts
from tuner.domain.units import (
    GREATEST_SEED,
    MOST_NICE,
    copies_of,
    cores_of,
    counts_of,
    cpuset_of,
    seconds_of,
    shapes_of,
)
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

MODEL_ELSEWHERE = click.option(
    "--model", type=click.Path(path_type=Path), help="Path of the model, if it has moved since the search."
)
PLUGINS = click.option(
    "--plugins",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="OpenVINO plugins XML file with further devices.",
)
INPUT = click.option(
    "--input", "inputs", type=NAMED_FILE, multiple=True, metavar="NAME=FILE|DIR",
    help="Samples of an input: a .npy file, an image, or a directory of them.",
)  # fmt: skip
QUIET = click.option("-q", "--quiet", is_flag=True, help="Show only the answer.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
SEED = click.option(
    "--seed",
    type=click.IntRange(0, GREATEST_SEED),
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
VERBOSE = click.option(
    "-v", "--verbose", is_flag=True, help="Show effective settings, latency and memory of each trial."
)
TRIALS = click.option("--trials", type=click.IntRange(min=1), help="Configurations to try at most.")


PRECISION = click.option(
    "--precision",
    type=PRECISIONS,
    is_flag=False,
    flag_value="all",
    metavar="[LIST]",
    help="Search precisions: a list of f32, bf16, f16 and hint (the hint's own); without a list all that a "
    "device has. Outputs are compared with those in f32.",
)
MAX_ERROR = click.option(
    "--max-error",
    metavar="SHARE",
    help="With --precision: the greatest difference from f32, of the largest value: 1%, 0.01.  "
    "[default: what rounding explains]",
)
OBJECTIVE = click.option(
    "--objective",
    type=click.Choice(OBJECTIVES),
    default="throughput",
    show_default=True,
    help="What is to be gained: items per second, a short p99 latency for one caller, little CPU time, the "
    "front of throughput and p99 latency, or the highest rate of arrivals within --max-latency.",
)
MAX_LATENCY = click.option(
    "--max-latency",
    multiple=True,
    metavar="[P:]DURATION",
    help="Greatest p99 latency of a request: 20ms; or of another percentile: p50:5ms, p90:, p99.9:. "
    "May be repeated.",
)
MAX_MEMORY = click.option(
    "--max-memory", metavar="SIZE", help="Greatest memory of the process: 2GiB, 500MiB."
)
MIN_THROUGHPUT = click.option("--min-throughput", metavar="RATE", help="Least items per second: 500.")
RATE = click.option(
    "--rate",
    metavar="RATE",
    help="Items per second that arrive at random, for --objective latency or cpu: 200. Latency then counts "
    "from the arrival.",
)
ARRIVALS = click.option(
    "--arrivals",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Recorded arrival times instead of --rate: a text file with seconds, one a line.",
)
RECORDING = click.option(
    "--arrivals",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The recording of arrivals that the advice was measured with, if it has moved.",
)


COPIES = click.option(
    "--copies",
    type=COPIES_LIST,
    metavar="COUNTS",
    help="Processes that run a configuration side by side, judged by their sum: 2; or 1-4, which asks how "
    "many are best.",
)


BESIDE = click.option(
    "--beside",
    metavar="COMMAND",
    help="Another program that runs at the same time, started and ended by the search.",
)


NICE = click.option(
    "--nice",
    type=click.IntRange(0, MOST_NICE),
    default=0,
    show_default=True,
    help="By how much what is measured gives way to other programs, as the command nice does.",
)
BESIDE_AGAIN = click.option(
    "--beside",
    metavar="COMMAND",
    help="The other program that ran when the advice was measured, to start it.",
)


def of_a_question(command: Any) -> Any:
    """Add the options that say what is to be gained, within which limits, under which load."""
    for add in (
        NICE,
        BESIDE,
        COPIES,
        MAX_ERROR,
        PRECISION,
        ARRIVALS,
        RATE,
        MIN_THROUGHPUT,
        MAX_MEMORY,
        MAX_LATENCY,
        OBJECTIVE,
    ):
        command = add(command)
    return command


CPUS = click.option(
    "--cpus",
    type=CORES,
    metavar="CORES",
    help="CPU time as a container has it with this option: 1.5 makes a control group for the search.",
)
CPUSET = click.option(
    "--cpuset", type=CORE_LIST, metavar="LIST", help="Cores as a container has them: 0-1, 0,2,4."
)


STORAGE_URL = Parsed("url", storage_of)
STORAGE = click.option(
    "--storage",
    type=STORAGE_URL,
    metavar="URL",
    help="PostgreSQL or MySQL database that keeps a copy of the study, for a team; env:NAME reads "
    "the URL from the environment.",
)


PUSH_TO = click.option(
    "--storage",
    type=STORAGE_URL,
    required=True,
    metavar="URL",
    help="PostgreSQL or MySQL database to copy to; env:NAME reads the URL from the environment.",
)


def in_a_place(command: Any) -> Any:
    """Add the options that limit what is measured to a part of the host."""
    return CPUS(CPUSET(command))


RAY = click.option(
    "--ray",
    metavar="ADDRESS",
    help="Measure on the hosts of a Ray cluster: auto, ray://head:10001, or local, which starts one here.",
)
HOSTS = click.option(
    "--hosts", metavar="LABELS", help="With --ray: only nodes with these labels: kind=xeon,zone=a."
)
MIXED_HOSTS = click.option(
    "--mixed-hosts", is_flag=True, help="With --ray: search each kind of host that the cluster has."
)


def on_hosts(command: Any) -> Any:
    """Add the options that say on which hosts to measure."""
    return RAY(HOSTS(MIXED_HOSTS(command)))


def of_a_search(command: Any) -> Any:
    """Add the options that `search` and `demo` share."""
    for add in (VERBOSE, QUIET, JSON, SEED, TRIALS):
        command = add(command)
    return command


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
