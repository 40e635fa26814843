"""Single samples in, single answers out, whole batches in between.

What happens to every sample costs the cores that infer: checks are a few comparisons, a batch's
outputs are copied at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from tuner.domain.model import Model, ModelInput
from tuner.errors import AdviceError
from tuner.probe.inputs import FILLABLE, from_bf16_bits, to_bf16_bits

Array = NDArray[Any]
Sample = Array | tuple[Array, ...] | Mapping[str, Array]
"""One item: an array for a model of one input, a tuple in the inputs' order, or arrays by input name.

The batch axis may be there with length 1, or left out; an answer has it where its sample had it.
"""

Answer = Array | tuple[Array, ...]
"""One item's outputs: an array for a model of one output, else a tuple in the outputs' order."""


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


class _Port(NamedTuple):
    """An input as samples meet it: its shape without and with a batch of 1, and its type in NumPy."""

    one: ModelInput
    plain: tuple[int, ...]
    full: tuple[int, ...]
    dtype: np.dtype[Any]


class Assembly:
    """How the samples of a model become batches, and batches become answers."""

    def __init__(self, model: Model, batch: int, share_inputs: bool = False) -> None:
        """Know the model's inputs, its outputs' batch axes, and the items in a request.

        With `share_inputs`, batches of one read a sample's own memory where it fits as it is.
        """
        self.model, self.batch = model, batch
        self._share = share_inputs and batch == 1
        self._ports = [
            _Port(one, _without_axis(one), one.at_batch(1), np.dtype(FILLABLE[one.type]))
            for one in model.inputs
        ]
        self._names = {one.name for one in model.inputs}

    def require(self, compiled: ov.CompiledModel) -> None:
        """Make sure that a compiled model takes these batches.

        Raises:
            AdviceError: It was compiled for other shapes.
        """
        wanted = [list(one.at_batch(self.batch)) for one in self.model.inputs]
        found = [list(port.get_shape()) for port in compiled.inputs]
        ranks = [port.get_partial_shape().rank.get_length() for port in compiled.outputs]
        axes = self.model.output_axes
        if len(ranks) != len(axes) or any(
            axis is not None and axis >= rank for axis, rank in zip(axes, ranks, strict=False)
        ):
            raise AdviceError(
                f"The advice tells the batch axes {list(axes)} of the outputs, which the compiled model "
                "does not have; search this model for its own advice."
            )
        if wanted != found:
            raise AdviceError(
                f"The compiled model's inputs are {_told(found)}, the advice is for {_told(wanted)}; "
                "compile it with advice.compile()."
            )

    def item(self, sample: Sample, index: int) -> Item:
        """Check a sample and return it in the form in which it is put into a batch.

        Raises:
            AdviceError: It does not fit the model; the sentence has its index.
        """
        arrays, with_axis = [], False
        for port, value in zip(self._ports, self._by_position(sample, index), strict=True):
            array = value if type(value) is np.ndarray else _as_array(value, port, index)
            if array.shape != port.plain:
                if array.shape != port.full:
                    raise _misshapen(array, port, index)
                array, with_axis = array.reshape(port.plain), True
            arrays.append(array if array.dtype == port.dtype else _typed(array, port, index))
        return Item(arrays, with_axis)

    def seat(self, request: ov.InferRequest) -> Seat:
        """Return a request as a place for batches.

        Raises:
            AdviceError: The model keeps a state, so an answer would depend on which request it came from.
        """
        if _keeps_state(request):
            raise AdviceError(
                f"The model '{self.model.name}' keeps a state from one inference to the next, which single "
                "samples in any request would mix; run one request by yourself."
            )
        return Seat(request, self._ports, self.model.output_axes, self._share)

    def _by_position(self, sample: Sample, index: int) -> Iterable[Any]:
        if isinstance(sample, Mapping):
            if sample.keys() != self._names:
                raise AdviceError(
                    f"Sample {index} has the inputs {_listed(sample)}; the model has {_listed(self._names)}."
                )
            return [sample[port.one.name] for port in self._ports]
        arrays = sample if isinstance(sample, tuple) else (sample,)
        if len(arrays) != len(self._ports):
            raise AdviceError(
                f"Sample {index} has {len(arrays)} arrays; the model has {len(self._ports)} inputs "
                f"({_listed(self._names)}): give a tuple of as many, or a dict."
            )
        return arrays


class Seat:
    """An infer request, filled item by item as they are read, since a sample's buffer may be used again."""

    def __init__(
        self,
        request: ov.InferRequest,
        ports: Sequence[_Port],
        output_axes: Sequence[int | None],
        share: bool,
    ) -> None:
        """Know the request's own input tensors, the items of each first."""
        self.request = request
        self._ports, self._output_axes, self._share = ports, output_axes, share
        self._own = [request.get_input_tensor(position) for position in range(len(ports))]
        views = [one.data.view(port.dtype) for one, port in zip(self._own, ports, strict=True)]
        self._places = [
            view if port.one.batch_axis is None else np.moveaxis(view, port.one.batch_axis, 0)
            for view, port in zip(views, ports, strict=True)
        ]

    def put(self, at: int, item: Item) -> None:
        """Write an item to its place in the batch.

        Raises:
            AdviceError: It differs from the first one in an input without a batch axis.
        """
        for position, (port, places, array) in enumerate(
            zip(self._ports, self._places, item.arrays, strict=True)
        ):
            if self._share:
                self._lend(position, port, array)
            elif port.one.batch_axis is not None:
                places[at] = array
            elif at == 0:
                places[...] = array
            elif not np.array_equal(places, array):
                raise AdviceError(
                    f"Input '{port.one.name}' has no batch axis, but samples that share a batch differ "
                    "in it; give all of them the same, or use advice.drop_in."
                )

    def pad(self, count: int) -> None:
        """Repeat the last of `count` items to the end of the batch."""
        for port, places in zip(self._ports, self._places, strict=True):
            if port.one.batch_axis is not None:
                places[count:] = places[count - 1]

    def answers(self, with_axis: Sequence[bool]) -> list[Answer]:
        """Return each item's outputs, copied out of the request; padding is left behind."""
        columns = [
            _column(_values(self.request.get_output_tensor(position)), axis, with_axis)
            for position, axis in enumerate(self._output_axes)
        ]
        return [*columns[0]] if len(columns) == 1 else list(zip(*columns, strict=True))

    def _lend(self, position: int, port: _Port, array: Array) -> None:
        """Let the request read an array where it is, if it fits as it is, else its own tensor."""
        flags, fits = array.flags, array.dtype == port.dtype and port.one.type != "bf16"
        if flags.c_contiguous and flags.writeable and fits:
            lent = ov.Tensor(array.reshape(port.full), shared_memory=True)
            self.request.set_input_tensor(position, lent)
        else:
            self.request.set_input_tensor(position, self._own[position])
            self._places[position][...] = array


