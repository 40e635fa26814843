"""Makes the pool of samples that lanes feed: the user's own data, or seeded random values.

A sample holds one item: an array per input, with size 1 along the batch axis. Integer values stay
in {0, 1} unless data is given, because token ids index a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from tuner.domain.model import Model, ModelInput
from tuner.errors import ModelError, UsageError

Array = NDArray[Any]
Sample = Mapping[str, Array]

FILLABLE: Mapping[str, type] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": np.uint16,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "u64": np.uint64,
    "u32": np.uint32,
    "u16": np.uint16,
    "u8": np.uint8,
    "boolean": np.bool_,
}
"""Element types that can be filled, with NumPy's type; bf16 is carried as its 16 bits."""

POOL_SIZE = 8
POOL_BYTES = 64 << 20
IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}


def make_pool(model: Model, files: Mapping[str, Path], seed: int) -> tuple[Sample, ...]:
    """Return several distinct samples.

    Args:
        model: Shapes, types and batch axes of the inputs.
        files: A `.npy` file, an image or a directory of them by input name.
        seed: Seed of the random values of all other inputs.

    Raises:
        UsageError: A name is not an input, or a file is missing or of an unknown kind.
        ModelError: A file's shape or type does not fit its input.
    """
    _require_room(model)
    names = [one.name for one in model.inputs]
    for name in files:
        if name not in names:
            raise UsageError(f"inputs= names '{name}', but the model's inputs are: {', '.join(names)}.")
    given = {one.name: _read(one, files[one.name]) for one in model.inputs if one.name in files}
    rng = np.random.default_rng(seed)
    size = _pool_size(model)
    columns = {
        one.name: given.get(one.name) or [_random(one, rng) for _ in range(size)] for one in model.inputs
    }
    size = max(map(len, columns.values()))
    return tuple(
        {one.name: _pick(columns[one.name], index, model, one) for one in model.inputs}
        for index in range(size)
    )


def to_bf16_bits(values: Array) -> Array:
    """Return the upper 16 bits of each float32: bf16 by truncation."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def from_bf16_bits(bits: Array) -> Array:
    """Return float32 values of bf16 bits."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _pick(column: list[Array], index: int, model: Model, one: ModelInput) -> Array:
    """Samples of one batch share an input that has no batch axis, so it then has one value for all."""
    shared = model.batch_axes and one.batch_axis is None
    return column[0 if shared else index % len(column)]


