"""A program that compiles the model as advised, keeps the requests in flight, and prints its speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from string import Template
from typing import Any

from tuner.advice.advice import Advice
from tuner.advice.export.documents import Export, shapes_of

HERE = "tuner.advice.export"


def python(advice: Advice) -> Export:
    """Return a script that needs only OpenVINO and NumPy."""
    shapes = repr([list(shape) for shape in shapes_of(advice).values()])
    return Export("run.py", _filled("run.py.txt", advice, repr, repr(advice.properties), shapes))


def cpp(advice: Advice) -> Export:
    """Return a program for OpenVINO's C++ API."""
    each = (f"{{{', '.join(map(str, shape))}}}" for shape in shapes_of(advice).values())
    shapes, properties = f"{{{', '.join(each)}}}", _cpp_map(advice.properties)
    return Export("run.cpp", _filled("run.cpp.txt", advice, _cpp_text, properties, shapes))


def _filled(template: str, advice: Advice, quoted: Callable[[str], str], properties: str, shapes: str) -> str:
    text = files(HERE).joinpath(template).read_text(encoding="utf-8")
    return Template(text).substitute(
        model=quoted(advice.model.path),
        device=quoted(advice.device),
        properties=properties,
        shapes=shapes,
        batch=advice.batch,
        requests=advice.requests,
    )


def _cpp_text(text: str) -> str:
    """Return a C++ literal of UTF-8 text; bytes that cannot be seen as three octal digits each."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(mark if mark.isprintable() else _octal(mark) for mark in escaped) + '"'


def _octal(mark: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in mark.encode(errors="surrogateescape"))


def _cpp_map(properties: Mapping[str, Any]) -> str:
    pairs = (f"{{{_cpp_text(name)}, {_cpp_value(value)}}}" for name, value in properties.items())
    return f"ov::AnyMap{{{', '.join(pairs)}}}"


def _cpp_value(value: Any) -> str:
    return _cpp_map(value) if isinstance(value, Mapping) else f"std::string({_cpp_text(value)})"
