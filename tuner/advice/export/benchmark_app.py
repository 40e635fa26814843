"""For OpenVINO's `benchmark_app`: a file for `-load_config`, and the whole command line.

Without `-hint none`, `benchmark_app` would add the hint `THROUGHPUT` to explicit streams. The file
cannot hold requests and shapes, so they are in the command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tuner.advice.advice import Advice
from tuner.advice.export.documents import FILE, Export, shapes_of
from tuner.domain.target import target_of

NO_NUMBER = (
    "benchmark_app takes no number under BATCH: instead of {device} it measures the number of gathered "
    "requests that the device reports as optimal; a CPU reports none, so nothing is gathered there."
)

TYPES: Mapping[str, str | None] = {"boolean": "bool", "bf16": None}
"""Element types that benchmark_app calls by another name than OpenVINO, or that it has no name for."""


def benchmark_app(advice: Advice) -> Export:
    """Return a file and a command with which `benchmark_app` measures exactly this configuration."""
    target = target_of(advice.device)
    config = {target.kind or advice.device: _config(advice.properties)}
    numbered = target.kind == "BATCH" and target.members[0].amount is not None
    device = f"BATCH:{target.devices[0]}" if numbered else advice.device
    words = ["benchmark_app", "-m", advice.model.path, "-d", device, "-hint", "none"]
    words += ["-load_config", FILE, "-nireq", str(advice.requests)]
    words += ["-shape", ",".join(f"{name}{_listed(shape)}" for name, shape in shapes_of(advice).items())]
    if layouts := _layouts(advice):
        words += ["-layout", layouts]
    words += [*_types(advice), "-t", "10"]
    notes = (NO_NUMBER.format(device=advice.device),) if numbered else ()
    return Export("benchmark_app.json", json.dumps(config, indent=2) + "\n", tuple(words), notes)


def _types(advice: Advice) -> list[str]:
    """Return the option with the types of the inputs; without it, what is shaped like an image becomes u8."""
    types = {name: TYPES.get(record.type, record.type) for name, record in advice.model.inputs.items()}
    if len(set(types.values())) == 1 and None not in types.values():
        return ["-ip", str(next(iter(types.values())))]
    known = ",".join(f"{name}:{kind}" for name, kind in types.items() if kind)
    return ["-iop", known] if known else []


def _config(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties as `-load_config` reads them: the properties of each device as a single text."""
    return {
        name: _nested(value) if isinstance(value, Mapping) else value for name, value in properties.items()
    }


def _nested(devices: Mapping[str, Mapping[str, Any]]) -> str:
    parts = (
        f"{device}:{{{','.join(f'{name}:{value}' for name, value in own.items())}}}"
        for device, own in devices.items()
    )
    return f"{{{','.join(parts)}}}"


def _listed(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _layouts(advice: Advice) -> str:
    """Return the batch axis of each input; without it, benchmark_app counts a batch as one item."""
    layouts = {
        name: "".join("N" if at == axis else "?" for at in range(len(advice.model.inputs[name].shape)))
        for name, axis in advice.model.batch_axes.items()
    }
    return ",".join(f"{name}[{layout}]" for name, layout in layouts.items())
