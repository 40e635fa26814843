"""What this process may use of the host, beside what OpenVINO's hint takes it to be."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from tuner.domain.place import Place
from tuner.probe.control_groups import memory_limit_mb, own_groups, quota, text_of
from tuner.probe.devices import core, own_cores

WEIGHTS = {1: ("cpu.shares", 1024), 2: ("cpu.weight", 100)}
"""The file with a group's share of busy cores, by version, and what stands there where nothing was set."""


def describe_place(plugins: str | None = None) -> Place:
    """Return the cores, the limits, and what the hint makes of the CPU for a model of one layer."""
    streams: int | None = None
    threads: int | None = None
    if "CPU" in core(plugins).available_devices:
        with suppress(RuntimeError):
            streams, threads = _hint(plugins)
    return Place(tuple(own_cores()), quota(), memory_limit_mb(), _weight(), streams, threads)


def _weight(root: Path = Path("/")) -> int | None:
    """Return what was set for the innermost group of either version; None where nothing was."""
    own = {group.version: group.folder for group in reversed(own_groups("cpu", root))}
    for version, folder in own.items():
        name, usual = WEIGHTS[version]
        text = text_of(folder / name)
        if text and text.isdigit() and int(text) != usual:
            return int(text)
    return None


def _hint(plugins: str | None) -> tuple[int, int]:
    data = ops.parameter([1, 8], np.float32)
    compiled = core(plugins).compile_model(
        ov.Model([ops.relu(data)], [data], "relu"), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}
    )
    return int(compiled.get_property("NUM_STREAMS")), int(compiled.get_property("INFERENCE_NUM_THREADS"))
