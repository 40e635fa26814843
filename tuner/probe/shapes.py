"""Makes every input's shape static: as given, or the model's own with a dynamic batch set to 1."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import openvino as ov

from tuner.errors import ModelError, UsageError, reason
from tuner.probe.batching import Axes

Shape = tuple[int, ...]

LONGEST = (1 << 31) - 1
"""The longest dimension that a shape may have: no tensor of such a length fits into memory."""

USUAL = 128
"""The length suggested for a dynamic dimension; sequences are often of this order."""

IMAGE = (1, 3, 224, 224)
"""The lengths suggested where there are four dimensions, as images have."""


def input_name(port: ov.Output) -> str:
    """Return a tensor name of the port, or its node's name where tensors are unnamed."""
    return str(port.get_any_name() if port.get_names() else port.get_node().get_friendly_name())


def by_position(graph: ov.Model, shapes: Mapping[str, Shape]) -> dict[int, Shape]:
    """Translate shapes by name into shapes by position.

    Raises:
        UsageError: The model has no input of a name, or one with another number of dimensions.
    """
    positions = {name: index for index, port in enumerate(graph.inputs) for name in port.get_names()}
    positions |= {input_name(port): index for index, port in enumerate(graph.inputs)}
    if len(graph.inputs) == 1:
        positions[""] = 0
    unknown = [name for name in shapes if name not in positions]
    if unknown:
        names = ", ".join(input_name(port) for port in graph.inputs)
        raise UsageError(f"shapes= names the input '{unknown[0]}', but the model's inputs are: {names}.")
    for name, shape in shapes.items():
        _refuse_other_ranks(graph.inputs[positions[name]], shape)
    return {positions[name]: tuple(map(int, shape)) for name, shape in shapes.items()}


def _refuse_other_ranks(port: ov.Output, shape: Shape) -> None:
    """Refuse a shape that has no whole numbers from 1 on, or not as many as the input has dimensions."""
    name, own = input_name(port), port.get_partial_shape()
    if not all(isinstance(size, Integral) and 1 <= size <= LONGEST for size in shape):
        raise UsageError(
            f"shapes= gives '{name}' {list(shape)}; a shape holds whole numbers from 1 to {LONGEST}."
        )
    if own.rank.is_static and len(own) != len(shape):
        raise UsageError(
            f"shapes= gives '{name}' {list(shape)}, but the model's input is {own}; give as many dimensions."
        )


def static_shapes(graph: ov.Model, given: Mapping[int, Shape], batch_axes: Axes) -> dict[int, Shape]:
    """Return the static shape of every input, by position.

    Args:
        graph: The model as read, dynamic dimensions and all.
        given: Static shapes that the user gave, by position.
        batch_axes: Axes that may be dynamic, since they hold the batch.

    Raises:
        ModelError: Inputs stay dynamic; one sentence has the shapes to give for all of them.
    """
    free = {index: port for index, port in enumerate(graph.inputs) if index not in given}
    shapes = {**given, **{index: _example(port, batch_axes.get(index)) for index, port in free.items()}}
    dynamic = [index for index, port in free.items() if not _is_static(port, batch_axes.get(index))]
    if dynamic:
        examples = {input_name(graph.inputs[index]): shapes[index] for index in sorted((*given, *dynamic))}
        raise _shapes_wanted([graph.inputs[index] for index in dynamic], examples)
    return shapes


def reshape(graph: ov.Model, shapes: Mapping[int, Shape]) -> None:
    """Give every input its static shape.

    Raises:
        ModelError: The model does not take them.
    """
    try:
        graph.reshape({index: list(shape) for index, shape in shapes.items()})
    except RuntimeError as error:
        names = ", ".join(
            f"{input_name(graph.inputs[index])}{list(shape)}" for index, shape in shapes.items()
        )
        raise ModelError(
            f"The model does not take the shape {names} ({reason(error)}); give shapes that fit with shapes=."
        ) from error


def _is_static(port: ov.Output, batch_axis: int | None) -> bool:
    shape = port.get_partial_shape()
    return shape.rank.is_static and all(dim.is_static or axis == batch_axis for axis, dim in enumerate(shape))


def _example(port: ov.Output, batch_axis: int | None) -> Shape:
    """Return the model's own shape, with a dynamic batch of 1 and usual lengths where it is dynamic."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return (1, USUAL)
    usual = IMAGE if len(shape) == len(IMAGE) else (USUAL,) * len(shape)
    return tuple(
        1 if dim.is_dynamic and axis == batch_axis else _length(dim, usual[axis])
        for axis, dim in enumerate(shape)
    )


def _length(dim: ov.Dimension, usual: int) -> int:
    """Return the length of a dimension; where it is dynamic, the usual one within its limits."""
    most = usual if dim.max_length < 0 else min(usual, dim.max_length)
    return int(max(dim.min_length, most))


def _shapes_wanted(ports: list[ov.Output], examples: Mapping[str, Shape]) -> ModelError:
    names = ", ".join(f"'{input_name(port)}' {port.get_partial_shape()}" for port in ports)
    which = (
        f"Input {names} has a dynamic shape" if len(ports) == 1 else f"The inputs {names} have dynamic shapes"
    )
    return ModelError(f"{which}; say what to measure, for example with shapes={dict(examples)}.")
