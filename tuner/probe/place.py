"""What this process may use of the host, beside what OpenVINO's hint takes it to be."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from tuner.domain.place import Place
from tuner.probe.control_groups import cpu_weight, memory_limit_mb, quota
from tuner.probe.devices import core, own_cores


def describe_place(plugins: str | None = None) -> Place:
    """Return the cores, the limits, and what the hint makes of the CPU for a model of one layer."""
    streams: int | None = None
    threads: int | None = None
    if "CPU" in core(plugins).available_devices:
        with suppress(RuntimeError):
            streams, threads = _hint(plugins)
    return Place(tuple(own_cores()), quota(), memory_limit_mb(), cpu_weight(), streams, threads)


def _hint(plugins: str | None) -> tuple[int, int]:
    data = ops.parameter([1, 8], np.float32)
    compiled = core(plugins).compile_model(
        ov.Model([ops.relu(data)], [data], "relu"), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
    )
    return int(compiled.get_property("NUM_STREAMS")), int(compiled.get_property("INFERENCE_NUM_THREADS"))
