"""Compiles a configuration inside an application's own process."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import openvino as ov

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.errors import DeviceError, ModelError, reason


def compile_configuration(
    core: ov.Core, path: Path, model: Model, configuration: Configuration
) -> ov.CompiledModel:
    """Read, reshape to the configuration's batch, compile.

    Raises:
        ModelError: The model cannot be read or does not take the shapes.
        DeviceError: The device is not there or refuses a property.
    """
    try:
        graph = core.read_model(path)
        shapes = model.shapes(configuration.batch)
        graph.reshape({index: list(shape) for index, shape in shapes.items()})
    except RuntimeError as error:
        raise ModelError(
            f"'{path}' cannot be given batch {configuration.batch} ({reason(error)}); "
            "search this model for its own advice."
        ) from error
    try:
        return core.compile_model(graph, configuration.device, configuration.compile_properties)
    except RuntimeError as error:
        raise DeviceError(_refusal(core, configuration, reason(error))) from error


def _refusal(core: ov.Core, configuration: Configuration, why: str) -> str:
    """Say what the device refused: itself missing, a property it does not know, or something else."""
    device, present = configuration.device, core.available_devices
    if device not in present and ":" not in device:
        return f"There is no device '{device}' here, only: {', '.join(present)}; search again on this host."
    if ":" not in device:
        known = list(core.get_property(device, "SUPPORTED_PROPERTIES"))
        for name in configuration.compile_properties:
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"; the nearest one is {near[0]}" if near else ""
                return f"Device '{device}' knows no property '{name}'{hint}."
    return f"Device '{device}' refuses the configuration ({why}); search again on this host."
