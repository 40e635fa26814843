"""Which files hold the weights of an ONNX model: it may name any beside itself, one or one a tensor.

The names are in the model's protobuf, which is read here only as far as they go: everything else is skipped.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""How protobuf writes a field's value."""

INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph"},
    "graph": {1: "node", 5: "tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {13: "entry"},
}
"""Messages of ONNX that lead to names of files: by a field's number, what is in it."""

KEY, VALUE = 1, 2
"""Fields of an entry: `location` and a file's name."""

Span = tuple[int, int]


def external_files(path: Path) -> list[Path]:
    """Return the files that an ONNX model names for its weights, in order of their names.

    Names that lead out of the model's folder are left out, as ONNX forbids them.
    """
    if not path.is_file():  # a pipe may have no end
        return []
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            names = {_text(data, span) for span in _locations(data, "model", (0, len(data)))}
    except (OSError, ValueError, IndexError, RecursionError):  # gone, or no model: OpenVINO says it better
        return []
    inside = (name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts)
    return [path.parent / name for name in sorted(inside)]


def _locations(data: mmap.mmap, message: str, span: Span) -> Iterator[Span]:
    """Yield where the names of files are."""
    if message == "entry":
        fields = dict(_fields(data, span))
        if KEY in fields and _text(data, fields[KEY]) == "location" and VALUE in fields:
            yield fields[VALUE]
        return
    for number, inner in _fields(data, span):
        if number in INSIDE[message]:
            yield from _locations(data, INSIDE[message][number], inner)


def _fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """Yield each field that has bytes, by its number.

    Raises:
        ValueError: This is no protobuf.
        IndexError: It ends too early.
    """
    at, end = span
    while at < end:
        tag, at = _varint(data, at)
        if tag & 7 == BYTES:
            size, at = _varint(data, at)
            if at + size > end:
                raise ValueError("a field ends behind its message")
            yield tag >> 3, (at, at + size)
            at += size
        elif tag & 7 == VARINT:
            _, at = _varint(data, at)
        elif tag & 7 in {FIXED64, FIXED32}:
            at += 8 if tag & 7 == FIXED64 else 4
        else:
            raise ValueError(f"no protobuf has a field of kind {tag & 7}")


def _varint(data: Any, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("no protobuf has a number as long as that")


def _text(data: mmap.mmap, span: Span) -> str:
    return data[slice(*span)].decode()
