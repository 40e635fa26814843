"""Checks single samples, and brings them into the form in which they are put into a batch.

This costs the cores that infer, for every sample: checks are a few comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from tuner.domain.model import Model, ModelInput
from tuner.errors import AdviceError
from tuner.probe.element_types import FILLABLE, to_bf16_bits

Array = NDArray[Any]
Sample = Array | tuple[Array, ...] | Mapping[str, Array]
"""One item: an array for a model of one input, a tuple in the inputs' order, or arrays by input name.

The batch axis may be there with length 1, or left out; an answer has it if its sample had it.
"""


class Item(NamedTuple):
    """A sample that was checked.

    Attributes:
        arrays: Each input's array without its batch axis, in the inputs' order.
        with_axis: Whether the sample had a batch axis of length 1.
    """

    arrays: list[Array]
    with_axis: bool

    def copied(self) -> Item:
        """Return the item with arrays of its own."""
        return Item([array.copy() for array in self.arrays], self.with_axis)


class Port(NamedTuple):
    """An input of the model, as samples fit it.

    Attributes:
        input: The input.
        item_shape: Its shape without the batch axis.
        full_shape: Its shape with batch 1.
        dtype: Its element type in NumPy.
    """

    input: ModelInput
    item_shape: tuple[int, ...]
    full_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, model_input: ModelInput) -> Port:
        """Return the port of an input."""
        shape, axis = model_input.shape, model_input.batch_axis
        item_shape = shape if axis is None else (*shape[:axis], *shape[axis + 1 :])
        return cls(model_input, item_shape, model_input.at_batch(1), np.dtype(FILLABLE[model_input.type]))


class SampleChecker:
    """Checks samples against the inputs of a model."""

    def __init__(self, model: Model) -> None:
        """Know the model's inputs."""
        self.ports = [Port.of(model_input) for model_input in model.inputs]
        self._names = {model_input.name for model_input in model.inputs}

    def item(self, sample: Sample, index: int) -> Item:
        """Check a sample and return it in the form in which it is put into a batch.

        Raises:
            AdviceError: It does not fit the model; the sentence has its index.
        """
        arrays, with_axis = [], False
        for port, value in zip(self.ports, self._in_order(sample, index), strict=True):
            array = value if type(value) is np.ndarray else _as_array(value, port, index)
            if array.shape != port.item_shape:
                if array.shape != port.full_shape:
                    raise _misshapen(array, port, index)
                array, with_axis = array.reshape(port.item_shape), True
            arrays.append(array if array.dtype == port.dtype else _typed(array, port, index))
        return Item(arrays, with_axis)

    def _in_order(self, sample: Sample, index: int) -> Iterable[Any]:
        """Return a sample's values in the inputs' order."""
        if isinstance(sample, Mapping):
            if sample.keys() != self._names:
                raise AdviceError(
                    f"Sample {index} has the inputs {_listed(sample)}; the model has {_listed(self._names)}."
                )
            return [sample[port.input.name] for port in self.ports]
        arrays = sample if isinstance(sample, tuple) else (sample,)
        if len(arrays) != len(self.ports):
            raise AdviceError(
                f"Sample {index} has {len(arrays)} arrays; the model has {len(self.ports)} inputs "
                f"({_listed(self._names)}): give a tuple of as many, or a dict."
            )
        return arrays


def _as_array(value: Any, port: Port, index: int) -> Array:
    try:
        return np.asarray(value.data if isinstance(value, ov.Tensor) else value)
    except ValueError as error:
        raise AdviceError(
            f"Sample {index} has no array for input '{port.input.name}' ({' '.join(str(error).split())})."
        ) from error


def _misshapen(array: Array, port: Port, index: int) -> AdviceError:
    expected = " or ".join(str(list(shape)) for shape in dict.fromkeys((port.item_shape, port.full_shape)))
    return AdviceError(
        f"Sample {index} has shape {list(array.shape)} for input '{port.input.name}', not {expected}."
    )


def _typed(array: Array, port: Port, index: int) -> Array:
    """Return an array that can be written into the input without changing its numbers."""
    if port.input.type == "bf16" and np.can_cast(array.dtype, np.float32, casting="same_kind"):
        return to_bf16_bits(array)
    fits = np.can_cast(array.dtype, port.dtype, casting="same_kind")
    if fits and np.issubdtype(port.dtype, np.integer):
        fits = np.array_equal(array.astype(port.dtype), array)
    if not fits:
        raise AdviceError(
            f"Sample {index} has {array.dtype} for input '{port.input.name}', which takes {port.input.type}; "
            "convert it first."
        )
    return array


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names)))
