"""Reads advice: validated, or refused in one sentence; and chosen for this host."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from tuner.deploy.advice import Advice
from tuner.deploy.records import Record
from tuner.domain.result import Host
from tuner.errors import AdviceError
from tuner.probe.host import describe_host
from tuner.probe.model import digest

SCHEMA = 1

MOST_BYTES = 16 << 20
"""Far above any advice: a larger file is something else."""

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
"""What PyYAML raises on bad values beside its own errors: `!!bool maybe` is a KeyError."""

OnMismatch = Literal["warn", "hint", "error"]

WRITE_AGAIN = "write it again with 'tuner search'"


class Fleet(Record, frozen=True):
    """Advice for one model on several hosts."""

    schema: Literal[1]
    profiles: Annotated[list[Advice], msgspec.Meta(min_length=1)]


def load(path: str | Path, *, on_mismatch: OnMismatch = "warn") -> Advice:
    """Read a configuration file that a search wrote, or several merged into one.

    Of several, the one whose host is this one is taken.

    Args:
        path: The file.
        on_mismatch: What to do where the advice was measured on a different host (another CPU, number
            of cores or device) or for another model than the file at its path: `warn` takes it as
            it is, `hint` falls back to the performance hint, `error` refuses.

    Raises:
        AdviceError: The file is missing, not YAML, or not valid advice of schema 1; or it does not fit
            here, and that is an error.

    Warns:
        UserWarning: It does not fit here.
    """
    profiles, here = read(path), describe_host()
    advice = fitting(profiles, here)
    fit = advice.fit(here)
    reasons = [*fit.reasons] if fit.level == "different" else []
    if model_changed(advice):
        reasons.append(f"model: '{advice.model.path}' is not the file that was measured")
    if not reasons:
        return advice
    told = f"'{path}' was measured elsewhere ({'; '.join(reasons)})"
    if on_mismatch == "error":
        raise AdviceError(f"{told}; search again on this host.")
    if on_mismatch == "hint":
        return advice.as_hint(here)
    warnings.warn(
        f"{told}: its speed may not be reached here; search again on this host, or load it with "
        "on_mismatch='hint'.",
        stacklevel=2,
    )
    return advice


def read(path: str | Path) -> list[Advice]:
    """Return the advice in a file, one for each host.

    Raises:
        AdviceError: The file is missing, not YAML, or not valid advice of schema 1.
    """
    told = _parsed(path)
    if not isinstance(told, dict):
        raise AdviceError(f"'{path}' is not an advice file; give the config.yaml that 'tuner search' wrote.")
    schema = told.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise AdviceError(
            f"'{path}' has schema {schema}, this version reads {SCHEMA}; upgrade openvino-tuner."
        )
    try:
        if "profiles" in told:
            return msgspec.convert(told, Fleet).profiles
        return [msgspec.convert(told, Advice)]
    except msgspec.ValidationError as error:
        raise AdviceError(
            f"'{path}' is not valid advice: {_with_nearest(str(error))}; {WRITE_AGAIN}."
        ) from error


def here(path: str | Path, model: str | Path | None = None) -> Advice:
    """Return the advice of a file that is nearest to this host, and with another path of the model, if given.

    Raises:
        AdviceError: The file is not valid advice.
    """
    advice = fitting(read(path), describe_host())
    if model is None:
        return advice
    return msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=str(model)))


def fitting(profiles: list[Advice], here: Host) -> Advice:
    """Return the advice whose host is most like this one, the first of several alike."""
    levels = ("same", "compatible", "different")
    return min(profiles, key=lambda one: levels.index(one.fit(here).level))


def model_changed(advice: Advice) -> bool:
    """Return whether there is a model at the advice's path that is not the one that was measured."""
    path = Path(advice.model.path)
    try:
        return path.exists() and digest(path) != advice.model.sha256
    except OSError:
        return False


def _parsed(path: str | Path) -> Any:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise AdviceError(
            f"'{path}' cannot be read ({error.strerror}); give the config.yaml that 'tuner search' wrote."
        ) from error
    if len(content) > MOST_BYTES:
        raise AdviceError(
            f"'{path}' is larger than {MOST_BYTES >> 20} MiB, no advice is; give the config.yaml that "
            "'tuner search' wrote."
        )
    try:
        text = content.decode()
        _screen(text)
        return yaml.load(text, Loader=_Loader)
    except PARSING_FAILS as error:
        raise AdviceError(f"'{path}' is not valid YAML ({_one_line(error)}); {WRITE_AGAIN}.") from error


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, which by itself lets a key that is there twice overwrite the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping, its keys all different."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(
                None, None, f"'{twice[0]}' is there twice", node.start_mark
            )
        told: dict[Any, Any] = super().construct_mapping(node, deep)
        return told


def _screen(text: str) -> None:
    """Refuse what no advice holds and what can be made to fill memory: aliases, and endless nesting."""
    depth = 0
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


def _events(text: str) -> Iterator[yaml.Event]:
    yield from yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _with_nearest(message: str) -> str:
    """Add to the name of an unknown field the nearest that there is."""
    found = re.search(r"unknown field `(.*?)`", message, re.S)
    near = get_close_matches(found[1], _fields(Advice), 1) if found else []
    return message + (f", the nearest one is `{near[0]}`" if near else "")


def _fields(kind: type[Record]) -> set[str]:
    """Return the names of all fields, those of the parts included."""
    names = {"profiles"}
    seen: list[Any] = [msgspec.inspect.type_info(kind)]
    while seen:
        info = seen.pop()
        if isinstance(info, msgspec.inspect.StructType):
            names |= {field.name for field in info.fields}
            seen += [field.type for field in info.fields]
        seen += [getattr(info, part) for part in ("item_type", "value_type") if hasattr(info, part)]
        seen += getattr(info, "types", ())
    return names


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
