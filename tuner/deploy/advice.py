"""The advice YAML's types, schema 1: the same ones that write it, read it and describe it.

`advice.schema.json` beside this file is made from them, for editors.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import openvino as ov

from tuner.deploy.compiling import compile_configuration
from tuner.domain.configuration import Configuration, PlainValue
from tuner.domain.model import Model, ModelInput
from tuner.errors import AdviceError
from tuner.probe.model import digest

Count = Annotated[int, msgspec.Meta(ge=1)]
Figure = Annotated[float, msgspec.Meta(ge=0)]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the advice: immutable, unknown fields refused."""


class InputRecord(Record, frozen=True):
    """Shape at the model's own batch, and element type."""

    shape: list[Annotated[int, msgspec.Meta(ge=0)]]
    type: str


class ModelRecord(Record, frozen=True):
    """The model that was measured; `path` is as the search was given it."""

    name: str
    path: str
    sha256: str
    inputs: dict[str, InputRecord]
    batch_axes: dict[str, int]

    def __post_init__(self) -> None:
        """Refuse a batch axis that its input does not have."""
        for name, axis in self.batch_axes.items():
            if name not in self.inputs or not 0 <= axis < len(self.inputs[name].shape):
                raise ValueError(f"batch_axes has axis {axis} of '{name}', which is no axis of an input")


class LatencyRecord(Record, frozen=True):
    """Percentiles of a request's latency in milliseconds."""

    p50: Figure
    p90: Figure
    p99: Figure


class MeasuredRecord(Record, frozen=True):
    """Items per second with every request in flight; peak memory of the process in MiB."""

    throughput_fps: Figure
    latency_ms: LatencyRecord
    memory_mb: Figure


class SpeedupRecord(Record, frozen=True):
    """Times faster than the hint; `high` is null where the rounds are too few for an interval.

    Each sitting began with fresh processes.
    """

    ratio: Figure
    low: Figure
    high: Figure | None
    confidence: float
    rounds: int
    sittings: Count = 1


class Deployment(Record, frozen=True):
    """What goes to `compile_model` and `AsyncInferQueue` verbatim."""

    device: str
    properties: dict[str, PlainValue | dict[str, dict[str, PlainValue]]]
    batch: Count
    requests: Count


class DropIn(Deployment, frozen=True):
    """The best that keeps the model's own batch: no change in the application."""

    speedup: SpeedupRecord


class Baseline(Deployment, frozen=True):
    """The performance hint on the same target."""

    measured: MeasuredRecord | None


class Measurement(Deployment, frozen=True):
    """A configuration with its figures."""

    measured: MeasuredRecord
    speedup: SpeedupRecord


class TargetRecord(Measurement, frozen=True, omit_defaults=True):
    """The best of a target; of a combination also its speed over the sum of what its devices reach alone."""

    share_of_sum: Figure | None = None


class HostRecord(Record, frozen=True):
    """The machine that was measured."""

    cpu: str
    cores: int
    memory_mb: int
    os: str
    openvino: str
    devices: dict[str, str]


class SearchRecord(Record, frozen=True):
    """How the advice came about."""

    version: str
    command: str
    seed: int
    trials: int
    seconds: float
    date: str


class Advice(Record, frozen=True):
    """What to deploy, what was measured, for which model and host."""

    schema: Literal[1]
    model: ModelRecord
    best: Deployment
    drop_in: DropIn
    verdict: Literal["faster", "keep_hint", "inconclusive"]
    speedup: SpeedupRecord
    measured: MeasuredRecord | None
    baseline: Baseline
    devices: list[TargetRecord]
    front: list[Measurement]
    host: HostRecord
    search: SearchRecord

    def compile(self, model: str | Path | None = None, core: ov.Core | None = None) -> ov.CompiledModel:
        """Read the model, give it the advised batch, and compile it with the advised properties.

        Args:
            model: Path of the model; the path of the search unless given.
            core: The application's own core, for its extensions and caches.

        Returns:
            A compiled model whose inputs hold `best.batch` items; keep `best.requests` in flight.

        Raises:
            AdviceError: There is no model at the path.
            ModelError: The model cannot be read or does not take the shapes.
            DeviceError: The device is not there or refuses a property.

        Warns:
            UserWarning: The model is not the one that was measured.
        """
        path = Path(model or self.model.path)
        if not path.exists():
            raise AdviceError(
                f"The advice is for the model '{self.model.name}', which is not at '{path}'; "
                "give its path: advice.compile('model.xml')."
            )
        if digest(path) != self.model.sha256:
            warnings.warn(
                f"'{path}' is not the file that this advice was measured with; "
                "search again for its own advice.",
                stacklevel=2,
            )
        best = self.best
        configuration = Configuration.of(best.device, best.properties, best.batch, best.requests)
        return compile_configuration(core or ov.Core(), path, self._model(path), configuration)

    def _model(self, path: Path) -> Model:
        axes = self.model.batch_axes
        inputs = tuple(
            ModelInput(name, tuple(one.shape), one.type, axes.get(name))
            for name, one in self.model.inputs.items()
        )
        return Model(self.model.name, str(path), self.model.sha256, inputs, (), self.best.batch)


def json_schema() -> bytes:
    """Return the JSON Schema of the advice, indented, as shipped in `advice.schema.json`."""
    schema = msgspec.json.encode(msgspec.json.schema(Advice))
    return msgspec.json.format(schema, indent=2) + b"\n"
