"""Advice: what to deploy, what was measured, for which model and host.

`advice.schema.json` beside this file is made from its types, for editors.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any, Literal

import msgspec

from tuner.advice.fingerprint import Fit, compare
from tuner.advice.picking import narrowed, within_limits
from tuner.advice.question_records import QuestionRecord
from tuner.advice.records import (
    Baseline,
    Closest,
    Deployment,
    DropIn,
    HostRecord,
    HostsRecord,
    MeasuredRecord,
    Measurement,
    ModelRecord,
    Record,
    SearchRecord,
    SpeedupRecord,
    TargetRecord,
    deployment_of,
)
from tuner.domain.figures import faster, interval_of, rate
from tuner.domain.host import Host
from tuner.domain.limit import Limit
from tuner.domain.limit_words import limits_of
from tuner.domain.model import Model, ModelInput
from tuner.domain.precision import error_of
from tuner.domain.question import THROUGHPUT
from tuner.domain.target import target_of
from tuner.domain.verdict import VerdictKind
from tuner.domain.visible import html_table, on_one_line
from tuner.errors import AdviceError, UsageError
from tuner.probe.host import describe_host
from tuner.probe.model_files import digest, is_model, model_file, readable
from tuner.runtime.batches import Answer, Batcher
from tuner.runtime.compiling import CompiledModel, Core, compile_configuration
from tuner.runtime.cores import is_on_its_cores, keep_to_cores
from tuner.runtime.pipeline import Pipeline
from tuner.runtime.runner import MAX_WAIT_MS, Runner
from tuner.runtime.samples import Sample

ASK_DEVICE = 0
"""Number of requests by which `AsyncInferQueue` takes the device's optimal number."""

PLAIN_HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}
UNCHANGED = SpeedupRecord(ratio=1.0, low=1.0, high=1.0, confidence=0.95, rounds=0)


