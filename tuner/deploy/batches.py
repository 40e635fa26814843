"""Single samples in, single answers out, whole batches in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from tuner.domain.model import Model, ModelInput
from tuner.errors import AdviceError
from tuner.probe.inputs import FILLABLE, from_bf16_bits, to_bf16_bits

Array = NDArray[Any]
Sample = Array | Sequence[Array] | Mapping[str, Array]
"""One item: an array for a model of one input, a tuple in the inputs' order, or arrays by input name.

The batch axis may be there with length 1, or left out; an answer has it where its sample had it.
"""

Answer = Array | tuple[Array, ...]
"""One item's outputs: an array for a model of one output, else a tuple in the outputs' order."""


@dataclass(frozen=True, slots=True)
class Item:
    """A sample that was checked: each input's array without its batch axis, in the inputs' order.

    Attributes:
        arrays: As they go into the input tensors.
        with_axis: Whether the sample had a batch axis of length 1.
    """

    arrays: tuple[Array, ...]
    with_axis: bool


class Assembly:
    """How the samples of a model become batches, and batches become answers."""

    def __init__(self, model: Model, batch: int) -> None:
        """Know the model's inputs, its outputs' batch axes, and the items in a request."""
        self.model, self.batch = model, batch
        self._names = {one.name for one in model.inputs}

    def require(self, compiled: ov.CompiledModel) -> None:
        """Make sure that a compiled model takes these batches.

        Raises:
            AdviceError: It was compiled for other shapes.
        """
        for one, port in zip(self.model.inputs, compiled.inputs, strict=True):
            wanted, found = one.at_batch(self.batch), tuple(port.get_shape())
            if wanted != found:
                raise AdviceError(
                    f"Input '{one.name}' of the compiled model is {list(found)}, the advice is for "
                    f"{list(wanted)}; compile it with advice.compile()."
                )

    def item(self, sample: Sample, index: int) -> Item:
        """Check a sample and return it in the form in which it is put into a batch.

        Raises:
            AdviceError: It does not fit the model; the sentence has its index.
        """
        arrays = [np.asarray(one) for one in self._by_position(sample, index)]
        taken, with_axis = [], False
        for one, array in zip(self.model.inputs, arrays, strict=True):
            shape = _without_axis(one)
            if array.shape == one.at_batch(1) and one.batch_axis is not None:
                array, with_axis = array.reshape(shape), True
            if array.shape != shape:
                told = f"{list(shape)} or {list(one.at_batch(1))}" if shape != one.shape else f"{list(shape)}"
                raise AdviceError(
                    f"Sample {index} has shape {list(array.shape)} for input '{one.name}', not {told}."
                )
            taken.append(_typed(array, one, index))
        return Item(tuple(taken), with_axis)

    def fill(self, request: ov.InferRequest, items: Sequence[Item]) -> None:
        """Write items into a request's input tensors, the last one again and again where too few are left.

        Raises:
            AdviceError: Items that share an input without a batch axis differ in it.
        """
        padded = [*items, *[items[-1]] * (self.batch - len(items))]
        for position, one in enumerate(self.model.inputs):
            data = request.get_input_tensor(position).data.view(FILLABLE[one.type])
            places = _by_place(data, one.batch_axis)
            if one.batch_axis is None:
                _require_equal(one.name, [item.arrays[position] for item in items])
            for at in range(len(places)):
                np.copyto(places[at : at + 1], padded[at].arrays[position], casting="same_kind")

    def answers(self, request: ov.InferRequest, items: Sequence[Item]) -> list[Answer]:
        """Return each item's outputs, copied out of the request; padding is left behind."""
        outputs = [
            _by_place(_values(request.get_output_tensor(position)), axis)
            for position, axis in enumerate(self.model.output_axes)
        ]
        told: list[Answer] = []
        for place, item in enumerate(items):
            each = tuple(
                _cut(output, place, axis, item.with_axis)
                for output, axis in zip(outputs, self.model.output_axes, strict=True)
            )
            told.append(each[0] if len(each) == 1 else each)
        return told

    def _by_position(self, sample: Sample, index: int) -> Sequence[Array]:
        inputs = self.model.inputs
        if isinstance(sample, Mapping):
            if set(sample) != self._names:
                raise AdviceError(
                    f"Sample {index} has the inputs {_listed(sample)}; the model has {_listed(self._names)}."
                )
            return [sample[one.name] for one in inputs]
        arrays = sample if isinstance(sample, tuple) else (sample,)
        if len(arrays) != len(inputs):
            raise AdviceError(
                f"Sample {index} has {len(arrays)} arrays; the model has {len(inputs)} inputs "
                f"({_listed(one.name for one in inputs)}): give a tuple of as many, or a dict."
            )
        return arrays


def _without_axis(one: ModelInput) -> tuple[int, ...]:
    axis = one.batch_axis
    return one.shape if axis is None else (*one.shape[:axis], *one.shape[axis + 1 :])


def _by_place(data: Array, axis: int | None) -> Array:
    """Return a view with the items first; of a tensor without a batch axis, one place."""
    return data[np.newaxis] if axis is None else np.moveaxis(data, axis, 0)


def _typed(array: Array, one: ModelInput, index: int) -> Array:
    """Return an array that can be written into the input without losing its meaning."""
    if one.type == "bf16" and np.issubdtype(array.dtype, np.floating):
        return to_bf16_bits(array)
    if not np.can_cast(array.dtype, FILLABLE[one.type], casting="same_kind"):
        raise AdviceError(
            f"Sample {index} has {array.dtype} for input '{one.name}', which takes {one.type}; "
            "convert it first."
        )
    return array


def _values(tensor: ov.Tensor) -> Array:
    if tensor.get_element_type() == ov.Type.bf16:
        return from_bf16_bits(tensor.data.view(np.uint16))
    data: Array = tensor.data
    return data


def _require_equal(name: str, arrays: Sequence[Array]) -> None:
    first = arrays[0]
    if not all(other is first or np.array_equal(first, other) for other in arrays[1:]):
        raise AdviceError(
            f"Input '{name}' has no batch axis, but samples that share a batch differ in it; "
            "give all of them the same, or use advice.drop_in."
        )


def _cut(places: Array, place: int, axis: int | None, with_axis: bool) -> Array:
    if axis is None:
        return np.array(places[0])
    cut = np.array(places[place])
    return np.expand_dims(cut, axis) if with_axis else cut


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))
