"""What this process may use of the host, beside what OpenVINO's hint takes it to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from tuner.domain.place import Place
from tuner.probe.control_groups import memory_limit_mb, own_groups, quota, text_of
from tuner.probe.devices import core, own_cores

WEIGHTS = {1: "cpu.shares", 2: "cpu.weight"}


def describe_place(plugins: str | None = None) -> Place:
    """Return the cores, the limits, and what the hint makes of the CPU for a model of one layer."""
    streams, threads = _hint(plugins) if "CPU" in core(plugins).available_devices else (None, None)
    return Place(tuple(own_cores()), quota(), memory_limit_mb(), _weight(), streams, threads)


def _weight(root: Path = Path("/")) -> int | None:
    texts = (text_of(group.folder / WEIGHTS[group.version]) for group in own_groups("cpu", root))
    return next((int(text) for text in texts if text and text.isdigit()), None)


def _hint(plugins: str | None) -> tuple[int, int]:
    data = ops.parameter([1, 8], np.float32)
    compiled = core(plugins).compile_model(
        ov.Model([ops.relu(data)], [data], "relu"), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
    )
    return int(compiled.get_property("NUM_STREAMS")), int(compiled.get_property("INFERENCE_NUM_THREADS"))
