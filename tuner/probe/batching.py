"""Proposes the axes along which samples may be stacked.

A proposal is not a proof: reshaping must work and `tuner.measure.answers` must find that two
samples in one batch give what each gives alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import openvino as ov

Axes = dict[int, int]
"""Batch axis by the position of the input; inputs without one are left out."""


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
    return [one for one in (leading, wide if wide != leading else {}) if one], None


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
