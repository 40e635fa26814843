"""For OpenVINO Model Server: a `config.json` with one model.

Fields and types follow the server's own schema. `plugin_config` is flat and its values are texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.advice.advice import Advice
from tuner.advice.export.documents import Export, shapes_of


def model_server(advice: Advice) -> Export:
    """Return a configuration file of the server."""
    plain = {name: value for name, value in advice.properties.items() if not isinstance(value, Mapping)}
    config: dict[str, Any] = {
        "name": advice.model.name,
        "base_path": f"/models/{advice.model.name}",
        "target_device": advice.device,
        "nireq": advice.requests,
        "shape": {
            name: f"({','.join(map(str, shape))})" for name, shape in shapes_of(advice).items() if shape
        },
        "plugin_config": plain,
    }
    if advice.model.stateful:
        config["stateful"] = True
    text = json.dumps({"model_config_list": [{"config": config}]}, indent=2) + "\n"
    return Export("config.json", text, notes=tuple(_notes(advice)))


def _notes(advice: Advice) -> list[str]:
    model, notes = Path(advice.model.path), []
    notes.append(
        f"The server looks for {model.name} in /models/{advice.model.name}/1/: put it there, or change "
        "base_path."
    )
    if advice.model.stateful:
        notes.append(
            "The model keeps a state: clients must send sequence_id and sequence_control_input as inputs."
        )
    if advice.batch > 1:
        notes.append(f"The server does not gather requests: clients must send {advice.batch} items at once.")
    for name, value in advice.properties.items():
        if isinstance(value, Mapping):
            notes.append(
                f"plugin_config is flat and cannot hold {name} ({json.dumps(value)}): each device runs "
                "with its own defaults, which were not measured."
            )
    return notes
