"""Compiles a model inside a lane's process, or loads an earlier compilation if it gives the same model."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import openvino as ov

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.properties import DEVICE_PROPERTIES, as_texts
from tuner.domain.target import target_of
from tuner.measure.blobs import STREAMS, Blob
from tuner.measure.lane import LaneFacts
from tuner.measure.readback import read_back
from tuner.measure.together import Copy
from tuner.probe.inputs import Sample

LOADING = 0.1
"""Assumed time of loading as a share of compiling, until a load is timed: 0.01 was seen for a CNN that
compiles for 11 s, 0.04 for a single layer that compiles for 1.2 s."""

TAKEOVER_S = 60.0
"""Seconds for which `AUTO` may run on the CPU while it compiles for the device that it chose."""

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class LanePlan:
    """Everything a lane's process needs; it is pickled once, when the lane starts."""

    model: Model
    configuration: Configuration
    samples: tuple[Sample, ...]
    plugins: str | None = None
    blob: Blob | None = None
    copy: Copy | None = None
    niceness: int = 0


def compile_plan(plan: LanePlan) -> tuple[ov.CompiledModel, LaneFacts]:
    """Compile a plan; a blob is used only if it gives the model that was compiled first.

    Raises:
        RuntimeError: OpenVINO cannot read, reshape or compile the model.
    """
    began = time.perf_counter()
    expected = plan.blob.expected if plan.blob else None
    for folder, properties in _ways(plan):
        compiled = _compile(plan, folder, properties)
        optimal = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        effective = read_back(compiled, plan.configuration, plan.configuration.requests or optimal)
        loaded = folder is not None and expected is not None
        if not loaded or (expected and expected.met_by(effective, optimal)):
            break
    took_s = time.perf_counter() - began
    first = plan.blob is not None and expected is None
    memory_mb = expected.memory_mb if loaded and expected else peak_memory_mb()
    configuration = plan.configuration
    effective = replace(
        effective,
        max_wait_ms=configuration.max_wait_ms,
        copies=configuration.copies,
        slices=configuration.slices,
    )
    return compiled, LaneFacts(effective, optimal, took_s, took_s * LOADING if first else took_s, memory_mb)


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _ways(plan: LanePlan) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield folder and properties of each way to compile, in the order in which they are tried.

    With a blob: first the properties as asked for, then with the streams that the hint compiled. Last,
    without a blob.
    """
    asked = plan.configuration.plain_properties
    if plan.blob:
        yield plan.blob.folder, asked
        if (explicit := _with_streams(plan.configuration, plan.blob)) != asked:
            yield plan.blob.folder, explicit
    yield None, asked


def _with_streams(configuration: Configuration, blob: Blob) -> dict[str, Any]:
    """Return the properties, with the streams that the hint compiled where they name no streams."""
    properties = configuration.plain_properties
    if not target_of(configuration.device).combines:
        count = next(iter(blob.hint_streams.values()), None)
        return properties if count is None else {STREAMS: count, **properties}
    own = properties.get(DEVICE_PROPERTIES, {})
    explicit = {
        device: {STREAMS: count, **own.get(device, {})} for device, count in blob.hint_streams.items()
    }
    return {**properties, DEVICE_PROPERTIES: {**own, **explicit}} if explicit else properties


def _compile(plan: LanePlan, folder: str | None, properties: dict[str, Any]) -> ov.CompiledModel:
    core = ov.Core(plan.plugins) if plan.plugins else ov.Core()
    if folder:
        core.set_property({"CACHE_DIR": folder})
    graph = core.read_model(plan.model.path)
    shapes = plan.model.shapes(plan.configuration.batch)
    graph.reshape({index: list(shape) for index, shape in shapes.items()})
    compiled = core.compile_model(graph, plan.configuration.device, as_texts(properties))
    _wait_for_takeover(compiled)
    return compiled


def _wait_for_takeover(compiled: ov.CompiledModel) -> None:
    """Wait until the device that `AUTO` chose takes over; until then another device is listed in brackets."""
    until = time.perf_counter() + TAKEOVER_S
    while time.perf_counter() < until:
        devices = compiled.get_property("EXECUTION_DEVICES")
        if not any(str(device).startswith("(") for device in devices):
            return
        time.sleep(POLL_S)
