"""Makes the pool of samples that lanes run: the user's own data, or random values from a seed.

A sample is a single item: an array for each input, with size 1 along the batch axis. Random integers are 0
or 1, because they may be token ids, which index a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psutil

from tuner.domain.model import Model, ModelInput
from tuner.errors import ModelError, UsageError
from tuner.probe.element_types import FILLABLE, Array, to_bf16_bits
from tuner.probe.sample_files import read_samples

Sample = Mapping[str, Array]
"""Arrays by the name of their input."""

POOL_SIZE = 8
"""Samples at most."""

POOL_BYTES = 64 << 20
"""Bytes of all samples together; beyond it there are fewer of them, but never fewer than two."""


def make_pool(model: Model, files: Mapping[str, Path], seed: int) -> tuple[Sample, ...]:
    """Return several distinct samples.

    Args:
        model: Shapes, types and batch axes of the inputs.
        files: A `.npy` file, an image or a directory of them, by the name of an input.
        seed: Seed of the random values of all other inputs.

    Raises:
        UsageError: There is no input of that name, or a file is missing or of an unknown kind.
        ModelError: A file's shape or type does not fit its input.
    """
    _require_room(model)
    inputs = {model_input.name: model_input for model_input in model.inputs}
    for name in files:
        if name not in inputs:
            raise UsageError(f"inputs= names '{name}', but the model's inputs are: {', '.join(inputs)}.")
    given = {name: read_samples(inputs[name], path) for name, path in files.items()}
    rng = np.random.default_rng(seed)
    size = _pool_size(model)
    columns = {
        name: given.get(name) or [_random(model_input, rng) for _ in range(size)]
        for name, model_input in inputs.items()
    }
    return tuple(
        {name: _pick(columns[name], index, model, model_input) for name, model_input in inputs.items()}
        for index in range(max(map(len, columns.values())))
    )


def _pick(column: list[Array], index: int, model: Model, model_input: ModelInput) -> Array:
    """Return an input's value in a sample.

    An input without a batch axis has the same value in all samples where other inputs are batched, because
    the samples of a batch share it.
    """
    shared = model.batch_axes and model_input.batch_axis is None
    return column[0 if shared else index % len(column)]


def _pool_size(model: Model) -> int:
    return min(max(POOL_BYTES // max(_sample_bytes(model), 1), 2), POOL_SIZE)


def _sample_bytes(model: Model) -> int:
    return sum(
        math.prod(model_input.at_batch(1)) * np.dtype(FILLABLE[model_input.type]).itemsize
        for model_input in model.inputs
    )


def _require_room(model: Model) -> None:
    needed, free = 4 * _sample_bytes(model), psutil.virtual_memory().available
    if needed > free:
        raise ModelError(
            f"Two samples and their copies take {needed / 2**30:.3g} GiB, but {free / 2**30:.3g} GiB "
            "of memory are free; give smaller shapes with shapes=."
        )


def _random(model_input: ModelInput, rng: np.random.Generator) -> Array:
    shape, kind = model_input.at_batch(1), FILLABLE[model_input.type]
    if model_input.type == "bf16":
        return to_bf16_bits(rng.random(shape, dtype=np.float32))
    if np.issubdtype(kind, np.floating):
        return rng.random(shape, dtype=np.float32).astype(kind)
    return rng.integers(0, 2, shape).astype(kind)
