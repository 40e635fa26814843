"""What a report shows, as data: renderers do no arithmetic and no choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tuner.domain.result import Result


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as a reader sees it.

    Attributes:
        number: In the study, from 0.
        configuration: In short words.
        device: Device string.
        streams: Asked for: a number, `hint`, or each device's own.
        batch: Items in a request.
        requests: Infer requests in flight.
        compiled: What the device made of it, in words.
        state: `measured`, `pruned`, `duplicate` or `failed`.
        ratio: Speed over the hint's; None where it was not measured. So are all further figures.
        low: Lower end of its interval, None where there is none.
        high: Upper end, None where there is none.
        rounds: Played against the hint.
        fps: Items per second, brought to the speed that the host had in the final, as are the latencies.
        p50_ms: Median latency of a request.
        p90_ms: Latency that 90 of 100 requests keep.
        p99_ms: Latency that 99 of 100 requests keep.
        memory_mb: Peak memory of its process, in MiB.
        compile_s: Seconds to read, reshape and compile.
        reason: Why it failed, or what it duplicates.
        properties: What was given to `compile_model`, as JSON.
        role: `hint`, `best`, `front`, or nothing.
    """

    number: int
    configuration: str
    device: str
    streams: str
    batch: int
    requests: int
    compiled: str
    state: str
    ratio: float | None
    low: float | None
    high: float | None
    rounds: int
    fps: float | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    memory_mb: float | None
    compile_s: float | None
    reason: str
    properties: str
    role: str


@dataclass(frozen=True, slots=True)
class FinalRow:
    """A finalist against the hint, or the hint itself.

    Attributes:
        configuration: In short words.
        compiled: What the device made of it, in words.
        ratio: Speed over the hint's, None where it could not be measured. So are all further figures.
        low: Lower end of its interval, None where there is none.
        high: Upper end, None where there is none.
        fps: Items per second.
        p50_ms: Median latency of a request.
        p99_ms: Latency that 99 of 100 requests keep.
        memory_mb: Peak memory, in MiB.
        note: `the hint`, `the advice`, `tied with the best`, why it is out, or nothing.
    """

    configuration: str
    compiled: str
    ratio: float | None
    low: float | None
    high: float | None
    fps: float | None
    p50_ms: float | None
    p99_ms: float | None
    memory_mb: float | None
    note: str


class Point(NamedTuple):
    """A measured configuration on a curve; `ratio` is its speed over the hint's."""

    batch: int
    requests: int
    ratio: float
    fps: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """How speed changes with the batch, for one kind of streams on one target.

    Attributes:
        streams: What its points share.
        points: Everything measured, by batch and requests.
        best: The fastest point of each batch.
    """

    streams: str
    points: Sequence[Point]
    best: Sequence[Point]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The best of a target.

    Attributes:
        target: Device string.
        configuration: In short words.
        ratio: Speed over the common baseline's.
        low: Lower end of its interval, None where there is none.
        high: Upper end, None where there is none.
        fps: Items per second.
        source: What the figures are from: the final, or a trial, which is no claim.
        share: Of the plain sum, or of an explicit batch's gain, in words; or nothing.
    """

    target: str
    configuration: str
    ratio: float
    low: float | None
    high: float | None
    fps: float | None
    source: str
    share: str


class Label(NamedTuple):
    """A short text beside a point of the trade-off plot."""

    text: str
    fps: float
    p99_ms: float


class Moment(NamedTuple):
    """The baseline's rate in one round.

    In seconds since the study began, items per second, and as a share of the median.
    """

    at_s: float
    fps: float
    share: float


@dataclass(frozen=True, slots=True)
class Usage:
    """How the advice is put to use.

    Attributes:
        config: Path of the YAML; None where there is none, or it is not known.
        study: Path or URL of the study.
        python: Lines of Python that load and run it; None without a YAML.
        benchmark_app: Shell lines that measure it with OpenVINO's own tool.
        dashboard: The command that opens the study in Optuna's dashboard, or None.
        configuration: Device, compile properties, batch and requests, as JSON.
    """

    config: str | None
    study: str
    python: str | None
    benchmark_app: str
    dashboard: str | None
    configuration: str


@dataclass(frozen=True, slots=True)
class View:
    """A search as a report shows it.

    Attributes:
        title: The model's name.
        verdict: `faster`, `keep_hint` or `inconclusive`.
        answer: The answer in one sentence.
        headline: The gain with its price in short words; empty where nothing is faster.
        high_price: Says that the price is high for such a gain; empty where it is not.
        advice: What to deploy.
        hint: The hint that all is compared with.
        drop_in: The best that keeps the model's own batch, in words; empty where that is the advice.
        drop_in_figures: Its figures; None where it is the advice or the hint.
        usage: How the advice is put to use.
        rows: Every trial.
        finalists: The final, best first, the hint last; empty where it was not held.
        no_claim: Why the figures are those of trials and no claim; empty after a whole final.
        confidence: With which the final's intervals hold together; None where there is none.
        final_rounds: Ratios of every round of the final, by configuration, the advice first.
        curves: Speed over batch, by target, where more than one batch was measured; a combination's
            devices are in alphabetical order.
        importance: Share of what matters, by parameter.
        targets: The best of each target, where there are several.
        plain_sum: Of the single devices' speeds over the baseline; None for fewer than two.
        drift: The baseline through the trials and the final; runs of the study follow one another.
        final_at_s: When the final began, or None.
        noise: Spread of the baseline's rates.
        time: Where the seconds went, by name.
        warnings: What makes the figures worth less, and what to do.
        reproduce: Command, seed, versions, host, model, by name.
        known: How much of the space is known, in words.
        switches: Which switches around the best were tried and which not; empty where there are none.
        front: The trials that no other beats in both throughput and latency.
        ahead: Trials that look better than the advice in both, but were not in the final.
        labels: Of the points that a reader looks for.
        tried: Configurations with a measurement, which importance and curves are drawn from.
        result: All that the search found, raw rounds and all.
    """

    title: str
    verdict: str
    answer: str
    headline: str
    high_price: str
    advice: FinalRow
    hint: FinalRow
    drop_in: str
    drop_in_figures: FinalRow | None
    usage: Usage
    rows: Sequence[Row]
    finalists: Sequence[FinalRow]
    no_claim: str
    confidence: float | None
    final_rounds: Mapping[str, Sequence[float]]
    curves: Mapping[str, Sequence[Curve]]
    importance: Mapping[str, float]
    targets: Sequence[TargetRow]
    plain_sum: float | None
    drift: Sequence[Moment]
    final_at_s: float | None
    noise: float
    time: Mapping[str, float]
    warnings: Sequence[str]
    reproduce: Mapping[str, str]
    known: str
    switches: str
    front: Sequence[Row]
    ahead: Sequence[Row]
    labels: Sequence[Label]
    tried: int
    result: Result
