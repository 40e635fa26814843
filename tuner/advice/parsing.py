"""Reads a YAML file that anyone may have written: small, flat, without aliases and doubled keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tuner.errors import AdviceError
from tuner.probe.plain_files import read_plain

CONFIG_NAME = "config.yaml"

SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 2 << 20
"""Advice has 2 to 5 KiB, so this is the advice of more than 400 hosts."""

MOST_PARTS = 200_000
"""Values, lists and mappings in a file: of 400 hosts, whose advice has up to 500 each.

They are counted before any is kept: that takes a tenth of the time of reading them.
"""

LONGEST_NUMBER = 40
"""Characters of a number; Python takes hours to read one of millions."""

LONGEST_REASON = 400
"""Characters of what is said about a file; it may quote the file."""

DEEPEST = 16
"""Levels of nesting; an advice has six."""

PARSING_FAILS = (
    yaml.YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What PyYAML raises on bad values beside its own errors, e.g. a KeyError on `!!bool maybe`."""

GIVE_CONFIG = "give the config.yaml that 'tuner search' wrote"
WRITE_AGAIN = "write it again with 'tuner search'"


def parse_yaml(path: str | Path) -> Any:
    """Return a YAML file as plain data.

    Raises:
        AdviceError: The file cannot be read, is too large, or is not valid YAML.
    """
    content = _content(path)
    try:
        text = content.decode()
        refuse_bombs(text)
        return yaml.load(text, Loader=_Loader)
    except PARSING_FAILS as error:
        why = shortened(" ".join(str(error).split())) or type(error).__name__
        raise AdviceError(f"'{path}' is not valid YAML ({why}); {WRITE_AGAIN}.") from error


Lines = Mapping[tuple[str | int, ...], int]
"""The line of each value in a file, from 1, by its keys and positions from the top."""


def with_lines(text: str) -> tuple[Any, Lines]:
    """Return a YAML text as plain data, and the line on which each value, or its key, stands.

    Raises:
        ValueError: The text is too large, has aliases, a doubled key, or a number that is too long.
        yaml.YAMLError: It is not valid YAML; the other `PARSING_FAILS` come of bad values.
    """
    refuse_bombs(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines = dict(_lines(node, ())) if node else {}
        return (loader.construct_document(node) if node else None), lines
    finally:
        loader.dispose()


def _lines(node: yaml.Node, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for position, part in enumerate(node.value):
            yield from _lines(part, (*place, position))
    if isinstance(node, yaml.MappingNode):
        for key, part in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield from _lines(part, (*place, key.value))
                yield (*place, key.value), key.start_mark.line + 1


def advice_file(path: str | Path) -> Path:
    """Return the file of advice: the path itself, or the config.yaml of a folder that a search wrote to."""
    path = Path(path)
    try:
        return path / CONFIG_NAME if path.is_dir() else path
    except (OSError, ValueError):  # no file can have such a path, for example one that is too long
        return path


def shortened(text: str) -> str:
    """Return the beginning of a text that may quote a whole file."""
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def _content(path: str | Path) -> bytes:
    try:
        content = read_plain(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise AdviceError(f"{str(path)!r} cannot be read ({why}); {GIVE_CONFIG}.") from error
    if len(content) > MOST_BYTES:
        raise AdviceError(
            f"'{path}' is larger than {MOST_BYTES >> 20} MiB, far too large for advice; {GIVE_CONFIG}."
        )
    return content


class _Loader(SAFE_LOADER):  # type: ignore[misc, valid-type]
    """PyYAML's safe loader, which by itself lets the second of two equal keys overwrite the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping, its keys all different."""
        seen: set[str] = set()
        for key in (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key in seen:
                raise ValueError(f"'{key}' is there twice")
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _short_number(name: str) -> Callable[[Any, yaml.ScalarNode], Any]:
    """Return what reads a number as PyYAML does, unless it is too long or not finite."""
    plain = getattr(yaml.SafeLoader, f"construct_yaml_{name}")

    def number(loader: Any, node: yaml.ScalarNode) -> Any:
        if len(node.value) > LONGEST_NUMBER:
            raise ValueError(f"it has a number of {len(node.value)} characters")
        value = plain(loader, node)
        if not math.isfinite(value):
            raise ValueError(f"it has the number {node.value}, which is not finite")
        return value

    return number


for _name in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _short_number(_name))


def refuse_bombs(text: str) -> None:
    """Refuse what no advice has and what can fill memory or time: aliases, depth, very many values.

    Raises:
        ValueError: There is such a thing.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MiB")
    depth = parts = 0
    for event in yaml.parse(text, Loader=SAFE_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases")
        parts += isinstance(event, yaml.NodeEvent)
        if parts > MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS} values")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it has more than {DEEPEST} levels of lists in lists")