class Advice(Record, frozen=True, omit_defaults=True):
    """What to deploy, what was measured, for which model and host.

    Attributes:
        best: What to deploy: the fastest configuration, or the hint if none is surely faster.
        drop_in: The fastest configuration with the model's own batch.
        closest: The fastest configuration that nothing is proven of, where the verdict is not `faster`.
        devices: The fastest configuration of each target.
        front: Configurations that no other beats in both throughput (under a load: CPU time) and latency.
        cheaper: What keeps most of the gain, where it is small and its price high.
        question: What was asked; None for throughput without limits.
        hosts: On how many hosts it was measured and holds; None where there was only one.
    """

    schema: Literal[1]
    model: ModelRecord
    best: Deployment
    drop_in: DropIn
    verdict: VerdictKind
    speedup: SpeedupRecord
    measured: MeasuredRecord | None
    baseline: Baseline
    devices: list[TargetRecord]
    front: list[Measurement]
    host: HostRecord
    search: SearchRecord
    closest: Closest | None = None
    cheaper: Measurement | None = None
    question: QuestionRecord | None = None
    hosts: HostsRecord | None = None

    def __repr__(self) -> str:
        """Return what to deploy, and why, in one sentence."""
        return on_one_line(f"<Advice for {self.model.name}: {self.best.configuration} ({self._finding()})>")

    def _repr_html_(self) -> str:
        """Return what to deploy as a table, for notebooks."""
        rows = {
            "deploy": str(self.best.configuration),
            "hint": str(self.baseline.configuration),
            "measured on": f"{self.host.cpu}, {self.host.cores} cores, OpenVINO {self.host.openvino}",
        }
        for name, measured in (("deploy", self.measured), ("hint", self.baseline.measured)):
            rows[name] += f": {rate(measured.throughput_fps)} items/s" if measured else ""
        return html_table(f"Advice for {self.model.name}: {self._finding()}", rows)

    def _finding(self) -> str:
        speedup = self.speedup.speedup
        gain = f"{faster(speedup.ratio, metric=speedup.metric)} the hint, {interval_of(speedup)}"
        if self.verdict == "meets_limits":
            return f"keeps the limits, {gain}"
        return gain if self.verdict == "faster" else self.verdict.replace("keep_hint", "keep the hint")

    @property
    def device(self) -> str:
        """Device string for `compile_model`."""
        return self.best.device

    @property
    def properties(self) -> Mapping[str, Any]:
        """Properties for `compile_model`, as texts, which the plugin of every device takes."""
        return self.best.configuration.compile_properties

    @property
    def batch(self) -> int:
        """Items in one infer request."""
        return self.best.batch

    @property
    def requests(self) -> int:
        """Infer requests to keep in flight; 0 leaves it to the device, as `AsyncInferQueue` reads it."""
        return self.best.requests

    @property
    def copies(self) -> int:
        """Processes that run this side by side."""
        return self.best.configuration.copies

    def compile(
        self, model: str | Path | None = None, core: Core | None = None, *, copy: int | None = None
    ) -> CompiledModel:
        """Read the model, give it the advised batch, and compile it with the advised properties.

        Args:
            model: Path of the model; the path of the search unless given.
            core: The application's own core, for its extensions and caches.
            copy: Which of `copies` this process is, from 0 on: from now on it runs on the cores of that copy,
                where the advice gives each its own. Call it before anything else uses OpenVINO, which counts
                the cores when it starts.

        Returns:
            A compiled model whose inputs hold `batch` items; keep `requests` in flight.

        Raises:
            AdviceError: There is no model at the path.
            ModelError: The model cannot be read, has other inputs, or does not take the shapes.
            DeviceError: The device is not there or refuses a property, or the copy's cores are not to be had.
            UsageError: There is no such copy.

        Warns:
            UserWarning: The model is not the model that was measured, the copy is not given, or OpenVINO was
                used before.
        """
        path = self.model_at(model)
        self._keep_to_cores(copy)
        with readable(path):
            changed = digest(path) != self.model.sha256
        if changed:
            warnings.warn(
                f"'{path}' is not the file that this advice was measured with; "
                "search again for its own advice.",
                stacklevel=2,
            )
        return compile_configuration(core, path, self.as_model(path), self.best.configuration)

    def _keep_to_cores(self, copy: int | None) -> None:
        configuration = self.best.configuration
        if copy is not None:
            keep_to_cores(configuration, copy)
        elif configuration.slices and not is_on_its_cores(configuration):
            warnings.warn(
                f"this advice is for {configuration.copies} processes on cores of their own; "
                f"give copy=0 to copy={configuration.copies - 1}.",
                stacklevel=3,
            )

    def model_at(self, model: str | Path | None = None) -> Path:
        """Return the model's path: as given, or as it was in the search.

        Raises:
            AdviceError: There is no model at the path.
        """
        path = model_file(model or self.model.path)
        if not is_model(path):
            raise AdviceError(
                f"The advice is for the model '{self.model.name}', which is not at '{path}'; give its path."
            )
        return path

    def infer_many(
        self,
        compiled: CompiledModel,
        samples: Iterable[Sample],
        *,
        ordered: bool = True,
        share_inputs: bool = False,
    ) -> Iterator[Answer]:
        """Infer single samples at the measured speed.

        Samples are gathered into batches, of which `requests` are kept in flight; the last batch is padded.
        Samples are read no further ahead than that; with `ordered`, up to four times as far while a slow
        device holds an answer back.

        Args:
            compiled: From `compile`.
            samples: Any iterable of items: an array, a tuple of arrays in the inputs' order, or a dict
                by input name; each with a batch axis of length 1 or without a batch axis.
            ordered: Whether answers come in the order of the samples, or as they are ready.
            share_inputs: Read samples where they are instead of copying them, as OpenVINO's option of this
                name does: they must not change until their answers are there. For batch 1 only.

        Yields:
            For each sample its outputs: an array, or a tuple for a model of several outputs; with a
            batch axis if the sample has one, or if the output has several rows for each sample.

        Raises:
            AdviceError: A sample or the compiled model does not fit; the answers before it come first.
            InferenceError: An inference failed; the error has the samples' indices.
        """
        batcher = self._batcher(compiled, share_inputs)
        return Pipeline(compiled, batcher, self.requests).run(samples, ordered)

    def runner(self, compiled: CompiledModel, *, max_wait_ms: float | None = None) -> Runner:
        """Return a runner, which gathers single requests of many coroutines into batches, for servers.

        Args:
            compiled: From `compile`.
            max_wait_ms: How long a sample waits at most for others to fill its batch; unless given, as long
                as was found where items arrive, or 2 ms.

        Raises:
            UsageError: `max_wait_ms` is negative or not finite.
        """
        if max_wait_ms is None:
            arrives = self.question is not None and self.question.question.arrives
            max_wait_ms = self.best.configuration.max_wait_ms or (0.0 if arrives else MAX_WAIT_MS)
        if not 0 <= max_wait_ms < math.inf:
            raise UsageError(f"max_wait_ms={max_wait_ms} is not a time; give milliseconds, 0 or more.")
        return Runner(compiled, self._batcher(compiled), self.requests, max_wait_ms / 1e3)

    def pick(
        self,
        *,
        max_latency_ms: float | None = None,
        max_memory_mb: float | None = None,
        device: str | None = None,
        max_latency: str | Sequence[str] | None = None,
        max_memory: str | None = None,
        min_throughput: str | float | None = None,
        max_error: str | float | None = None,
    ) -> Advice:
        """Return advice of the same study within other limits, beside those that the search was asked for.

        That is this advice if `best` is within them, else the fastest measured configuration that is; of
        a front (objective `pareto`) always the fastest.
        The latter was not claimed by the final, so its verdict is `inconclusive` (`keep_hint` for the hint).

        Args:
            max_latency_ms: Greatest p99 latency of a request.
            max_memory_mb: Peak of the process, in MiB.
            device: A target of the search, e.g. `CPU` or `AUTO:GPU,CPU`.
            max_latency: What percentiles of the latency may be at most, as `tuner.search` takes it: `"20ms"`,
                `"p90:5ms"`.
            max_memory: As `tuner.search` takes it: `"2GiB"`.
            min_throughput: Items per second at least.
            max_error: How far outputs may be from those in f32, of the largest value: `0.01`, `"1%"`.

        Raises:
            AdviceError: No measured configuration is within the limits.
            UsageError: A limit has no such form, or is one of a throughput that a load fixes.
        """
        limits = [*limits_of(max_latency, max_memory, min_throughput)]
        limits += [Limit("p99", max_latency_ms)] if max_latency_ms is not None else []
        limits += [Limit("memory", max_memory_mb)] if max_memory_mb is not None else []
        limits += [Limit("error", error_of(max_error))] if max_error is not None else []
        if not limits and device is None:
            return self
        question = narrowed(self.question.question if self.question else THROUGHPUT, limits)
        within = within_limits(self._measurements(), question.limits, device)
        of_a_front = question.objective == "pareto"
        if deployment_of(within[0]) == self.best and not of_a_front:
            return self
        picked = max(
            within, key=lambda each: each.measured.throughput_fps if of_a_front else each.speedup.ratio
        )
        if deployment_of(picked) == self.best:
            return self
        deployment = deployment_of(picked)
        is_hint = deployment == deployment_of(self.baseline)
        return msgspec.structs.replace(
            self,
            best=deployment,
            verdict="keep_hint" if is_hint else "inconclusive",
            speedup=picked.speedup,
            measured=picked.measured,
            cheaper=None,
            question=QuestionRecord.of(question),
        )

    def fit(self, here: Host | None = None) -> Fit:
        """Compare the host where it was measured with this host."""
        return compare(self.host.host, here or describe_host(), self.uses)

    @property
    def uses(self) -> tuple[str, ...]:
        """The devices that it runs on."""
        return target_of(self.device).devices

    def as_hint(self, here: Host) -> Advice:
        """Return advice to use the performance hint, for a host where nothing was measured.

        If the hint's own device is missing here, the CPU takes its place.
        """
        best = deployment_of(self.baseline)
        if not set(target_of(best.device).devices) <= set(here.devices):
            first = "CPU" if "CPU" in here.devices else next(iter(here.devices), "CPU")
            best = msgspec.structs.replace(best, device=first, properties=dict(PLAIN_HINT))
        one_caller = self.question is not None and self.question.question.one_caller
        best = msgspec.structs.replace(
            best, requests=1 if one_caller else ASK_DEVICE, copies=self.best.copies, cores=msgspec.UNSET
        )
        baseline = msgspec.structs.replace(self.baseline, measured=None)
        return msgspec.structs.replace(
            self,
            best=best,
            verdict="keep_hint",
            speedup=UNCHANGED,
            measured=None,
            baseline=baseline,
            devices=[],
            front=[],
            closest=None,
            cheaper=None,
        )

    def as_model(self, path: Path | None = None) -> Model:
        """Return the model as it was measured, at another path if given."""
        axes = self.model.batch_axes
        inputs = tuple(
            ModelInput(name, tuple(record.shape), record.type, axes.get(name))
            for name, record in self.model.inputs.items()
        )
        file, outputs = str(path or self.model.path), tuple(self.model.output_axes)
        return Model(
            self.model.name,
            file,
            self.model.sha256,
            inputs,
            outputs,
            self.baseline.batch,
            stateful=self.model.stateful,
        )

    def _batcher(self, compiled: CompiledModel, share_inputs: bool = False) -> Batcher:
        batcher = Batcher(self.as_model(), self.batch, share_inputs)
        batcher.require(compiled)
        return batcher

    def _measurements(self) -> list[Measurement]:
        """Return every configuration with figures, what to deploy first, then the hint."""
        compared = [
            (self.best, self.measured, self.speedup),
            (self.baseline, self.baseline.measured, UNCHANGED),
        ]
        with_figures = [
            Measurement(**msgspec.structs.asdict(deployment_of(record)), measured=measured, speedup=speedup)
            for record, measured, speedup in compared
            if measured
        ]
        return [*with_figures, *self.devices, *self.front]


def json_schema() -> bytes:
    """Return the JSON Schema of the advice, indented, as shipped in `advice.schema.json`."""
    schema = msgspec.json.schema(Advice)
    for record in schema["$defs"].values():
        record["description"] = cleandoc(record["description"])  # before Python 3.13 it is indented
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"
