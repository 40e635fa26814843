"""Names the field that was probably meant where a file has an unknown one."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import msgspec

from tuner.advice.records import Record


def with_nearest_field(message: str, kind: type[Record]) -> str:
    """Add to msgspec's message on an unknown field the record's own field with the nearest name."""
    message = " ".join(message.split())
    found = re.search(r"unknown field `(.*?)`(?: - at `\$(.*)`)?", message)
    near = get_close_matches(found[1], _fields(kind, found[2] or ""), 1, 0.5) if found else []
    return message + (f", the nearest one is `{near[0]}`" if near else "")


def _fields(kind: type[Record], place: str) -> list[str]:
    """Return the fields of a record at a place like `.best` or `.devices[0]`."""
    info: Any = msgspec.inspect.type_info(kind)
    for step in re.findall(r"\w+|\[", place):
        info = _type_at(info, step)
    return [field.encode_name for field in getattr(info, "fields", ())]


def _type_at(info: Any, step: str) -> Any:
    """Return the type of a field, or of the items of a list or a mapping."""
    for alternative in getattr(info, "types", (info,)):
        fields = {field.encode_name: field.type for field in getattr(alternative, "fields", ())}
        if step in fields:
            kinds = getattr(fields[step], "types", ())
            return next((kind for kind in kinds if hasattr(kind, "fields")), fields[step])
        if inner := getattr(alternative, "item_type", None) or getattr(alternative, "value_type", None):
            return inner
    return info
