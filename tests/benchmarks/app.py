"""`benchmark_app`, run as a person runs it, on one configuration."""

import re
import subprocess
import sys
from pathlib import Path

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model

TOOL = Path(sys.executable).with_name("benchmark_app")


def arguments(model: Model, configuration: Configuration) -> list[str]:
    """Return the options with which `benchmark_app` measures this configuration and no other."""
    shapes = {
        each.name: shape
        for each, shape in zip(model.inputs, model.shapes(configuration.batch).values(), strict=True)
    }
    as_text = ",".join(f"{name}[{','.join(map(str, shape))}]" for name, shape in shapes.items())
    asked = configuration.compile_properties
    how = (
        ["-hint", "throughput"]
        if configuration.uses_hint
        else ["-hint", "none", "-nstreams", str(asked["NUM_STREAMS"])]
    )
    return [
        "-m",
        model.path,
        "-d",
        configuration.device,
        *how,
        "-nireq",
        str(configuration.requests),
        "-shape",
        as_text,
    ]


def benchmark_app(model: Model, configuration: Configuration, seconds: int) -> float:
    """Return items per second: what `benchmark_app` counted, times the batch, over its duration."""
    command = [TOOL, *arguments(model, configuration), "-t", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (count,) = re.findall(r"Count:\s+(\d+) iterations", done.stdout)
    (duration_ms,) = re.findall(r"Duration:\s+([\d.]+) ms", done.stdout)
    return int(count) * configuration.batch / float(duration_ms) * 1e3
