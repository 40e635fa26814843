"""What a device, or each of several, made of a configuration: read back from the compiled model.

Devices tell in different ways. A model that was loaded from a blob tells texts where a freshly compiled one
tells numbers and enumerations; a model behind automatic batching answers for properties that it does not
list; a device inside a combination may tell next to nothing. So values are brought to one form, and what is
not told counts as it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import openvino as ov

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.properties import DEVICE_PROPERTIES, Properties, as_text
from tuner.domain.target import plain_name, target_of

SHARED = 0
"""As a member's number of requests: the combination hands them out as devices fall free."""

TIMEOUT = "AUTO_BATCH_TIMEOUT"
"""Told by every model that automatic batching stands before, and by no other."""

TOLD_OTHERWISE = {"PERFORMANCE_HINT", "SCHEDULE_POLICY", TIMEOUT, "ALLOW_AUTO_BATCHING"}

Told = Callable[[str], Any]
"""A property's value by its name, None where it is not told."""


def read_back(compiled: ov.CompiledModel, configuration: Configuration, requests: int) -> Effective:
    """Return what was made of a configuration; None for what is not told."""
    told = _of_model(compiled)
    devices = tuple(told("EXECUTION_DEVICES") or ())
    target, plain = target_of(configuration.device), configuration.plain_properties
    own: Mapping[str, Any] = plain.pop(DEVICE_PROPERTIES, {})
    whole = _effective(told, devices, configuration.batch, requests)
    whole = replace(whole, settings=_further(plain, told, whole))
    if not target.kind:
        return whole
    of_members: Mapping[str, Mapping[str, Any]] = (told(DEVICE_PROPERTIES) if target.combines else None) or {}
    members = tuple(
        _member(name, of_members[name], own, configuration.batch) for name in devices if name in of_members
    )
    asked = "" if len(members) == len(target.devices) else configuration.plain_properties
    virtual = f"{configuration.device}, {told('SCHEDULE_POLICY')}, {told(TIMEOUT)}{asked}"
    precision = _joined({one.precision for one in members}) if members else whole.precision
    return replace(whole, precision=precision, members=members, virtual=virtual)


def _member(name: str, of_member: Mapping[str, Any], own: Mapping[str, Any], batch: int) -> Effective:
    """Return what a device of a combination made of its own settings."""
    asked = {plain_name(device): settings for device, settings in own.items()}.get(plain_name(name), {})
    member = _effective(of_member.get, (name,), batch, SHARED)
    return replace(member, settings=_further(asked, of_member.get, member))


def _further(asked: Mapping[str, Any], told: Told, effective: Effective) -> Properties:
    """Return what no attribute tells: a GPU's queues, an NPU's turbo, whether requests are gathered."""
    seen = {
        "NUM_STREAMS": effective.streams,
        "INFERENCE_NUM_THREADS": effective.threads,
        "ENABLE_CPU_PINNING": effective.pinned,
    }
    further = {
        name: as_text(value) if told(name) is None else _in_one_form(told(name))
        for name, value in asked.items()
        if name not in TOLD_OTHERWISE and seen.get(name) is None
    }
    if told(TIMEOUT) is not None:
        further[TIMEOUT] = _in_one_form(told(TIMEOUT))
    return tuple(sorted(further.items()))


def _of_model(compiled: ov.CompiledModel) -> Told:
    """Ask a compiled model, also for what it does not list: automatic batching asks its device."""

    def told(name: str) -> Any:
        try:
            return compiled.get_property(name)
        except RuntimeError:
            return None

    return told


def _effective(told: Told, devices: tuple[str, ...], batch: int, requests: int) -> Effective:
    streams, threads, pinned = told("NUM_STREAMS"), told("INFERENCE_NUM_THREADS"), told("ENABLE_CPU_PINNING")
    precision = told("INFERENCE_PRECISION_HINT")
    return Effective(
        devices=devices,
        streams=None if streams is None else int(streams),
        threads=None if threads is None else int(threads),
        pinned=None if pinned is None else _in_one_form(pinned) == "YES",
        precision=None if precision is None else _in_one_form(precision),
        batch=batch,
        requests=requests,
    )


def _in_one_form(value: Any) -> str:
    """Return a value as a text, the same whether it is told as a text or as OpenVINO's own type."""
    if isinstance(value, ov.Type):
        return str(value.to_string())
    return as_text(getattr(value, "name", value))


def _joined(precisions: set[str | None]) -> str | None:
    """Return the precision that all devices share, or all of them, like `bf16+f16`."""
    return None if None in precisions else "+".join(sorted(one for one in precisions if one))
