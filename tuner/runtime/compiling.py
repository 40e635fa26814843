"""Compiles a configuration inside an application's own process."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import openvino as ov
from openvino import CompiledModel, Core

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.properties import DEVICE_PROPERTIES, as_text
from tuner.domain.target import missing_devices, target_of
from tuner.errors import DeviceError, ModelError, reason
from tuner.probe.formats import refusal
from tuner.probe.shapes import input_name
from tuner.runtime.forks import require_own

__all__ = ["CompiledModel", "Core", "compile_configuration", "require_model"]


def compile_configuration(
    core: Core | None, path: Path, model: Model, configuration: Configuration
) -> CompiledModel:
    """Read the model, reshape it to the configuration's batch, and compile it.

    Unless a core is given, a new core is used.

    Raises:
        ModelError: The model cannot be read, has other inputs, or does not take the shapes.
        DeviceError: The device is not there or refuses a property.
    """
    core = core or Core()
    graph = _read(core, path, model)
    try:
        shapes = model.shapes(configuration.batch)
        graph.reshape({index: list(shape) for index, shape in shapes.items()})
    except RuntimeError as error:
        raise ModelError(
            f"'{path}' cannot be given batch {configuration.batch} ({reason(error)}); "
            "search this model for its own advice."
        ) from error
    try:
        compiled = core.compile_model(graph, configuration.device, configuration.compile_properties)
    except RuntimeError as error:
        raise DeviceError(_refusal(core, configuration, reason(error))) from error
    require_own(compiled)
    _require_devices(core, graph, configuration, compiled)
    return compiled


def _require_devices(
    core: Core, graph: ov.Model, configuration: Configuration, compiled: CompiledModel
) -> None:
    """Refuse a combination that OpenVINO silently runs on fewer devices; name the setting that did it.

    `AUTO` with another hint than the cumulative one runs on one device of its own choice.
    """
    target, hint = target_of(configuration.device), configuration.plain_properties.get("PERFORMANCE_HINT")
    if not target.combines or (target.kind == "AUTO" and hint != target.hint):
        return
    running = compiled.get_property("EXECUTION_DEVICES")
    missing = missing_devices(configuration.device, running)
    standing_in = any(str(device).startswith("(") for device in running)
    if not missing or standing_in:
        return
    device, own = missing[0], configuration.plain_properties.get(DEVICE_PROPERTIES, {})
    for name, value in own.get(device, {}).items():
        if _takes_part(core, graph, configuration.without(device, name), device):
            raise DeviceError(
                f"Device '{device}' refuses {name}={as_text(value)}, so OpenVINO leaves it out of "
                f"{configuration.device}; search again on this host."
            )
    raise DeviceError(
        f"OpenVINO leaves '{device}' out of {configuration.device} here; search again on this host."
    )


def _takes_part(core: Core, graph: ov.Model, configuration: Configuration, device: str) -> bool:
    try:
        compiled = core.compile_model(graph, configuration.device, configuration.compile_properties)
    except RuntimeError:
        return False
    return device not in missing_devices(configuration.device, compiled.get_property("EXECUTION_DEVICES"))


def require_model(path: Path, model: Model) -> None:
    """Make sure that there is a model with the inputs of the advice.

    Raises:
        ModelError: It cannot be read, or has other inputs.
    """
    _read(Core(), path, model)


def _read(core: Core, path: Path, model: Model) -> ov.Model:
    try:
        graph = core.read_model(path)
    except RuntimeError as error:
        raise ModelError(refusal(path, reason(error))) from error
    _require_inputs(graph, path, model)
    return graph


def _require_inputs(graph: ov.Model, path: Path, model: Model) -> None:
    """Refuse a model whose inputs are not those of the advice, in their order."""
    found = [
        (port.get_names() | {input_name(port)}, port.get_element_type().get_type_name())
        for port in graph.inputs
    ]
    expected = [(each.name, each.type) for each in model.inputs]
    same = len(found) == len(expected) and all(
        name in names and kind == expected_kind
        for (names, kind), (name, expected_kind) in zip(found, expected, strict=True)
    )
    if not same:
        has = ", ".join(
            f"{input_name(port)} {kind}" for port, (_, kind) in zip(graph.inputs, found, strict=True)
        )
        inputs = ", ".join(f"{name} {kind}" for name, kind in expected)
        raise ModelError(
            f"'{path}' has the inputs {has or 'none'}, the advice is for {inputs}; "
            "search this model for its own advice."
        )


def _refusal(core: Core, configuration: Configuration, why: str) -> str:
    """Say why it did not compile: no such device, a property that the device does not know, or else."""
    device, present = configuration.device, core.available_devices
    if device not in present and ":" not in device:
        return f"There is no device '{device}' here, only: {', '.join(present)}; search again on this host."
    if ":" not in device:
        known = list(core.get_property(device, "SUPPORTED_PROPERTIES"))
        for name in configuration.compile_properties:
            if name not in known and name in why:
                near = get_close_matches(name, known, 1)
                hint = f"; the nearest name is {near[0]}" if near else ""
                return f"Device '{device}' does not know the property '{name}'{hint}."
    return f"Device '{device}' refuses the configuration ({why}); search again on this host."
