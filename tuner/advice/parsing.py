"""Reads a YAML file that anyone may have written: small, flat, without aliases and doubled keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tuner.errors import AdviceError

SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_BYTES = 16 << 20
"""Far larger than any advice."""

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
        _refuse_bombs(text)
        return yaml.load(text, Loader=_Loader)
    except PARSING_FAILS as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise AdviceError(f"'{path}' is not valid YAML ({why}); {WRITE_AGAIN}.") from error


def _content(path: str | Path) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
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


def _refuse_bombs(text: str) -> None:
    """Refuse aliases and deep nesting: no advice has them, and they can be made to fill the memory."""
    depth = 0
    for event in yaml.parse(text, Loader=SAFE_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
