"""What the project needs to know of a model: its inputs, its outputs and their batch axes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of the model, with a static shape.

    Attributes:
        name: Tensor name, or the parameter's friendly name where the tensor has no name.
        shape: Dimensions at the model's own batch.
        type: OpenVINO's element type, e.g. `f32`, `i64`, `boolean`.
        batch_axis: The axis along which samples are stacked, or None.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    batch_axis: int | None = None

    def at_batch(self, batch: int) -> tuple[int, ...]:
        """Return the shape that holds `batch` items; unchanged without a batch axis."""
        axis = self.batch_axis
        if axis is None:
            return self.shape
        return (*self.shape[:axis], batch, *self.shape[axis + 1 :])


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be compiled: static shapes, known batch axes.

    Attributes:
        name: The file's name without its ending.
        path: The file (or directory) that `read_model` takes.
        sha256: Digest over the file and its weights.
        inputs: Every input, in the model's order.
        output_axes: The batch axis of every output, None where an output has none.
        batch: The model's own batch: items in one request with the shapes of the file.
        batch_refusal: Why batch is not searched, or None when it is.
        stateful: Whether it keeps a state from one inference to the next.
    """

    name: str
    path: str
    sha256: str
    inputs: tuple[ModelInput, ...]
    output_axes: tuple[int | None, ...]
    batch: int
    batch_refusal: str | None = None
    stateful: bool = False

    @property
    def batch_axes(self) -> dict[str, int]:
        """Batch axis by input name; empty when no batch is known."""
        return {
            model_input.name: model_input.batch_axis
            for model_input in self.inputs
            if model_input.batch_axis is not None
        }

    def shapes(self, batch: int) -> Mapping[int, tuple[int, ...]]:
        """Return the shape of every input, by its position, for `batch` items."""
        return {index: model_input.at_batch(batch) for index, model_input in enumerate(self.inputs)}