def _pool_size(model: Model) -> int:
    return min(max(POOL_BYTES // max(_sample_bytes(model), 1), 2), POOL_SIZE)


def _sample_bytes(model: Model) -> int:
    return sum(math.prod(one.at_batch(1)) * np.dtype(FILLABLE[one.type]).itemsize for one in model.inputs)


def _require_room(model: Model) -> None:
    wanted, there = 4 * _sample_bytes(model), psutil.virtual_memory().available
    if wanted > there:
        raise ModelError(
            f"Two samples and their copies take {wanted / 2**30:.3g} GiB, but {there / 2**30:.3g} GiB "
            "of memory are free; give smaller shapes with shapes=."
        )


def _random(one: ModelInput, rng: np.random.Generator) -> Array:
    shape, kind = one.at_batch(1), FILLABLE[one.type]
    if one.type == "bf16":
        return to_bf16_bits(rng.random(shape, dtype=np.float32))
    if np.issubdtype(kind, np.floating):
        return rng.random(shape, dtype=np.float32).astype(kind)
    return rng.integers(0, 2, shape).astype(kind)


def _read(one: ModelInput, path: Path) -> list[Array]:
    if not path.exists():
        raise UsageError(
            f"inputs={one.name}={path}: no such file; give a .npy file, an image or a directory."
        )
    if not path.is_dir():
        return _read_file(one, path)
    known = sorted(part for part in path.iterdir() if part.suffix.lower() in IMAGE_ENDINGS | {".npy"})
    if not known:
        raise UsageError(f"inputs={one.name}={path}: the directory holds no .npy file and no image.")
    return [sample for part in known for sample in _read_file(one, part)]


def _read_file(one: ModelInput, path: Path) -> list[Array]:
    suffix = path.suffix.lower()
    reader: Callable[[ModelInput, Path], list[Array]]
    if suffix == ".npy":
        reader = _read_npy
    elif suffix in IMAGE_ENDINGS:
        reader = _read_image
    else:
        raise UsageError(f"inputs={one.name}={path}: '{suffix}' files are not read; give .npy or an image.")
    try:
        return reader(one, path)
    except (ValueError, OSError, EOFError) as error:
        raise ModelError(f"inputs={one.name}={path}: the file cannot be read ({error}).") from error


def _read_npy(one: ModelInput, path: Path) -> list[Array]:
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds several arrays; save one with numpy.save")
    wanted, axis = one.at_batch(1), _stacking_axis(one)
    if axis is not None and array.shape == wanted[:axis] + wanted[axis + 1 :]:
        array = np.expand_dims(array, axis)
    fits = array.ndim == len(wanted) and all(
        have == want or at == axis for at, (have, want) in enumerate(zip(array.shape, wanted, strict=True))
    )
    if not fits or array.size == 0:
        raise ModelError(
            f"inputs={one.name}={path}: the array has shape {list(array.shape)}, but one sample of "
            f"'{one.name}' has shape {list(wanted)}; save samples of that shape"
            + ("." if axis is None else f", several stacked along axis {axis} if you like.")
        )
    samples = [array] if axis is None else np.split(array, array.shape[axis], axis)
    return [_cast(one, sample, path) for sample in samples]


def _stacking_axis(one: ModelInput) -> int | None:
    """Return the axis along which a file may hold several samples; batch need not be searched for it."""
    if one.batch_axis is not None:
        return one.batch_axis
    return 0 if one.shape[:1] == (1,) else None


def _cast(one: ModelInput, array: Array, path: Path) -> Array:
    if one.type == "bf16" and np.issubdtype(array.dtype, np.floating):
        return to_bf16_bits(array)
    kind = FILLABLE[one.type]
    if one.type == "bf16" or not np.can_cast(array.dtype, kind, casting="same_kind"):
        raise ModelError(
            f"inputs={one.name}={path}: the array is of type {array.dtype}, but '{one.name}' takes "
            f"{one.type}; convert it first, for example with array.astype('{np.dtype(kind).name}')."
        )
    cast: Array = np.ascontiguousarray(array, dtype=kind)
    if np.issubdtype(kind, np.integer) and not np.array_equal(cast, array):
        raise ModelError(
            f"inputs={one.name}={path}: some values do not fit '{one.name}', which takes {one.type}; "
            f"give values from {np.iinfo(kind).min} to {np.iinfo(kind).max}."
        )
    return cast


def _read_image(one: ModelInput, path: Path) -> list[Array]:
    """Read an image as RGB or grey, resized to the input; floats are scaled to 0..1."""
    from PIL import Image  # only needed where an image is given; importing it costs start-up

    shape = one.at_batch(1)
    channels_first = len(shape) == 4 and shape[1] in (1, 3)
    if not channels_first and not (len(shape) == 4 and shape[3] in (1, 3)):
        raise ModelError(
            f"inputs={one.name}={path}: an image needs an input of shape [1,3,H,W] or [1,H,W,3], "
            f"but '{one.name}' has {list(shape)}; give a .npy file."
        )
    channels, height, width = shape[1:] if channels_first else (shape[3], shape[1], shape[2])
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB").resize((width, height)))
    pixels = pixels.reshape(height, width, channels)
    array = (pixels.transpose(2, 0, 1) if channels_first else pixels)[np.newaxis]
    if one.type in {"f16", "f32", "f64", "bf16"}:
        return [_cast(one, (array / 255).astype(np.float32), path)]
    return [np.ascontiguousarray(array, dtype=FILLABLE[one.type])]
