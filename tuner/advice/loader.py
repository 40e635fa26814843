"""Reads advice: validated, or refused in one sentence; and chosen for this host."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml

from tuner.advice.advice import Advice
from tuner.advice.records import Record
from tuner.domain.host import Host
from tuner.errors import AdviceError, UsageError
from tuner.probe.host import describe_host
from tuner.probe.model import digest, is_model

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
    if on_mismatch not in get_args(OnMismatch):
        raise UsageError(f"on_mismatch={on_mismatch!r} is none of {', '.join(get_args(OnMismatch))}.")
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
    if (schema := _newest_schema(told)) > SCHEMA:
        raise AdviceError(
            f"'{path}' has schema {schema:g}, this version reads {SCHEMA}; upgrade openvino-tuner."
        )
    kind: type[Advice] | type[Fleet] = Fleet if "profiles" in told else Advice
    try:
        if isinstance(several := msgspec.convert(told, kind), Fleet):
            return several.profiles
        return [several]
    except msgspec.ValidationError as error:
        raise AdviceError(
            f"'{path}' is not valid advice: {_with_nearest(str(error), kind)}; {WRITE_AGAIN}."
        ) from error


def nearest(path: str | Path, model: str | Path | None = None) -> Advice:
    """Return the advice of a file that is nearest to this host, and with another path of the model, if given.

    Raises:
        AdviceError: The file is not valid advice.
    """
    advice = fitting(read(path), describe_host())
    if model is None:
        return advice
    return msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=str(model)))


def _newest_schema(told: dict[Any, Any]) -> float:
    """Return the highest schema that a file names, for itself or for one of its hosts."""
    profiles = told.get("profiles")
    each = [told, *(profiles if isinstance(profiles, list) else ())]
    named = [one.get("schema") for one in each if isinstance(one, dict)]
    return max((one for one in named if isinstance(one, (int, float))), default=0)


def fitting(profiles: list[Advice], here: Host) -> Advice:
    """Return the advice whose host is most like this one, the first of several alike."""
    levels = ("same", "compatible", "different")
    return min(profiles, key=lambda one: levels.index(one.fit(here).level))


def model_changed(advice: Advice) -> bool:
    """Return whether there is a model at the advice's path that is not the one that was measured."""
    path = Path(advice.model.path)
    try:
        return is_model(path) and digest(path) != advice.model.sha256
    except OSError:
        return False


def _parsed(path: str | Path) -> Any:
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise AdviceError(
            f"{str(path)!r} cannot be read ({why}); give the config.yaml that 'tuner search' wrote."
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
        seen: set[str] = set()
        for key in (key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key in seen:
                raise ValueError(f"'{key}' is there twice")
            seen.add(key)
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


def _with_nearest(message: str, kind: type[Record]) -> str:
    """Add to the name of an unknown field the nearest that there is in its place."""
    message = " ".join(message.split())
    found = re.search(r"unknown field `(.*?)`(?: - at `\$(.*)`)?", message)
    near = get_close_matches(found[1], _fields(kind, found[2] or ""), 1, 0.5) if found else []
    return message + (f", the nearest one is `{near[0]}`" if near else "")


def _fields(kind: type[Record], place: str) -> list[str]:
    """Return the fields of a record at a place like `.best` or `.devices[0]`."""
    info: Any = msgspec.inspect.type_info(kind)
    for step in re.findall(r"\w+|\[", place):
        info = _within(info, step)
    return [field.encode_name for field in getattr(info, "fields", ())]


def _within(info: Any, step: str) -> Any:
    """Return the type of a field, or of the items of a list or a mapping."""
    for one in getattr(info, "types", (info,)):
        named = {field.encode_name: field.type for field in getattr(one, "fields", ())}
        if step in named:
            kinds = getattr(named[step], "types", ())
            return next((each for each in kinds if hasattr(each, "fields")), named[step])
        if inner := getattr(one, "item_type", None) or getattr(one, "value_type", None):
            return inner
    return info


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
