"""Which files make up a model: a file and its weights beside it, or a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
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
        if (part.suffix in ENDINGS and is_file(part)) or _is_saved_model(part)
    )


def is_model(path: Path) -> bool:
    """Return whether there is a file, or a folder that holds a model; a pipe is none."""
    found = model_file(path)
    return is_file(found) or _is_saved_model(found)


def is_file(path: Path) -> bool:
    """Return whether a path is a file; one that must not be looked at, or that no file can have, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def name_of(path: Path) -> str:
    """Return a model's name: a folder's name, or a file's without its ending.

    It can name a folder: it is never empty and never leads to another folder, as `..` does.
    """
    path = path if path.name.strip(".") else path.resolve()
    try:
        folder = path.is_dir()
    except OSError:  # no file can have such a path
        folder = False
    names = (path.name if folder else path.stem, path.name)
    return next((name for name in names if name.strip(".")), UNNAMED)


def require_usable_path(path: str | os.PathLike[str]) -> None:
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


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Name the model where the system fails to read it.

    Raises:
        ModelError: It does.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise ModelError(
            f"The model '{path}' cannot be read ({why}); "
            "give the path of an IR (.xml), ONNX or other model file."
        ) from error


def digest(path: Path) -> str:
    """Return the SHA-256 over a model's file and its weights' files, or over a SavedModel folder's files."""
    return list(running_hashes(parts_of(path)))[-1]


def running_hashes(parts: Iterable[Path]) -> Iterator[str]:
    """Yield, after each file, the SHA-256 over it and all before it."""
    seen = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                seen.update(block)
        yield seen.hexdigest()


def _is_saved_model(path: Path) -> bool:
    return is_file(path / SAVED_MODEL)


def parts_of(path: Path) -> Iterator[Path]:
    """Yield a model's file and its weights' files, or a SavedModel folder's files.

    In a folder only what TensorFlow writes is looked at: reports and studies may lie there, too.
    """
    path = model_file(path)
    if path.is_dir():
        below = (part for name in SAVED_MODEL_FOLDERS for part in (path / name).rglob("*"))
        yield from sorted(part for part in (*path.glob("*.pb"), *below) if is_file(part))
        return
    yield path
    companions = COMPANIONS[path.suffix](path) if path.suffix in COMPANIONS else []
    yield from (part for part in companions if is_file(part))
