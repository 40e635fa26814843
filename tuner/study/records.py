"""What a study holds on disk: records of their own, so that a rename in the program breaks no file.

A record and the program's class of the same shape are converted into each other by the names of their
fields; a field that the program has renamed keeps its old name on disk. `FORMAT` changes when earlier files
can no longer be continued; docs/architecture.md has its history.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

import msgspec

from tuner.domain.properties import Properties, PropertyValue
from tuner.domain.result import Outcome, Result, Setting
from tuner.domain.trial import Final, Trial

FORMAT = "2"

Kept = TypeVar("Kept", Trial, Final, Setting, Outcome)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a study; fields that a later version added are ignored."""


class ConfigurationRecord(Record, frozen=True):
    """A configuration; its properties as sorted pairs."""

    device: str
    properties: tuple[tuple[str, PropertyValue], ...]
    batch: int
    requests: int
    max_wait_ms: float = 0.0
    copies: int = 1
    slices: tuple[tuple[int, ...], ...] = ()


class EffectiveRecord(Record, frozen=True):
    """An effective configuration, and that of each device of a combination."""

    devices: tuple[str, ...]
    streams: int | None
    threads: int | None
    pinned: bool | None
    precision: str | None
    batch: int
    requests: int
    members: tuple[EffectiveRecord, ...] = ()
    virtual: str | None = None
    settings: Properties = ()
    max_wait_ms: float = 0.0
    copies: int = 1
    slices: tuple[tuple[int, ...], ...] = ()


class SpeedupRecord(Record, frozen=True):
    """A ratio with its interval; open ends are infinite."""

    ratio: float
    low: float
    high: float
    confidence: float
    rounds: int
    sittings: int = 1
    metric: str = "throughput"


class LatencyRecord(Record, frozen=True):
    """Percentiles in milliseconds."""

    p50: float
    p90: float
    p99: float
    p99_9: float | None = None


class AgreementRecord(Record, frozen=True):
    """How closely outputs agree with those in f32."""

    precision: str | None
    max_error: float
    cosine: float
    same_top1: int | None
    samples: int


class ThrottlingRecord(Record, frozen=True):
    """How a quota held it back: shares of periods and time, and p99 of what it did not hold."""

    periods: float
    time: float
    free_p99_ms: float | None = None


class MeasuredRecord(Record, frozen=True):
    """Items per second, latency, peak memory in MiB, CPU time of each item; outputs against f32's."""

    throughput_fps: float
    latency_ms: LatencyRecord
    memory_mb: float
    cpu_ms_per_item: float | None = None
    agreement: AgreementRecord | None = None
    probes: tuple[tuple[float, float | None], ...] = ()
    throttled: ThrottlingRecord | None = msgspec.field(default=None, name="throttling")
    copies_fps: tuple[float, ...] = ()


class RoundRecord(Record, frozen=True):
    """A window in every lane, the baseline's first; its scores are kept where they are not its rates."""

    rates_fps: tuple[float, ...]
    order: tuple[int, ...]
    at_s: float
    sitting: int = 0
    scores: tuple[float, ...] = ()


class TrialRecord(Record, frozen=True):
    """A trial with its raw rounds."""

    number: int
    configuration: ConfigurationRecord
    state: str
    rounds: tuple[RoundRecord, ...] = ()
    effective: EffectiveRecord | None = None
    speedup: SpeedupRecord | None = None
    measured: MeasuredRecord | None = None
    window_s: float | None = None
    compile_s: float | None = None
    reason: str | None = None
    took_s: float | None = None
    reopen_s: float | None = None
    unsteady: int = 0
    excess: float | None = None


