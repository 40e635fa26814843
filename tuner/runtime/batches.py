"""Puts checked samples into batches, and takes single answers out of them.

An answer is a view into a copy of the whole batch's output: copying each of them would cost more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import openvino as ov

from tuner.domain.model import Model
from tuner.errors import AdviceError
from tuner.probe.element_types import from_bf16_bits
from tuner.runtime.samples import Array, Item, Port, SampleChecker

Answer = Array | tuple[Array, ...]
"""One item's outputs: an array for a model of one output, else a tuple in the outputs' order."""


class Batcher:
    """How the samples of a model become batches, and batches become answers."""

    def __init__(self, model: Model, batch: int, share_inputs: bool = False) -> None:
        """Know the model's inputs, its outputs' batch axes, and the items in a batch.

        With `share_inputs`, batches of size 1 read a sample's own memory where it fits as it is.
        """
        self.batch, self.checker = batch, SampleChecker(model)
        self._model = model
        self._share = share_inputs and batch == 1

    def require(self, compiled: ov.CompiledModel) -> None:
        """Make sure that a compiled model takes these batches.

        Raises:
            AdviceError: It was compiled for other shapes.
        """
        expected = [list(each.at_batch(self.batch)) for each in self._model.inputs]
        found = [list(port.get_shape()) for port in compiled.inputs]
        if expected != found:
            raise AdviceError(
                f"The compiled model's inputs are {_listed(found)}, the advice is for {_listed(expected)}; "
                "compile it with advice.compile()."
            )
        axes = self._model.output_axes
        shapes = [port.get_partial_shape() for port in compiled.outputs]
        if len(shapes) != len(axes) or not all(
            axis is None or self._holds_items(shape, axis) for axis, shape in zip(axes, shapes, strict=True)
        ):
            raise AdviceError(
                f"The advice has the batch axes {list(axes)} for the outputs, which do not fit the compiled "
                "model; search this model for its own advice."
            )

    def _holds_items(self, shape: ov.PartialShape, axis: int) -> bool:
        """Return whether an output has as many rows for each item along an axis, as far as that is known."""
        if axis >= shape.rank.get_length():
            return False
        length = shape[axis]
        return length.is_dynamic or (
            length.get_length() >= self.batch and not length.get_length() % self.batch
        )

    def wrap(self, request: ov.InferRequest) -> BatchRequest:
        """Return a request that takes batches.

        Raises:
            AdviceError: The model keeps a state, so an answer would depend on its request's earlier batches.
        """
        if _keeps_state(request):
            raise AdviceError(
                f"The model '{self._model.name}' keeps a state from one inference to the next, which samples "
                "that go to any request would mix; run a single request by yourself."
            )
        return BatchRequest(request, self.checker.ports, self._model.output_axes, self.batch, self._share)


class BatchRequest:
    """An infer request that is filled item by item, because a caller may use a sample's buffer again."""

    def __init__(
        self,
        request: ov.InferRequest,
        ports: Sequence[Port],
        output_axes: Sequence[int | None],
        batch: int,
        share: bool,
    ) -> None:
        """View the request's own input tensors with the batch axis first."""
        self.infer_request = request
        self._ports, self._output_axes, self._share = ports, output_axes, share
        self._batch = batch
        self._own = [request.get_input_tensor(position) for position in range(len(ports))]
        views = [tensor.data.view(port.dtype) for tensor, port in zip(self._own, ports, strict=True)]
        self._places = [
            view if port.input.batch_axis is None else np.moveaxis(view, port.input.batch_axis, 0)
            for view, port in zip(views, ports, strict=True)
        ]

    def put(self, at: int, item: Item) -> None:
        """Write an item to its place in the batch.

        Raises:
            AdviceError: It differs from the batch's first item in an input without a batch axis.
        """
        for position, (port, places, array) in enumerate(
            zip(self._ports, self._places, item.arrays, strict=True)
        ):
            if self._share:
                self._lend(position, port, array)
            elif port.input.batch_axis is not None:
                places[at] = array
            elif at == 0:
                places[...] = array
            elif not np.array_equal(places, array):
                raise AdviceError(
                    f"Input '{port.input.name}' has no batch axis, but samples that share a batch differ "
                    "in it; give all of them the same, or use advice.drop_in."
                )

    def pad(self, count: int) -> None:
        """Repeat the last of `count` items to the end of the batch."""
        for port, places in zip(self._ports, self._places, strict=True):
            if port.input.batch_axis is not None:
                places[count:] = places[count - 1]

    def answers(self, with_axis: Sequence[bool]) -> list[Answer]:
        """Return each item's outputs, copied out of the request, without the padding."""
        columns = [
            _column(_values(self.infer_request.get_output_tensor(position)), axis, self._batch, with_axis)
            for position, axis in enumerate(self._output_axes)
        ]
        return [*columns[0]] if len(columns) == 1 else list(zip(*columns, strict=True))

    def _lend(self, position: int, port: Port, array: Array) -> None:
        """Let the request read an array where it is, if it fits as it is, else copy it."""
        flags, fits = array.flags, array.dtype == port.dtype and port.input.type != "bf16"
        if flags.c_contiguous and flags.writeable and fits:
            lent = ov.Tensor(array.reshape(port.full_shape), shared_memory=True)
            self.infer_request.set_input_tensor(position, lent)
        else:
            self.infer_request.set_input_tensor(position, self._own[position])
            self._places[position][...] = array


def _keeps_state(request: ov.InferRequest) -> bool:
    """Return whether an inference of a request depends on the inferences before it.

    A request on several devices raises instead; OpenVINO runs no model with a state on them.
    """
    try:
        return bool(request.query_state())
    except RuntimeError:
        return False


def _column(values: Array, axis: int | None, batch: int, with_axis: Sequence[bool]) -> list[Array]:
    """Return one output of every item, with its batch axis or without: views into a copy of the whole.

    The axis stays where an output has several rows for each item.
    """
    if axis is None:
        return [values.copy() for _ in with_axis]
    if (several := values.shape[axis] // batch) > 1:
        copy = values.copy()
        return [_rows(copy, axis, at * several, (at + 1) * several) for at in range(len(with_axis))]
    rows = (np.moveaxis(values, axis, 0) if axis else values)[: len(with_axis)].copy()
    return [np.expand_dims(row, axis) if kept else row for row, kept in zip(rows, with_axis, strict=True)]


def _rows(values: Array, axis: int, first: int, end: int) -> Array:
    return values[(slice(None),) * axis + (slice(first, end),)]


def _values(tensor: ov.Tensor) -> Array:
    if tensor.get_element_type() == ov.Type.bf16:
        return from_bf16_bits(tensor.data.view(np.uint16))
    data: Array = tensor.data
    return data


def _listed(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join(map(str, shapes))
