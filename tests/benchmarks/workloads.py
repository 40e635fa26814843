"""Fits the machine model to the recordings, its case of 2 cores: prints the table in `tests/lanes/workloads.py`.

Layers, weights and the data of the largest layer are known from the models; memory and compile times are read off a recording. The
rest is fitted to the logarithms of all rates of a recording, so that an error of 5 % counts the same everywhere.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from tests import recordings
from tests.benchmarks.models import MODELS
from tests.lanes.machine import rate
from tests.lanes.replayed import Entry, Landscape, read
from tests.lanes.servers import MACHINES, Machine, Workload

HOST = MACHINES["2 cores"]

KNOWN: dict[str, dict[str, Any]] = {
    "tiny": {"layers": 1},
    "detector": {"layers": 10, "weights_mb": 0.4, "largest_mb": 0.03},
    "squeezenet": {"layers": 26, "weights_mb": 2.4, "largest_mb": 1.29},
    "transformer": {"layers": 24, "weights_mb": 2.5, "largest_mb": 0.23},
    "dynamic_transformer": {"layers": 16, "weights_mb": 0.4, "largest_mb": 0.06},
    "recurrent": {"layers": 32, "weights_mb": 0.6, "largest_mb": None},
    "wide_mlp": {"layers": 2, "weights_mb": 16.0, "largest_mb": 0.02},
    "alexnet": {"layers": 8, "weights_mb": 116.0, "largest_mb": 0.05},
    "resnet50": {"layers": 50, "weights_mb": 48.6, "largest_mb": 3.83},
    "densenet121": {"layers": 121, "weights_mb": 15.2, "largest_mb": 4.6},
}
"""Weighted layers (steps of the recurrent net), weights in bf16, and input and output of the largest 1x1 convolution or matrix
product in f32; all from the models' shapes."""

FITTED = ("compute_us", "layer_us", "sync_us", "serial", "live_mb", "traffic_mb", "gap_us")
GREATEST = {"serial": 0.1, "gap_us": 120.0, "sync_us": 6.0, "layer_us": 20.0}
"""What a fit to two threads must not claim of many: published latencies of 16 to 32 threads leave 2 to 4 us for a layer's wait for
each doubling (`tests/lanes/published.py`)."""


def rates_of(landscape: Landscape) -> Iterator[tuple[Entry, float]]:
    """Yield each recorded configuration with its rate: its ratio to the hint times the hint's median rate."""
    hint_fps = median(landscape.course[1])
    for entry in landscape.recording.entries:
        if entry.sittings:
            yield entry, hint_fps * math.exp(landscape.log_ratio(entry.configuration))


def errors(machine: Machine, workload: Workload, measured: Sequence[tuple[Entry, float]]) -> np.ndarray:
    """Return the logarithm of the model's rate over the measured one, for each configuration."""
    return np.array([math.log(rate(machine, workload, entry.configuration) / fps) for entry, fps in measured])


def fitted(name: str) -> Workload:
    """Fit a model's workload to its recording."""
    landscape = Landscape(read(recordings.path_of(name)))
    measured = list(rates_of(landscape))
    fps = max(rate_fps for _, rate_fps in measured)
    start = Workload(compute_us=2e6 / fps, layer_us=1.0, sync_us=1.0, **KNOWN[name], **costs_of(landscape))
    guess = np.log([start.compute_us, 0.5, 1.0, 0.01, 0.2, 0.2, 25.0])

    def made(logs: np.ndarray) -> Workload:
        values = dict(zip(FITTED, map(float, np.exp(logs)), strict=True))
        return replace(
            start, **{key: min(value, GREATEST.get(key, math.inf)) for key, value in values.items()}
        )

    def residuals(logs: np.ndarray) -> np.ndarray:
        return np.concatenate([errors(HOST, made(logs), measured), 0.01 * (logs - guess)])

    low, high = guess - 12, guess + 6
    return made(least_squares(residuals, guess, bounds=(low, high), loss="soft_l1", f_scale=0.05).x)


def costs_of(landscape: Landscape) -> dict[str, float]:
    """Read memory and compile times off a recording."""
    entries = [entry for entry, _ in rates_of(landscape)]
    items = np.array(
        [
            [
                1.0,
                (entry.effective.streams or 1) * entry.effective.batch,
                entry.effective.requests * entry.effective.batch,
            ]
            for entry in entries
        ]
    )
    memory = np.array([entry.measured.memory_mb for entry in entries if entry.measured])
    base_mb, stream_mb, request_mb = np.linalg.lstsq(items, memory, rcond=None)[0]
    one, two = (
        median(entry.compile_s for entry in entries if entry.effective.streams == streams)
        for streams in (1, 2)
    )
    return {
        "base_mb": float(base_mb),
        "stream_mb": max(0.0, float(stream_mb)),
        "request_mb": max(0.0, float(request_mb)),
        "compile_s": one,
        "stream_s": max(0.0, two - one),
    }


def main() -> None:
    for name in sys.argv[1:] or MODELS:
        workload = fitted(name)
        landscape = Landscape(read(recordings.path_of(name)))
        off = errors(HOST, workload, list(rates_of(landscape)))
        fields = {
            key: getattr(workload, key) for key in Workload.__dataclass_fields__ if key != "dispatch_us"
        }
        text = ", ".join(
            f"{key}={float(f'{value:.3g}') if isinstance(value, float) else value}"
            for key, value in fields.items()
        )
        print(f'"{name}": Workload({text}),  # off by {100 * np.median(np.abs(off)):.1f} %', flush=True)


if __name__ == "__main__":
    main()
