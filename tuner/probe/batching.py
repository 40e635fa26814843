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

NO_AXIS = (
    "no input has a dynamic or unit leading axis, no layout names one, and outputs do not lead as inputs do"
)


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
    wide = {index: 0 for index in leading if _rank(graph.inputs[index], given.get(index)) > 1}
    found = [axes for axes in (leading, wide if wide != leading else {}, _shared_by_all(graph)) if axes]
    return found, None if found else NO_AXIS


def with_batch(graph: ov.Model, plain: Model, axes: Axes) -> Model | str:
    """Return the model with batch on `axes`, or the reason why reshaping does not work.

    A model that cannot be reshaped may still hold a batch of its own size; then its `batch_refusal` is set.
    """
    inputs = tuple(replace(entry, batch_axis=axes.get(index)) for index, entry in enumerate(plain.inputs))
    own = {inputs[index].shape[axis] for index, axis in axes.items()}
    if len(own) != 1:
        return f"the inputs disagree on the batch: {sorted(own)}"
    model = replace(plain, inputs=inputs, batch=own.pop())
    try:
        single, double = (_output_shapes(graph, model, batch) for batch in (1, 2))
    except RuntimeError as error:
        return _as_it_is(graph, replace(model, batch_refusal=f"reshaping to batch 2 fails: {reason(error)}"))
    output_axes = tuple(_grown_axis(*shapes) for shapes in zip(single, double, strict=True))
    if all(axis is None for axis in output_axes):
        return "no output grows with the batch"
    return replace(model, output_axes=output_axes)


def _as_it_is(graph: ov.Model, model: Model) -> Model | str:
    """Return a model that cannot be reshaped with its own batch, if all outputs lead with it, or why not."""
    shapes = [port.get_partial_shape() for port in graph.outputs]
    leads = set(model.batch_axes.values()) == {0} and {_first(shape) for shape in shapes} == {model.batch}
    if model.batch == 1 or not leads:
        return str(model.batch_refusal)
    return replace(model, output_axes=(0,) * len(shapes))


def _shared_by_all(graph: ov.Model) -> Axes:
    """Return the leading axis of wide inputs, if all of them and all outputs have the same length there."""
    wide = {index: port for index, port in enumerate(graph.inputs) if _rank(port, None) > 1}
    ports = [*wide.values(), *graph.outputs]
    lengths = {_first(port.get_partial_shape()) for port in ports}
    return dict.fromkeys(wide, 0) if wide and len(lengths) == 1 and lengths.isdisjoint({None, 1}) else {}


def _first(shape: ov.PartialShape) -> int | None:
    """Return the length of the leading axis, where there is one and it is fixed."""
    fixed = shape.rank.is_static and shape.rank.get_length() > 0 and shape[0].is_static
    return int(shape[0].get_length()) if fixed else None


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
    rank = port.get_partial_shape().rank
    return len(given) if given is not None else int(rank.get_length()) if rank.is_static else 0
