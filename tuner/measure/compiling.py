"""From a plan to a compiled model, inside a lane's process: compiled, or loaded where that gives the same."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openvino as ov

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.properties import DEVICE_PROPERTIES, as_texts
from tuner.domain.target import target_of
from tuner.measure.blobs import STREAMS, Blob
from tuner.measure.lane import LaneFacts
from tuner.measure.readback import read_back
from tuner.probe.inputs import Sample

LOADING = 0.1
"""What loading takes of compiling, until it was tried: 0.01 for a CNN of 11 s, 0.04 for a layer of 1.2 s."""

TAKEOVER_S = 60.0
"""How long `AUTO` may answer from a stand-in, the CPU, while it compiles for the device that it chose."""

POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class LanePlan:
    """Everything a lane's process needs; it is pickled once, when the lane starts."""

    model: Model
    configuration: Configuration
    samples: tuple[Sample, ...]
    plugins: str | None = None
    blob: Blob | None = None


def compile_plan(plan: LanePlan) -> tuple[ov.CompiledModel, LaneFacts]:
    """Compile a plan; what a blob gives is taken only if it is what was compiled first.

    Raises:
        RuntimeError: OpenVINO does not read, reshape or compile it.
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
    return compiled, LaneFacts(effective, optimal, took_s, took_s * LOADING if first else took_s, memory_mb)


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _ways(plan: LanePlan) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield where to look for a blob, and properties: as asked, with the hint's streams; last, no blob."""
    asked = plan.configuration.plain_properties
    if plan.blob:
        yield plan.blob.folder, asked
        if (told := _with_streams(plan.configuration, plan.blob)) != asked:
            yield plan.blob.folder, told
    yield None, asked


def _with_streams(configuration: Configuration, blob: Blob) -> dict[str, Any]:
    """Return properties that say the streams which the hint compiled, where they leave them to it."""
    properties = configuration.plain_properties
    if not target_of(configuration.device).combines:
        count = next(iter(blob.hint_streams.values()), None)
        return properties if count is None else {STREAMS: count, **properties}
    own = properties.get(DEVICE_PROPERTIES, {})
    told = {device: {STREAMS: count, **own.get(device, {})} for device, count in blob.hint_streams.items()}
    return {**properties, DEVICE_PROPERTIES: {**own, **told}} if told else properties


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
    """Wait until no stand-in, which is told in brackets, answers for the device that `AUTO` chose."""
    until = time.perf_counter() + TAKEOVER_S
    while time.perf_counter() < until:
        devices = compiled.get_property("EXECUTION_DEVICES")
        if not any(str(one).startswith("(") for one in devices):
            return
        time.sleep(POLL_S)
