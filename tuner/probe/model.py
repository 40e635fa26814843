"""Reads a model with `ov.Core().read_model` and makes every shape static.

What cannot be known is asked for in one sentence: a dynamic dimension that is not the batch needs
`shapes=`, an input type that cannot be filled is named.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import openvino as ov

from tuner.domain.model import Model, ModelInput
from tuner.errors import ModelError, UsageError, reason
from tuner.probe.batching import Axes, batchings
from tuner.probe.element_types import FILLABLE

COMPANIONS: Mapping[str, Callable[[Path], list[Path]]] = {
    ".xml": lambda path: [path.with_suffix(".bin")],
    ".onnx": lambda path: [path.with_name(path.name + end) for end in (".data", "_data")],
    ".pdmodel": lambda path: [path.with_suffix(".pdiparams")],
}
"""Files beside a model that hold its weights, by the model's ending."""


@dataclass(frozen=True, slots=True)
class ModelReading:
    """A model as read, and every way in which batch may enter it.

    Attributes:
        unbatched: The model with batch left alone; `batch_refusal` says why when `batched` is empty.
        batched: Models with proposed batch axes, the likeliest first; each still wants its proof.
    """

    unbatched: Model
    batched: tuple[Model, ...]


def read_model(path: str | Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> ModelReading:
    """Read a model and propose its batch axes.

    Args:
        path: Whatever `ov.Core().read_model` reads.
        shapes: Static shapes by input name (`shapes=`); the name "" stands for the only input.

    Raises:
        ModelError: It cannot be read, or has an input that cannot be shaped or filled.
        UsageError: A shape was given for an input that the model does not have.
    """
    path = Path(path)
    graph = _load(path)
    if not graph.inputs:
        raise ModelError(f"'{path}' has no inputs, so there is nothing to infer; give another model.")
    given = _by_position(graph, shapes or {})
    _refuse_unfillable(graph)
    axes, refusal = batchings(graph, given)
    static = {index: _static_shape(graph, index, given, axes) for index in range(len(graph.inputs))}
    _reshape(graph, static)
    plain = Model(
        name=path.name.removesuffix(path.suffix) or path.name,
        path=str(path),
        sha256=digest(path),
        inputs=tuple(
            ModelInput(input_name(port), static[index], port.get_element_type().get_type_name())
            for index, port in enumerate(graph.inputs)
        ),
        output_axes=(None,) * len(graph.outputs),
        batch=1,
        batch_refusal=refusal,
    )
    proposals = [_with_batch(graph, plain, one) for one in axes]
    accepted = tuple(one for one in proposals if isinstance(one, Model))
    if proposals and not accepted:
        plain = replace(plain, batch_refusal=str(proposals[0]))
    return ModelReading(plain, accepted)


def input_name(port: ov.Output) -> str:
    """Return a tensor name of the port, or its node's name where tensors are unnamed."""
    return str(port.get_any_name() if port.get_names() else port.get_node().get_friendly_name())


def is_model(path: Path) -> bool:
    """Return whether there is a file, or a folder in TensorFlow's saved form: nothing that never ends."""
    try:
        return path.is_file() or (path / "saved_model.pb").is_file()
    except (OSError, ValueError):
        return False


def digest(path: Path) -> str:
    """Return the SHA-256 over a model's file, its weights' files, or all files of its directory."""
    seen = hashlib.sha256()
    for part in _parts(path):
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                seen.update(block)
    return seen.hexdigest()


def _parts(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(part for part in path.rglob("*") if part.is_file())
        return
    yield path
    companions = COMPANIONS[path.suffix](path) if path.suffix in COMPANIONS else []
    yield from (part for part in companions if part.is_file())


def _load(path: Path) -> ov.Model:
    if not path.exists():
        raise ModelError(f"No model at '{path}'; give the path of an IR (.xml), ONNX or other model file.")
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and path.is_file() and not weights.is_file():
        raise ModelError(f"'{path}' has no weights beside it; put '{weights.name}' in the same folder.")
    try:
        with _muted_stderr():
            return ov.Core().read_model(path)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(
            f"'{path}' is not a model that OpenVINO {ov.__version__.split('-')[0]} can read "
            f"({reason(error)}); give an intact IR, ONNX, TensorFlow, TFLite or Paddle file."
        ) from error


@contextmanager
def _muted_stderr() -> Iterator[None]:
    """Keep what the frontends' C++ libraries print about a bad file away from the user's terminal."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _by_position(graph: ov.Model, shapes: Mapping[str, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """Translate shapes by name into shapes by position."""
    positions = {name: index for index, port in enumerate(graph.inputs) for name in port.get_names()}
    positions |= {input_name(port): index for index, port in enumerate(graph.inputs)}
    if len(graph.inputs) == 1:
        positions[""] = 0
    unknown = [name for name in shapes if name not in positions]
    if unknown:
        names = ", ".join(input_name(port) for port in graph.inputs)
        raise UsageError(f"shapes= names the input '{unknown[0]}', but the model's inputs are: {names}.")
    return {positions[name]: shape for name, shape in shapes.items()}


def _refuse_unfillable(graph: ov.Model) -> None:
    for port in graph.inputs:
        kind = port.get_element_type().get_type_name()
        if kind not in FILLABLE:
            raise ModelError(
                f"Input '{input_name(port)}' is of type {kind}, which cannot be filled with samples; "
                "search a model whose inputs are numeric or boolean (a tokenizer can stay outside)."
            )


def _static_shape(
    graph: ov.Model, index: int, given: Mapping[int, tuple[int, ...]], axes: list[Axes]
) -> tuple[int, ...]:
    """Return the shape as given, or the model's own with a dynamic batch set to 1."""
    port = graph.inputs[index]
    if index in given:
        return given[index]
    if port.get_partial_shape().rank.is_dynamic:
        raise _shape_wanted(port, "1,128")
    dims = list(port.get_partial_shape())
    batch_axis = axes[0].get(index) if axes else None
    sizes = [1 if dim.is_dynamic and at == batch_axis else _length(dim) for at, dim in enumerate(dims)]
    if None in sizes:
        example = ",".join("128" if size is None else str(size) for size in sizes)
        raise _shape_wanted(port, example)
    return tuple(size for size in sizes if size is not None)


def _length(dim: ov.Dimension) -> int | None:
    return None if dim.is_dynamic else int(dim.get_length())


def _shape_wanted(port: ov.Output, example: str) -> ModelError:
    name = input_name(port)
    return ModelError(
        f"Input '{name}' has the dynamic shape {port.get_partial_shape()}; "
        f"say which shape to measure, for example shapes='{name}[{example}]'."
    )


def _reshape(graph: ov.Model, shapes: Mapping[int, tuple[int, ...]]) -> None:
    try:
        graph.reshape({index: list(shape) for index, shape in shapes.items()})
    except RuntimeError as error:
        told = ", ".join(f"{input_name(graph.inputs[index])}{list(shape)}" for index, shape in shapes.items())
        raise ModelError(
            f"The model does not take the shape {told} ({reason(error)}); give shapes that fit with shapes=."
        ) from error


def _with_batch(graph: ov.Model, plain: Model, axes: Axes) -> Model | str:
    """Return the model with batch on `axes`, or the reason why reshaping does not work."""
    inputs = tuple(
        ModelInput(one.name, one.shape, one.type, axes.get(index)) for index, one in enumerate(plain.inputs)
    )
    own = {inputs[index].shape[axis] for index, axis in axes.items()}
    if len(own) != 1:
        return f"the inputs disagree on the batch: {sorted(own)}"
    model = replace(plain, inputs=inputs, batch=own.pop())
    try:
        single, double = (_output_shapes(graph, model, batch) for batch in (1, 2))
    except RuntimeError as error:
        return f"reshaping to batch 2 fails: {reason(error)}"
    output_axes = tuple(_grown_axis(one, two) for one, two in zip(single, double, strict=True))
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
        for axis, (one, two) in enumerate(zip(single, double, strict=True))
        if not one.is_dynamic and not two.is_dynamic and two.get_length() == 2 * one.get_length() != 0
    ]
    return grown[0] if grown else None
