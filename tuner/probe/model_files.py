"""Which files make up a model: a file and its weights beside it, or a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tuner.domain.visible import visible
from tuner.errors import ModelError
from tuner.probe.onnx_files import external_files

UNNAMED = "model"
"""What a model is called whose path has no name, like `/`."""

SAVED_MODEL = "saved_model.pb"
"""The file by which TensorFlow's SavedModel folder is recognised."""

SAVED_MODEL_FOLDERS = ("variables", "assets", "assets.extra")

ENDINGS = (".xml", ".onnx", ".pb", ".tflite", ".pdmodel")
"""Endings of the model files that are looked for inside a folder."""

COMPANIONS: Mapping[str, Callable[[Path], list[Path]]] = {
    ".xml": lambda path: [path.with_suffix(".bin")],
    ".onnx": lambda path: [
        *(usual := [path.with_name(path.name + end) for end in (".data", "_data")]),
        *(file for file in external_files(path) if file not in usual),
    ],
    ".pdmodel": lambda path: [path.with_suffix(".pdiparams")],
}
"""Files beside a model that hold its weights, by the model's ending."""


def model_file(path: str | Path) -> Path:
    """Return what OpenVINO reads: the path itself, or the only model in a folder that is no model itself."""
    path = Path(path)
    try:
        inside = [] if _is_saved_model(path) else models_in(path)
    except (OSError, ValueError):  # no file can have such a path, for example one that is too long
        return path
    return inside[0] if len(inside) == 1 else path


def models_in(folder: Path) -> list[Path]:
    """Return the model files and SavedModel folders directly inside a folder."""
    return sorted(
        part
        for part in folder.glob("*")
        if (part.suffix in ENDINGS and part.is_file()) or _is_saved_model(part)
    )


def is_model(path: Path) -> bool:
    """Return whether there is a file, or a folder that holds a model; a pipe is none."""
    try:
        found = model_file(path)
        return found.is_file() or _is_saved_model(found)
    except (OSError, ValueError):
        return False


def name_of(path: Path) -> str:
    """Return a model's name: a folder's name, or a file's without its ending.

    It can name a folder: it is never empty and never leads to another folder, as `..` does.
    """
    path = path if path.name.strip(".") else path.resolve()
    names = (path.name if path.is_dir() else path.stem, path.name)
    return next((name for name in names if name.strip(".")), UNNAMED)


def require_readable_name(path: str | os.PathLike[str]) -> None:
    """Make sure that a path is not empty, and is Unicode as YAML and SQLite need it.

    Raises:
        ModelError: It is not.
    """
    text = os.fspath(path)
    if not text:
        raise ModelError(
            "The model's path is empty; give the path of an IR (.xml), ONNX or other model file."
        )
    if text != text.encode(errors="ignore").decode():
        raise ModelError(
            f"'{visible(text)}' is no UTF-8 text, so no advice can name it; rename the file or folder."
        )


def digest(path: Path) -> str:
    """Return the SHA-256 over a model's file and its weights' files, or over a SavedModel folder's files."""
    seen = hashlib.sha256()
    for part in parts_of(path):
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                seen.update(block)
    return seen.hexdigest()


def _is_saved_model(path: Path) -> bool:
    return (path / SAVED_MODEL).is_file()


def parts_of(path: Path) -> Iterator[Path]:
    """Yield a model's file and its weights' files, or a SavedModel folder's files."""
    path = model_file(path)
    if path.is_dir():
        yield from sorted(part for part in path.rglob("*") if part.is_file() and _is_tensorflows(part, path))
        return
    yield path
    companions = COMPANIONS[path.suffix](path) if path.suffix in COMPANIONS else []
    yield from (part for part in companions if part.is_file())


def _is_tensorflows(part: Path, folder: Path) -> bool:
    """Return whether TensorFlow wrote a file: reports and studies may lie in the same folder."""
    first, *rest = part.relative_to(folder).parts
    return first in SAVED_MODEL_FOLDERS if rest else part.suffix == ".pb"