def _keeps_state(request: ov.InferRequest) -> bool:
    """Return whether inferences of a request hang together.

    Requests of several devices together do not tell, and OpenVINO runs no model with a state on them.
    """
    try:
        return bool(request.query_state())
    except RuntimeError:
        return False


def _column(values: Array, axis: int | None, with_axis: Sequence[bool]) -> list[Array]:
    """Return one output of every item: views into a copy of the whole, each with its axis or without."""
    if axis is None:
        return [values.copy() for _ in with_axis]
    rows = (np.moveaxis(values, axis, 0) if axis else values)[: len(with_axis)].copy()
    return [np.expand_dims(row, axis) if kept else row for row, kept in zip(rows, with_axis, strict=True)]


def _without_axis(one: ModelInput) -> tuple[int, ...]:
    axis = one.batch_axis
    return one.shape if axis is None else (*one.shape[:axis], *one.shape[axis + 1 :])


def _misshapen(array: Array, port: _Port, index: int) -> AdviceError:
    wanted = " or ".join(str(list(shape)) for shape in dict.fromkeys((port.plain, port.full)))
    return AdviceError(
        f"Sample {index} has shape {list(array.shape)} for input '{port.one.name}', not {wanted}."
    )


def _typed(array: Array, port: _Port, index: int) -> Array:
    """Return an array that can be written into the input without losing its meaning."""
    if port.one.type == "bf16" and np.can_cast(array.dtype, np.float32, casting="same_kind"):
        return to_bf16_bits(array)
    fits = np.can_cast(array.dtype, port.dtype, casting="same_kind")
    if fits and np.issubdtype(port.dtype, np.integer):
        fits = np.array_equal(array.astype(port.dtype), array)
    if not fits:
        raise AdviceError(
            f"Sample {index} has {array.dtype} for input '{port.one.name}', which takes {port.one.type}; "
            "convert it first."
        )
    return array


def _as_array(value: Any, port: _Port, index: int) -> Array:
    try:
        return np.asarray(value.data if isinstance(value, ov.Tensor) else value)
    except ValueError as error:
        raise AdviceError(
            f"Sample {index} has no array for input '{port.one.name}' ({' '.join(str(error).split())})."
        ) from error


def _values(tensor: ov.Tensor) -> Array:
    if tensor.get_element_type() == ov.Type.bf16:
        return from_bf16_bits(tensor.data.view(np.uint16))
    data: Array = tensor.data
    return data


def _told(shapes: Sequence[Sequence[int]]) -> str:
    return ", ".join(map(str, shapes))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names)))
