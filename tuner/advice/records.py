"""The parts of the advice YAML, schema 1: the same types write it, read it and describe it."""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

import msgspec

from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.domain.copies import MOST_COPIES
from tuner.domain.host import Host
from tuner.domain.place import Throttling
from tuner.domain.properties import PlainValue
from tuner.domain.sample import Latency, Measured
from tuner.domain.stats import Metric, Speedup
from tuner.domain.target import target_of
from tuner.errors import UsageError
from tuner.probe.element_types import FILLABLE

MOST_CORE = 99_999
"""The highest number that a core can have here: kernels number them in order."""

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
Figure = Annotated[float, msgspec.Meta(ge=0)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Copies = Annotated[int, msgspec.Meta(ge=1, le=MOST_COPIES)]
Core = Annotated[int, msgspec.Meta(ge=0, le=MOST_CORE)]
Cores = Annotated[list[Core], msgspec.Meta(min_length=1)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the advice: immutable, unknown fields refused."""


class InputRecord(Record, frozen=True):
    """Shape at the model's own batch, and element type."""

    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    type: str

    def __post_init__(self) -> None:
        """Refuse an element type that samples cannot have."""
        if self.type not in FILLABLE:
            raise ValueError(
                f"'{self.type}' is not an element type of inputs; expected: {', '.join(FILLABLE)}"
            )


class ModelRecord(Record, frozen=True, omit_defaults=True):
    """The model that was measured.

    `path` is as it was given to the search; `output_axes` holds the batch axis of every output in the
    model's order, null for an output without a batch axis; `stateful` is there if it keeps a state from one
    inference to the next.
    """

    name: str
    path: str
    sha256: str
    inputs: dict[str, InputRecord]
    batch_axes: dict[str, int]
    output_axes: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=64)] | None], msgspec.Meta(min_length=1)]
    stateful: bool = False

    def __post_init__(self) -> None:
        """Refuse a batch axis that its input does not have."""
        for name, axis in self.batch_axes.items():
            if name not in self.inputs or not 0 <= axis < len(self.inputs[name].shape):
                raise ValueError(f"batch_axes has axis {axis} of '{name}', which is not an axis of an input")


class LatencyRecord(Record, frozen=True, omit_defaults=True):
    """Percentiles of a request's latency in milliseconds."""

    p50: Figure
    p90: Figure
    p99: Figure
    p99_9: Figure | None = None


class AgreementRecord(Record, frozen=True):
    """Outputs on the samples of the search, compared with those in f32.

    `precision` is what it computes in, null if the device does not say; `max_error` the largest difference as
    a share of the largest value, null if it is infinite; `cosine` the least similarity; `same_top1` in how
    many of the samples the largest value is at the same place, null for outputs without classes.
    """

    precision: str | None
    max_error: Figure | None
    cosine: Annotated[float, msgspec.Meta(ge=-1, le=1)]
    same_top1: Whole | None
    samples: Whole

    @property
    def agreement(self) -> Agreement:
        """The same as the rest of the project has it, infinite where the file has null."""
        error = math.inf if self.max_error is None else self.max_error
        return Agreement(self.precision, error, self.cosine, self.same_top1, self.samples)


class MeasuredRecord(Record, frozen=True, omit_defaults=True):
    """Items per second, latency of a request, and peak memory of the process in MiB.

    Every request was in flight; or items arrived as the question's load says, and latency is that of an item,
    from its arrival on. CPU time is the process's own, user and system, in milliseconds for each item, if it
    is known. `agreement` is there if precision was searched.

    Under a quota of CPU time, `throttled` is the share of its periods in which that was used up,
    `throttled_time` the share of the cores' time that this cost, and `p99_unthrottled_ms` the p99 latency of
    the requests that met no such moment. Figures of several copies are of all of them together, and
    `copies_fps` is the rate of each.
    """

    throughput_fps: Figure
    latency_ms: LatencyRecord
    memory_mb: Figure
    cpu_ms_per_item: Figure | None = None
    agreement: AgreementRecord | None = None
    throttled: Figure | None = None
    throttled_time: Figure | None = None
    p99_unthrottled_ms: Figure | None = None
    copies_fps: list[Figure] = []

    @property
    def measured(self) -> Measured:
        """The same as the rest of the project has it."""
        agreement = self.agreement.agreement if self.agreement else None
        latency_ms = Latency(**msgspec.structs.asdict(self.latency_ms))
        throttled = None
        if self.throttled is not None:
            throttled = Throttling(self.throttled, self.throttled_time or 0.0, self.p99_unthrottled_ms)
        return Measured(
            self.throughput_fps,
            latency_ms,
            self.memory_mb,
            self.cpu_ms_per_item,
            agreement,
            throttled=throttled,
            copies_fps=tuple(self.copies_fps),
        )


