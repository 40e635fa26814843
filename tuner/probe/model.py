"""Reads a model with `ov.Core().read_model` and makes every shape static.

What cannot be known is asked for in one sentence: dynamic dimensions other than the batch need
`shapes=`, an input type that cannot be filled is named.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import openvino as ov

from tuner.domain.model import Model, ModelInput
from tuner.errors import ModelError, reason
from tuner.probe.batching import batchings, with_batch
from tuner.probe.element_types import FILLABLE
from tuner.probe.formats import refusal
from tuner.probe.model_files import is_model, model_file, name_of, readable
from tuner.probe.shapes import Shape, by_position, input_name, reshape, static_shapes
from tuner.probe.unchanged import FilesAsRead


@dataclass(frozen=True, slots=True)
class ModelReading:
    """A model as read, and every way in which batch may enter it.

    Attributes:
        unbatched: The model with batch left alone; `batch_refusal` says why when `batched` is empty.
        batched: Models with proposed batch axes, the likeliest first; each still wants its proof.
        files: The model's files; what is measured later must be what was read.
        item_mb: All tensors between its operations for one item, in MiB: what an item takes at most.
    """

    unbatched: Model
    batched: tuple[Model, ...]
    files: FilesAsRead
    item_mb: float = 0.0


def read_model(path: str | Path, shapes: Mapping[str, Shape] | None = None) -> ModelReading:
    """Read a model and propose its batch axes.

    Args:
        path: Whatever `ov.Core().read_model` reads, or a folder with one such model in it.
        shapes: Static shapes by input name (`shapes=`); the name "" stands for the only input.

    Raises:
        ModelError: It cannot be read, or has an input that cannot be shaped or filled.
        UsageError: A shape was given for an input that the model does not have.
    """
    file = model_file(path)
    with readable(file):
        _require_model(file)
        files = FilesAsRead(file)
        graph = _load(file)
    sha256 = files.seal()
    if not graph.inputs:
        raise ModelError(f"'{path}' has no inputs, so there is nothing to infer; give another model.")
    given = by_position(graph, shapes or {})
    _refuse_unfillable(graph)
    axes, refused = batchings(graph, given)
    static = static_shapes(graph, given, axes[0] if axes else {})
    reshape(graph, static)
    item_mb = _tensors_mb(graph)
    plain = Model(
        name=name_of(Path(path)),
        path=str(file),
        sha256=sha256,
        inputs=tuple(
            ModelInput(input_name(port), static[index], port.get_element_type().get_type_name())
            for index, port in enumerate(graph.inputs)
        ),
        output_axes=(None,) * len(graph.outputs),
        batch=1,
        batch_refusal=refused,
        stateful=bool(graph.get_variables()),
    )
    proposals = [with_batch(graph, plain, proposed) for proposed in axes]
    accepted = tuple(proposal for proposal in proposals if isinstance(proposal, Model))
    if proposals and not accepted:
        plain = replace(plain, batch_refusal=str(proposals[0]))
    return ModelReading(plain, accepted, files, item_mb)


def _tensors_mb(graph: ov.Model) -> float:
    """Return the size of all tensors that an inference computes, without those that are always the same."""
    bits, fixed = 0, set[str]()
    for node in graph.get_ordered_ops():
        name = node.get_friendly_name()
        sources = [each.get_source_output().get_node().get_friendly_name() for each in node.inputs()]
        if node.get_type_name() == "Constant" or (sources and fixed.issuperset(sources)):
            fixed.add(name)
            continue
        for port in node.outputs():
            if port.get_partial_shape().is_static:
                bits += math.prod(port.get_shape()) * port.get_element_type().bitwidth
    return bits / 8 / (1 << 20)


def _require_model(path: Path) -> None:
    """Make sure that there is something that can be a model, before much of it is read."""
    if not path.exists():
        raise ModelError(f"No model at '{path}'; give the path of an IR (.xml), ONNX or other model file.")
    if not (path.is_file() or path.is_dir()):  # OpenVINO would wait for the end of a pipe
        raise ModelError(f"'{path}' is neither a file nor a folder; save the model in a file and give that.")
    if path.suffix == ".xml" and path.is_file() and not (weights := path.with_suffix(".bin")).is_file():
        raise ModelError(f"'{path}' has no weights beside it; put '{weights.name}' in the same folder.")
    if not is_model(path):
        raise ModelError(refusal(path, "it holds no model"))


def _load(path: Path) -> ov.Model:
    try:
        with _muted_stderr():
            return ov.Core().read_model(path)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(refusal(path, reason(error))) from error


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


def _refuse_unfillable(graph: ov.Model) -> None:
    for port in graph.inputs:
        kind = port.get_element_type().get_type_name()
        if kind not in FILLABLE:
            raise ModelError(
                f"Input '{input_name(port)}' is of type {kind}, which cannot be filled with samples; "
                "search a model whose inputs are numeric or boolean (a tokenizer can stay outside)."
            )
