"""What a report shows, as data: renderers do no arithmetic and no choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tuner.domain.course import Moment, Stretch
from tuner.domain.limit import Limit
from tuner.domain.result import Result
from tuner.domain.sample import Probe
from tuner.domain.stats import Metric

OVER = "over a limit"
"""What came of a trial that breaks a limit, for people."""


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as a reader sees it."""

    number: int  # In the study, from 0
    configuration: str  # In short words
    device: str  # Device string
    streams: str  # Asked for: a number, `hint`, or each device's own
    batch: int  # Items in a request
    requests: int  # Infer requests in flight
    compiled: str  # What the device made of it, in words
    state: str  # `measured`, `pruned`, `duplicate`, `refused` or `failed`
    ratio: (
        float | None
    )  # Times as good as the hint; None, as are all further figures, where it was not measured
    low: float | None  # Lower end of its interval, None where there is none
    high: float | None  # Upper end, None where there is none
    rounds: int  # Played against the hint
    fps: (
        float | None
    )  # Items per second; it and the latencies are at the speed that the host had in the final
    p50_ms: float | None  # Median latency of a request
    p90_ms: float | None  # Latency that 90 of 100 requests keep
    p99_ms: float | None  # Latency that 99 of 100 requests keep
    memory_mb: float | None  # Peak memory of its process, in MiB
    cpu_ms_per_item: float | None  # CPU time of its process, in milliseconds
    max_error: float | None  # Largest difference from f32's outputs, as a share; None where not compared
    cosine: float | None  # Least cosine similarity with them
    same_top1: int | None  # Samples whose largest value is at the same place; None without classes
    compile_s: float | None  # Seconds to read, reshape and compile
    reason: str  # Why it failed, or what it duplicates
    properties: str  # What was given to `compile_model`, as JSON
    role: str  # `hint`, `best`, `front`, or nothing
    metric: Metric  # What the ratio compares; of latency and CPU time, 2 times as good is half as much
    excess: float | None  # By how much it breaks a limit, as a log-ratio, 0 or less where it keeps all
    throttled: float | None = None  # Share of a quota's periods in which it was held back
    slowest_fps: float | None = None  # Items per second of the slowest of several copies

    @property
    def is_over(self) -> bool:
        """Whether it was measured and breaks a limit, by the trial's own figures."""
        return self.state in {"measured", "pruned"} and (self.excess or 0.0) > 0

    @property
    def outcome(self) -> str:
        """What came of it, for people: its state, or that it is over a limit."""
        return OVER if self.is_over else self.state


@dataclass(frozen=True, slots=True)
class FinalRow:
    """A finalist against the hint, or the hint itself."""

    configuration: str  # In short words
    compiled: str  # What the device made of it, in words
    ratio: (
        float | None
    )  # Times as good as the hint; None, as are all further figures, where it was not measured
    low: float | None  # Lower end of its interval, None where there is none
    high: float | None  # Upper end, None where there is none
    fps: float | None  # Items per second
    p50_ms: float | None  # Median latency of a request
    p99_ms: float | None  # Latency that 99 of 100 requests keep
    memory_mb: float | None  # Peak memory, in MiB
    cpu_ms_per_item: float | None  # CPU time of its process, in milliseconds
    note: str  # `the hint`, `the advice`, `tied with the best`, why it is out, or nothing
    metric: Metric  # What the ratio compares


