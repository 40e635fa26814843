"""Reads a user's samples for an input: NumPy arrays and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tuner.domain.model import ModelInput
from tuner.errors import ModelError, UsageError
from tuner.probe.element_types import FILLABLE, Array, to_bf16_bits

IMAGE_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"}

LONGEST_REASON = 300
"""Characters of what is said about a file; it may quote the file."""


def read_samples(model_input: ModelInput, path: Path) -> list[Array]:
    """Return the samples of a `.npy` file, an image, or a directory of them in the order of names.

    Raises:
        UsageError: The file is missing, or of an unknown kind.
        ModelError: Its shape, type or values do not fit the input.
    """
    if not path.exists():
        raise UsageError(
            f"inputs={model_input.name}={path}: no such file; give a .npy file, an image or a directory."
        )
    if not path.is_dir():
        return _read_file(model_input, path)
    known = sorted(part for part in path.iterdir() if part.suffix.lower() in IMAGE_ENDINGS | {".npy"})
    if not known:
        raise UsageError(f"inputs={model_input.name}={path}: the directory holds no .npy file and no image.")
    return [sample for part in known for sample in _read_file(model_input, part)]


def _read_file(model_input: ModelInput, path: Path) -> list[Array]:
    suffix = path.suffix.lower()
    if suffix not in IMAGE_ENDINGS | {".npy"}:
        raise UsageError(
            f"inputs={model_input.name}={path}: '{suffix}' files are not read; give .npy or an image."
        )
    if not path.is_file():  # a pipe may have no end
        raise UsageError(f"inputs={model_input.name}={path}: it is not a file; give a .npy file or an image.")
    try:
        return _read_npy(model_input, path) if suffix == ".npy" else _read_image(model_input, path)
    except ModelError:
        raise
    except Exception as error:  # of any kind: what NumPy and Pillow raise on a damaged file is not documented
        why = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        raise ModelError(f"inputs={model_input.name}={path}: the file cannot be read ({why}).") from error


def _read_npy(model_input: ModelInput, path: Path) -> list[Array]:
    with path.open("rb") as stream:  # NumPy leaves a file open that it opened itself and cannot read
        array = np.load(stream, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("it holds several arrays; save one array with numpy.save")
    wanted, axis = model_input.at_batch(1), _stacking_axis(model_input)
    if axis is not None and array.shape == wanted[:axis] + wanted[axis + 1 :]:
        array = np.expand_dims(array, axis)
    fits = array.ndim == len(wanted) and all(
        have == want or at == axis for at, (have, want) in enumerate(zip(array.shape, wanted, strict=True))
    )
    if not fits or array.size == 0:
        raise ModelError(
            f"inputs={model_input.name}={path}: the array has shape {list(array.shape)}, but one sample of "
            f"'{model_input.name}' has shape {list(wanted)}; save samples of that shape"
            + ("." if axis is None else f", several stacked along axis {axis} if there are more.")
        )
    samples = [array] if axis is None else np.split(array, array.shape[axis], axis)
    return [_cast(model_input, sample, path) for sample in samples]


def _stacking_axis(model_input: ModelInput) -> int | None:
    """Return the axis along which a file may hold several samples, even if batch is not searched."""
    if model_input.batch_axis is not None:
        return model_input.batch_axis
    return 0 if model_input.shape[:1] == (1,) else None


def _cast(model_input: ModelInput, array: Array, path: Path) -> Array:
    if model_input.type == "bf16" and np.issubdtype(array.dtype, np.floating):
        return to_bf16_bits(array)
    kind, given = FILLABLE[model_input.type], f"inputs={model_input.name}={path}"
    if model_input.type == "bf16" or not np.can_cast(array.dtype, kind, casting="same_kind"):
        raise ModelError(
            f"{given}: the array is of type {array.dtype}, but '{model_input.name}' takes "
            f"{model_input.type}; convert it first, for example with array.astype('{np.dtype(kind).name}')."
        )
    cast: Array = np.ascontiguousarray(array, dtype=kind)
    if np.issubdtype(kind, np.integer) and not np.array_equal(cast, array):
        raise ModelError(
            f"{given}: some values do not fit '{model_input.name}', which takes {model_input.type}; "
            f"give values from {np.iinfo(kind).min} to {np.iinfo(kind).max}."
        )
    return cast


def _read_image(model_input: ModelInput, path: Path) -> list[Array]:
    """Read an image as RGB or grey and resize it to the input; floats are scaled to 0..1."""
    from PIL import Image  # takes time to import, and only images need it

    shape = model_input.at_batch(1)
    channels_first = len(shape) == 4 and shape[1] in (1, 3)
    if not channels_first and not (len(shape) == 4 and shape[3] in (1, 3)):
        raise ModelError(
            f"inputs={model_input.name}={path}: an image needs an input of shape [1,3,H,W] or [1,H,W,3], "
            f"but '{model_input.name}' has {list(shape)}; give a .npy file."
        )
    channels, height, width = shape[1:] if channels_first else (shape[3], shape[1], shape[2])
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB").resize((width, height)))
    except Exception as error:  # of any kind: each decoder has its own for a broken or a far too large image
        raise ValueError(str(error) or type(error).__name__) from error
    pixels = pixels.reshape(height, width, channels)
    array = (pixels.transpose(2, 0, 1) if channels_first else pixels)[np.newaxis]
    if model_input.type in {"f16", "f32", "f64", "bf16"}:
        return [_cast(model_input, (array / 255).astype(np.float32), path)]
    return [np.ascontiguousarray(array, dtype=FILLABLE[model_input.type])]
