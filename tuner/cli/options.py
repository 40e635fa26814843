"""The options of the commands, and those that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tuner.cli import spelling
from tuner.domain.objectives import OBJECTIVES
from tuner.domain.units import GREATEST_SEED, MOST_NICE

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
    "--input", "inputs", type=spelling.NAMED_FILE, multiple=True, metavar="NAME=FILE|DIR",
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

DEVICE = click.option(
    "--device",
    multiple=True,
    metavar="DEVICE",
    help="What to search; may be repeated: CPU, GPU.1, MULTI:GPU,CPU, AUTO:GPU,CPU.  [default: all]",
)
BATCHING = click.option(
    "--batching",
    type=click.Choice(["explicit", "auto", "both"]),
    default="explicit",
    show_default=True,
    help="What puts items together into a batch: the application (explicit), OpenVINO (auto), or try both.",
)
BUDGET = click.option(
    "--budget",
    type=spelling.DURATION,
    default="60s",
    show_default=True,
    help="Time for the whole search: 90s, 5m.",
)
UP_TO = click.option(
    "--up-to", type=spelling.LONGER, help="More time, spent only while the answer is open: 5m."
)
STREAMS = click.option(
    "--streams",
    type=spelling.STREAMS,
    metavar="COUNTS",
    help="Streams to search: a list like 1,2,4,hint, or a range like 1-8, of which even shares are tried.",
)
BATCH = click.option(
    "--batch",
    type=spelling.BATCHES,
    metavar="COUNTS",
    help="Batches to search: a list like 1,8,32, or a range like 1-64, of which powers of two are tried.",
)
REQUESTS = click.option(
    "--requests",
    type=spelling.REQUESTS,
    metavar="COUNTS",
    help="Infer requests to search: a list like 2,4,6, or a range like 2-16, as for --batch.",
)


def of_a_space(command: Any) -> Any:
    """Add the options that say what to search, and for how long."""
    for add in (REQUESTS, BATCH, STREAMS, UP_TO, BUDGET, BATCHING, PLUGINS, DEVICE):
        command = add(command)
    return command


SHAPE = click.option(
    "--shape",
    "shapes",
    type=spelling.SHAPES,
    multiple=True,
    callback=spelling.merged,
    metavar="NAME[1,3,224,224]",
    help="Shapes of dynamic inputs.",
)
OUTPUT = click.option(
    "--output", type=click.Path(path_type=Path), help="Directory to write to.  [default: reports/<model>]"
)


def of_samples(command: Any) -> Any:
    """Add the options that say what is inferred."""
    return INPUT(SHAPE(command))


PRECISION = click.option(
    "--precision",
    type=spelling.PRECISIONS,
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
    type=spelling.COPIES_LIST,
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
    type=spelling.CORES,
    metavar="CORES",
    help="CPU time as a container has it with this option: 1.5 makes a control group for the search.",
)
CPUSET = click.option(
    "--cpuset", type=spelling.CORE_LIST, metavar="LIST", help="Cores as a container has them: 0-1, 0,2,4."
)
STORAGE = click.option(
    "--storage",
    type=spelling.STORAGE_URL,
    metavar="URL",
    help="PostgreSQL or MySQL database that keeps a copy of the study, for a team; env:NAME reads "
    "the URL from the environment.",
)
PUSH_TO = click.option(
    "--storage",
    type=spelling.STORAGE_URL,
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
