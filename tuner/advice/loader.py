"""Loads advice: validated, or refused in one sentence; of several hosts, the profile that fits this one."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from tuner.advice.advice import Advice
from tuner.advice.fields import with_nearest_field
from tuner.advice.fingerprint import Fit
from tuner.advice.parsing import GIVE_CONFIG, WRITE_AGAIN, advice_file, parse_yaml, shortened
from tuner.advice.records import Record
from tuner.domain.host import Host
from tuner.errors import AdviceError, UsageError
from tuner.probe.host import describe_host, describe_host_elsewhere
from tuner.probe.model_files import digest, is_model
from tuner.runtime.cores import is_on_its_cores

SCHEMA = 1

OnMismatch = Literal["warn", "hint", "error"]


class Fleet(Record, frozen=True):
    """Advice for one model on several hosts."""

    schema: Literal[1]
    profiles: Annotated[list[Advice], msgspec.Meta(min_length=1)]


def load(path: str | Path, *, on_mismatch: OnMismatch = "warn") -> Advice:
    """Read a configuration file that a search wrote, or several merged into one.

    A merged file has a profile for each host; the profile of the host most like this one is taken. Advice
    with cores for each of several copies is read without starting OpenVINO here, which counts the cores then.

    Args:
        path: The file, or a search's folder with its config.yaml.
        on_mismatch: What to do when the advice comes from a different machine (another CPU, number
            of cores or device) or is for another model than the file at its path: `warn` takes it as
            it is, `hint` falls back to the performance hint, `error` refuses.

    Raises:
        AdviceError: The file is missing, not YAML, or not valid advice of schema 1; or it does not fit
            here, and `on_mismatch` is `error`.

    Warns:
        UserWarning: It does not fit here, and `on_mismatch` is `warn`.
    """
    if on_mismatch not in get_args(OnMismatch):
        raise UsageError(f"on_mismatch={on_mismatch!r} is none of {', '.join(get_args(OnMismatch))}.")
    profiles = read(path)
    keeps_cores = any(profile.best.configuration.slices for profile in profiles)
    here = describe_host_elsewhere() if keeps_cores else describe_host()
    advice = fitting(profiles, here)
    reasons = _mismatches(advice, here)
    if not reasons:
        return advice
    mismatch = f"'{path}' was measured elsewhere ({'; '.join(reasons)})"
    if on_mismatch == "error":
        raise AdviceError(f"{mismatch}; search again on this host.")
    if on_mismatch == "hint":
        return advice.as_hint(here)
    warnings.warn(
        f"{mismatch}: its speed may not be reached here; search again on this host, or load it with "
        "on_mismatch='hint'.",
        stacklevel=2,
    )
    return advice


def read(path: str | Path) -> list[Advice]:
    """Return the advice in a file, or in the config.yaml of a folder: one profile for each host.

    Raises:
        AdviceError: The file is missing, not YAML, or not valid advice of schema 1.
    """
    path = advice_file(path)
    document = parse_yaml(path)
    if not isinstance(document, dict):
        raise AdviceError(f"'{path}' is not an advice file; {GIVE_CONFIG}.")
    if (schema := _newest_schema(document)) > SCHEMA:
        raise AdviceError(
            f"'{path}' has schema {schema:g}, this version reads {SCHEMA}; upgrade openvino-tuner."
        )
    kind: type[Advice] | type[Fleet] = Fleet if "profiles" in document else Advice
    try:
        record = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        why = with_nearest_field(shortened(str(error)), kind)
        raise AdviceError(f"'{path}' is not valid advice: {why}; {WRITE_AGAIN}.") from error
    return record.profiles if isinstance(record, Fleet) else [record]


def nearest(path: str | Path, model: str | Path | None = None) -> Advice:
    """Return the profile of a file whose host is most like this one; with the path of the model, if given.

    Raises:
        AdviceError: The file is not valid advice.
    """
    advice = fitting(read(path), describe_host())
    if model is None:
        return advice
    return msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=str(model)))


def fitting(profiles: list[Advice], here: Host) -> Advice:
    """Return the profile whose host is most like this one, the first of several equally like it."""
    levels = ("same", "compatible", "different")
    return min(profiles, key=lambda profile: levels.index(_fit(profile, here).level))


def _fit(advice: Advice, here: Host) -> Fit:
    """Compare hosts; a process that keeps to its copy's cores already counts as one that may use all."""
    best, then = advice.best.configuration, advice.host.host
    last = max((core for cores in best.slices for core in cores), default=0)
    if is_on_its_cores(best) and last < (os.cpu_count() or 1):
        here = replace(here, cores=then.cores, cpuset=then.cpuset)
    return advice.fit(here)


def _mismatches(advice: Advice, here: Host) -> list[str]:
    """Return why the advice may be of no use here: another kind of host, or another model."""
    fit = _fit(advice, here)
    moved = advice.best.configuration.slices and any(reason.startswith("cpuset") for reason in fit.reasons)
    reasons = [*fit.reasons] if fit.level == "different" or moved else []
    if _model_changed(advice):
        reasons.append(f"model: '{advice.model.path}' is not the file that was measured")
    return reasons


def _model_changed(advice: Advice) -> bool:
    """Return whether there is a model at the advice's path that is not the model that was measured."""
    path = Path(advice.model.path)
    try:
        return is_model(path) and digest(path) != advice.model.sha256
    except OSError:
        return False


def _newest_schema(document: dict[Any, Any]) -> float:
    """Return the highest schema that a file names, for itself or for one of its hosts."""
    profiles = document.get("profiles")
    parts = [document, *(profiles if isinstance(profiles, list) else ())]
    schemas = [part.get("schema") for part in parts if isinstance(part, dict)]
    return max((schema for schema in schemas if isinstance(schema, (int, float))), default=0)