class SpeedupRecord(Record, frozen=True):
    """Times faster than the hint; `high` is null if the rounds are too few for an interval.

    Every sitting started fresh processes. `metric` says what is compared, if it is not the throughput: of
    latency and CPU time, 2 times as good is half as much.
    """

    ratio: Figure
    low: Figure
    high: Figure | None
    confidence: Share
    rounds: Whole
    sittings: Count = 1
    metric: Metric | msgspec.UnsetType = msgspec.UNSET

    @property
    def speedup(self) -> Speedup:
        """The same as the rest of the project has it; an open end is infinite."""
        high = math.inf if self.high is None else self.high
        metric: Metric = "throughput" if self.metric is msgspec.UNSET else self.metric
        return Speedup(self.ratio, self.low, high, self.confidence, self.rounds, self.sittings, metric)


D = TypeVar("D", bound="Deployment")


class Deployment(Record, frozen=True, kw_only=True):
    """What `compile_model` and `AsyncInferQueue` take, verbatim.

    Where items arrived by themselves and were gathered into batches, also how long the first of a batch
    waited for others at most. Where several processes ran it at the same time, how many `copies` there were,
    and the `cores` of each, if it was kept on some.
    """

    device: str
    properties: dict[str, PlainValue | dict[str, dict[str, PlainValue]]]
    batch: Count
    requests: Count
    max_wait_ms: Figure | msgspec.UnsetType = msgspec.UNSET
    copies: Copies | msgspec.UnsetType = msgspec.UNSET
    cores: list[Cores] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls: type[D], configuration: Configuration, **further: Any) -> D:
        """Return the record of a configuration, with `further` fields where the kind of record has them."""
        return cls(
            device=configuration.device,
            properties=configuration.plain_properties,
            batch=configuration.batch,
            requests=configuration.requests,
            max_wait_ms=configuration.max_wait_ms or msgspec.UNSET,
            copies=configuration.copies if configuration.copies > 1 else msgspec.UNSET,
            cores=[list(own) for own in configuration.slices] or msgspec.UNSET,
            **further,
        )

    @property
    def configuration(self) -> Configuration:
        """The same as the configuration that is compiled and run."""
        wait_ms = 0.0 if self.max_wait_ms is msgspec.UNSET else self.max_wait_ms
        copies = 1 if self.copies is msgspec.UNSET else self.copies
        slices = () if self.cores is msgspec.UNSET else tuple(map(tuple, self.cores))
        return Configuration.of(
            self.device, self.properties, self.batch, self.requests, wait_ms, copies, slices
        )

    def __post_init__(self) -> None:
        """Refuse a device string that names no target, and cores of other copies than there are."""
        copies = 1 if self.copies is msgspec.UNSET else self.copies
        if self.cores is not msgspec.UNSET and len(self.cores) != copies:
            raise ValueError(f"cores are those of {len(self.cores)} copies, and copies is {copies}")
        try:
            target_of(self.device)
        except UsageError as error:
            raise ValueError(str(error).replace("device=", "the device ")) from error


def deployment_of(record: Deployment) -> Deployment:
    """Return a record's configuration without its figures."""
    return Deployment(**{field: getattr(record, field) for field in Deployment.__struct_fields__})


class DropIn(Deployment, frozen=True, kw_only=True):
    """The fastest configuration with the model's own batch: the application need not change."""

    speedup: SpeedupRecord


class Closest(Deployment, frozen=True, kw_only=True):
    """A configuration that looks faster than the hint, without a proof: not what to deploy."""

    speedup: SpeedupRecord


class Baseline(Deployment, frozen=True, kw_only=True):
    """The performance hint on the same target."""

    measured: MeasuredRecord | None


class Measurement(Deployment, frozen=True, kw_only=True):
    """A configuration with its figures."""

    measured: MeasuredRecord
    speedup: SpeedupRecord


class TargetRecord(Measurement, frozen=True, omit_defaults=True, kw_only=True):
    """The fastest configuration of a target.

    For a combination also its speed, divided by the sum of the speeds that its devices reach alone.
    """

    share_of_sum: Figure | None = None


class HostRecord(Record, frozen=True, omit_defaults=True):
    """The machine that was measured; with its control group's limits and driver versions, if known."""

    cpu: str
    cores: Count
    memory_mb: Whole
    os: str
    openvino: str
    devices: dict[str, str]
    cgroup_cores: Figure | None = None
    drivers: dict[str, str] = {}
    cpuset: list[Core] = []
    memory_limit_mb: Figure | None = None
    cpu_weight: Count | None = None

    @property
    def host(self) -> Host:
        """The same as the rest of the project has it."""
        return Host(**{**msgspec.structs.asdict(self), "cpuset": tuple(self.cpuset)})


class HostsRecord(Record, frozen=True):
    """On how many equal hosts trials ran, and the final was held; on how many of these its answer `held`."""

    measured: Whole
    finals: Whole
    held: Whole


class SearchRecord(Record, frozen=True):
    """The search that the advice comes from."""

    version: str
    command: str
    seed: Whole
    trials: Whole
    seconds: Figure
    date: str
