"""Edits that damage plain data in a few places: values, types, keys. They are plain data, too, so tests can keep them."""

import copy
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]
Edit = tuple[Path, str, Any]
"""Where, what is done there, and the value or name it is done with."""

NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([1 << 20, (1 << 20) + 1, 1 << 31, 1 << 62, 1 << 63, -(1 << 63), 10**19, 10**30]),
    st.floats(),
)
WORDS = st.one_of(
    st.sampled_from(
        ["", "CPU", "MULTI:CPU", "AUTO:GPU,CPU", "BATCH:CPU(8)", "GPU", "hint", "f32", "Infinity", "nan", "1",
         "null", "NUM_STREAMS", "PERFORMANCE_HINT", "INFERENCE_PRECISION_HINT", "DEVICE_PROPERTIES", "faster"]
    ),
    st.text(max_size=8),
)  # fmt: skip
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=4,
)
LIST_CHANGES = ("empty", "shorten", "double", "reverse")


def places(data: Any, path: Path = ()) -> list[Path]:
    """Return the path of every part of plain data, but not of the whole."""
    found = []
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        found += [(*path, key), *places(data[key], (*path, key))]
    return found


def edits_of(data: Any, most: int = 3) -> st.SearchStrategy[list[Edit]]:
    """Draw one to a few edits of data like these; numbers mostly become numbers, words become words."""
    parts = {path: _at(data, path) for path in places(data)}
    by_name: dict[str, list[Path]] = {}
    for path in parts:  # a list of a hundred rounds is no more likely to be changed than a name
        by_name.setdefault(str([key for key in path if isinstance(key, str)]), []).append(path)
    path = st.sampled_from(list(by_name)).flatmap(lambda name: st.sampled_from(by_name[name]))
    return st.lists(path.flatmap(lambda path: _edit(path, parts[path])), min_size=1, max_size=most)


def _edit(path: Path, value: Any) -> st.SearchStrategy[Edit]:
    same = (
        st.booleans()
        if isinstance(value, bool)
        else NUMBERS
        if isinstance(value, (int, float))
        else WORDS
        if isinstance(value, str)
        else ANYTHING
    )
    kinds = [
        st.tuples(st.just("set"), same),
        st.tuples(st.just("set"), ANYTHING),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("rename"), WORDS),
        st.tuples(st.just("add"), ANYTHING),
    ]
    if isinstance(value, list):
        kinds.append(st.tuples(st.sampled_from(LIST_CHANGES), st.none()))
    return st.one_of(kinds).map(lambda change: (path, *change))


def edited(data: Any, edits: Sequence[Edit]) -> Any:
    """Return a copy of the data with the edits made one after the other, those whose place is gone left out."""
    data = copy.deepcopy(data)
    for (*path, key), change, value in edits:
        with suppress(LookupError, TypeError):
            _change(_at(data, path), key, change, copy.deepcopy(value))
    return data


def _change(holder: Any, key: Any, change: str, value: Any) -> None:
    part = holder[key]
    if change == "set":
        holder[key] = value
    elif change == "remove":
        del holder[key]
    elif change == "rename" and isinstance(holder, dict):
        holder[value] = holder.pop(key)
    elif change == "add" and isinstance(part, list):
        part.append(value)
    elif change == "add" and isinstance(part, dict):
        part["added"] = value
    elif change in LIST_CHANGES and isinstance(part, list):
        changed = {"empty": [], "shorten": part[:-1], "double": part * 2, "reverse": part[::-1]}
        holder[key] = copy.deepcopy(changed[change])


def _at(data: Any, path: Sequence[Any]) -> Any:
    for key in path:
        data = data[key]
    return data