class CandidateRecord(Record, frozen=True):
    """A configuration with its figures, in a final or a verdict."""

    configuration: ConfigurationRecord
    effective: EffectiveRecord | None
    speedup: SpeedupRecord | None
    measured: MeasuredRecord | None
    disqualified: str | None = None
    by_sitting: tuple[MeasuredRecord, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()


class FinalRecord(Record, frozen=True):
    """The final with its raw rounds."""

    baseline: CandidateRecord
    finalists: tuple[CandidateRecord, ...]
    rounds: tuple[RoundRecord, ...]
    trouble: str | None = None
    interrupted: bool = False
    unsteady: int = 0
    looks: int = 1


class VerdictRecord(Record, frozen=True):
    """The answer."""

    kind: str
    best: CandidateRecord
    speedup: SpeedupRecord | None = None
    closest: ConfigurationRecord | None = msgspec.field(default=None, name="challenger")
    why: str | None = None
    points: int = 0
    measured: int = 0
    more_s: float | None = None
    limited: bool = False


class NoticeRecord(Record, frozen=True):
    """Something that makes the figures less reliable."""

    code: str
    text: str


class InputRecord(Record, frozen=True):
    """An input of the model."""

    name: str
    shape: tuple[int, ...]
    type: str
    batch_axis: int | None = None


class ModelRecord(Record, frozen=True):
    """The model."""

    name: str
    path: str
    sha256: str
    inputs: tuple[InputRecord, ...]
    output_axes: tuple[int | None, ...]
    batch: int
    batch_refusal: str | None = None
    stateful: bool = False


class HostRecord(Record, frozen=True):
    """The machine."""

    cpu: str
    cores: int
    memory_mb: int
    os: str
    openvino: str
    devices: dict[str, str]
    cgroup_cores: float | None = None
    drivers: dict[str, str] = {}
    cpuset: tuple[int, ...] = ()
    memory_limit_mb: float | None = None
    cpu_weight: int | None = None


class RunRecord(Record, frozen=True):
    """How a run was called, and how long it took."""

    version: str
    command: str
    seed: int
    trials: int
    seconds: float
    date: str


class BoundsRecord(Record, frozen=True):
    """What the user allowed; None is everything."""

    streams: tuple[int | str, ...] | None = None
    batch: tuple[int, ...] | None = None
    requests: tuple[int, ...] | None = None
    precision: tuple[str, ...] | None = None


class LimitRecord(Record, frozen=True):
    """What a configuration has to keep: a figure by name, in ms, MiB or items per second."""

    figure: str
    bound: float


class LoadRecord(Record, frozen=True):
    """How items arrive: at a rate, or as recorded in a file, whose times are not kept."""

    rate: float
    seed: int = 0
    source: str = ""
    sha256: str = ""


class QuestionRecord(Record, frozen=True):
    """What the user wants to know."""

    objective: str = "throughput"
    limits: tuple[LimitRecord, ...] = ()
    load: LoadRecord | None = None
    holding: tuple[LimitRecord, ...] = ()
    copies: tuple[int, ...] = (1,)
    beside: str = ""
    niceness: int = 0


class SettingRecord(Record, frozen=True):
    """What the latest run was asked for."""

    model: ModelRecord
    host: HostRecord
    targets: tuple[str, ...]
    run: RunRecord
    bounds: BoundsRecord = BoundsRecord()
    question: QuestionRecord = QuestionRecord()


class TravelRecord(Record, frozen=True):
    """On how many hosts an answer was measured and holds."""

    hosts: int
    finals: int
    held: int


class OutcomeRecord(Record, frozen=True):
    """The outcome of the latest run."""

    baseline: CandidateRecord
    verdict: VerdictRecord
    drop_in: CandidateRecord
    notices: tuple[NoticeRecord, ...] = msgspec.field(name="warnings")
    run: RunRecord | None
    points: int
    covered: int
    interrupted: bool
    importance: dict[str, float]
    switches: dict[str, bool] = {}
    edges: tuple[str, ...] = ()
    travel: TravelRecord | None = None


RECORDS: dict[type[Any], type[Record]] = {
    Trial: TrialRecord,
    Final: FinalRecord,
    Setting: SettingRecord,
    Outcome: OutcomeRecord,
}
"""The record of each class that is kept in a study."""


def recorded(kept: Trial | Final | Setting | Outcome) -> Any:
    """Return plain data; infinite bounds become texts, which every JSON reader takes."""
    return json.loads(json.dumps(_plain(kept)), parse_constant=str)


def recorded_result(result: Result) -> dict[str, Any]:
    """Return a whole result as plain data, with infinite bounds as floats."""
    setting, outcome = _plain(result.setting), _plain(result.outcome)
    return {
        "model": setting["model"],
        "host": setting["host"],
        "baseline": outcome.pop("baseline"),
        "trials": [_plain(trial) for trial in result.trials],
        "final": _plain(result.final) if result.final else None,
        **outcome,
        "run": outcome["run"] or setting["run"],
        "targets": [msgspec.to_builtins(standing) for standing in result.targets],
    }


def _plain(kept: Trial | Final | Setting | Outcome) -> Any:
    return msgspec.to_builtins(msgspec.convert(kept, RECORDS[type(kept)], from_attributes=True))


def revived(data: Any, kind: type[Kept]) -> Kept:
    """Undo `recorded`.

    Raises:
        msgspec.ValidationError: The data is not of this kind.
    """
    record = msgspec.convert(_with_infinities(data), RECORDS[kind], strict=False)
    return msgspec.convert(record, kind, from_attributes=True)


def _with_infinities(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            key: math.inf if value == "Infinity" else _with_infinities(value) for key, value in data.items()
        }
    return [_with_infinities(value) for value in data] if isinstance(data, list) else data
