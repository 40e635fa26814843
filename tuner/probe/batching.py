"""Proposes the axes along which samples may be stacked.

A proposal is not a proof: reshaping must work and `tuner.measure.answers` must find that two
samples in one batch give what each gives alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import openvino as ov

from tuner.domain.model import Model
from tuner.errors import reason

Axes = dict[int, int]
"""Batch axis by the position of the input; inputs without a batch axis are left out."""


def batchings(graph: ov.Model, given: Mapping[int, tuple[int, ...]]) -> tuple[list[Axes], str | None]:
    """Return proposals for the batch axes, the likeliest first, or the reason why there is none.

    Args:
        graph: The model as read, dynamic dimensions and all.
        given: Static shapes that the user gave, by position.
    """
    from_layout = _axes_from_layout(graph)
    if from_layout:
        return [from_layout], None
    leading = {index: 0 for index, port in enumerate(graph.inputs) if _may_lead(port, given.get(index))}
    if not leading:
        return [], "no input has a dynamic or unit leading axis, and no layout names one"
    wide = {index: 0 for index in leading if _rank(graph.inputs[index], given.get(index)) > 1}
    return [axes for axes in (leading, wide if wide != leading else {}) if axes], None


def with_batch(graph: ov.Model, plain: Model, axes: Axes) -> Model | str:
    """Return the model with batch on `axes`, or the reason why reshaping does not work."""
    inputs = tuple(replace(entry, batch_axis=axes.get(index)) for index, entry in enumerate(plain.inputs))
    own = {inputs[index].shape[axis] for index, axis in axes.items()}
    if len(own) != 1:
        return f"the inputs disagree on the batch: {sorted(own)}"
    model = replace(plain, inputs=inputs, batch=own.pop())
    try:
        single, double = (_output_shapes(graph, model, batch) for batch in (1, 2))
    except RuntimeError as error:
        return f"reshaping to batch 2 fails: {reason(error)}"
    output_axes = tuple(_grown_axis(*shapes) for shapes in zip(single, double, strict=True))
    if all(axis is None for axis in output_axes):
        return "no output grows with the batch"
    return replace(model, output_axes=output_axes)


def _output_shapes(graph: ov.Model, model: Model, batch: int) -> list[ov.PartialShape]:
    copy = graph.clone()
    copy.reshape({index: list(shape) for index, shape in model.shapes(batch).items()})
    return [port.get_partial_shape() for port in copy.outputs]


def _grown_axis(single: ov.PartialShape, double: ov.PartialShape) -> int | None:
    if single.rank.is_dynamic or double.rank.is_dynamic:
        return None
    grown = [
        axis
        for axis, (before, after) in enumerate(zip(single, double, strict=True))
        if not before.is_dynamic
        and not after.is_dynamic
        and after.get_length() == 2 * before.get_length() != 0
    ]
    return grown[0] if grown else None


def _axes_from_layout(graph: ov.Model) -> Axes:
    axes: Axes = {}
    for index, port in enumerate(graph.inputs):
        layout = ov.layout_helpers.get_layout(port)
        if not layout.empty and ov.layout_helpers.has_batch(layout):
            position = ov.layout_helpers.batch_idx(layout)
            rank = port.get_partial_shape().rank
            axes[index] = position if position >= 0 else rank.get_length() + position
    return axes


def _may_lead(port: ov.Output, given: tuple[int, ...] | None) -> bool:
    """Whether the leading axis is dynamic or 1 in the file, or 1 as given where the file has no rank."""
    shape = port.get_partial_shape()
    if shape.rank.is_dynamic:
        return given is not None and given[:1] == (1,)
    if shape.rank.get_length() == 0:
        return False
    return bool(shape[0].is_dynamic or shape[0].get_length() == 1)


def _rank(port: ov.Output, given: tuple[int, ...] | None) -> int:
    return len(given) if given is not None else int(port.get_partial_shape().rank.get_length())