class Point(NamedTuple):
    """A measured configuration on a curve; `ratio` is how many times as good as the hint it is."""

    batch: int
    requests: int
    ratio: float
    fps: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """How the gain changes with the batch, for one kind of streams on one target."""

    streams: str  # What its points share
    points: Sequence[Point]  # Everything measured, by batch and requests
    best: Sequence[Point]  # The best point of each batch


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The best of a target."""

    target: str  # Device string
    configuration: str  # In short words
    ratio: float  # Times as good as the common baseline
    low: float | None  # Lower end of its interval, None where there is none
    high: float | None  # Upper end, None where there is none
    fps: float | None  # Items per second
    source: str  # What the figures are from: the final, or a trial, which is no claim
    share: str  # Of the plain sum, or of an explicit batch's gain, in words; or nothing
    metric: Metric  # What the ratio compares


class Label(NamedTuple):
    """A short text beside a point of a plot over the throughput; `height` is its p99 latency or CPU time."""

    text: str
    fps: float
    height: float


class Bound(NamedTuple):
    """A limit that the trade-off plot shows as a line."""

    text: str
    of_throughput: bool  # Whether it is in items per second; else it is in ms of p99 latency
    value: float


@dataclass(frozen=True, slots=True)
class Usage:
    """How the advice is put to use."""

    config: str | None  # Path of the YAML; None where there is none, or it is not known
    study: str  # Path or URL of the study
    python: str | None  # Lines of Python that load and run it; None without a YAML
    benchmark_app: str  # Shell lines that measure it with OpenVINO's own tool
    benchmark_app_notes: Sequence[str]  # What that tool does not do as the search did
    dashboard: str | None  # The command that opens the study in Optuna's dashboard, or None
    configuration: str  # Device, compile properties, batch and requests, and a wait under a load, as JSON


@dataclass(frozen=True, slots=True)
class View:
    """A search as a report shows it."""

    title: str  # The model's name
    question: str  # What was asked for, in words
    metric: Metric  # What gains are measured in
    limits: Sequence[str]  # A line for each limit, with the figures of the advice and the hint
    boundaries: Sequence[str]  # The highest arrival rates of the advice and the hint; empty if not asked for
    probes: Mapping[str, Sequence[Probe]]  # Rates that the final tried, and their latencies, by configuration
    held: Limit | None  # The limit of these latencies
    unmet: bool  # Whether there are limits that the advice does not surely keep
    what_to_do: str  # About limits that nothing keeps; empty where something does
    verdict: str  # `faster`, `keep_hint`, `meets_limits` or `inconclusive`
    answer: str  # The answer in one sentence
    headline: str  # The gain with its price in short words, or what became of the limits; or nothing
    high_price: str  # Says that the price is high for such a gain; empty where it is not
    cheaper: str  # What keeps most of the gain where the price is high, in words; empty where there is none
    advice: FinalRow  # What to deploy
    hint: FinalRow  # The hint that all is compared with
    drop_in: str  # The best that keeps the model's own batch, in words; empty where that is the advice
    precision: str  # What the advice changes in precision, and by how much; empty where that is not searched
    drop_in_figures: FinalRow | None  # Its figures; None where it is the advice or the hint
    usage: Usage  # How the advice is put to use
    rows: Sequence[Row]  # Every trial
    finalists: Sequence[FinalRow]  # The final, best first, the hint last; empty where it was not held
    no_claim: str  # Why the figures are those of trials and no claim; empty after a whole final
    confidence: float | None  # With which the final's intervals hold together; None where there is none
    final_rounds: Mapping[str, Sequence[float]]  # Every round's ratio by configuration, the advice first
    curves: Mapping[str, Sequence[Curve]]  # By target, where more than one batch was measured
    importance: Mapping[str, float]  # Share of what matters, by parameter
    targets: Sequence[TargetRow]  # The best of each target, where there are several
    plain_sum: float | None  # Of the single devices' speeds over the baseline; None where nothing adds up
    drift: Sequence[Moment]  # The baseline through trials and final, run after run; empty under a load
    disturbed: Sequence[Stretch]  # When the hint was clearly off its median rate for several rounds in a row
    disturbance: str  # The same in words; empty where there was none
    final_at_s: float | None  # When the final began, or None
    noise: float | None  # Spread of the baseline's rates; None under a load, which fixes them
    played_again: str  # How many rounds were played again because the host changed; empty where none was
    time: Mapping[str, float]  # Where the seconds went, by name
    warnings: Sequence[str]  # What makes the figures worth less, and what to do
    reproduce: Mapping[str, str]  # Command, seed, versions, host, model, by name
    known: str  # How much of the space is known, in words
    switches: str  # Which switches around the best were tried and which not; empty where there are none
    edges: Sequence[str]  # How far batch and requests were tried where the gain went on, and why no further
    front: Sequence[
        Row
    ]  # The trials that no other beats in both throughput (CPU time under a load) and latency
    ahead: Sequence[Row]  # Trials that look better than the advice in both, but were not in the final
    labels: Sequence[Label]  # Of the points that a reader looks for in the trade-off plot
    cpu_labels: Sequence[Label]  # Of the points that a reader looks for in the plot of CPU time
    bounds: Sequence[Bound]  # The limits that the trade-off plot shows
    not_drawn: str  # The limits that it does not show, in words; empty where there are none
    tried: int  # Configurations with a measurement, which importance and curves are drawn from
    result: Result  # All that the search found, raw rounds and all
