"""Reads the effective configuration back from a compiled model, for a device or for each of several.

Devices report in different ways. A model that was loaded from a blob reports texts where a freshly compiled
one reports numbers and enumerations; a model behind automatic batching answers for properties that it does
not list; a device inside a combination may report next to nothing. So values are brought to the same form,
and a property that is not reported counts as it was asked for.
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
"""As a member's number of requests: the combination gives each request to the next free device."""

TIMEOUT = "AUTO_BATCH_TIMEOUT"
"""Reported by a model behind automatic batching, and by no other."""

HYPER_THREADING = "ENABLE_HYPER_THREADING"
"""Among the settings only where it is on, whoever chose it: the hint, OpenVINO's default, or the user."""

NOT_SETTINGS = {"PERFORMANCE_HINT", "SCHEDULE_POLICY", TIMEOUT, "ALLOW_AUTO_BATCHING"}
"""Properties whose effect is read back elsewhere: in streams, in `virtual`, in the timeout."""

Reported = Callable[[str], Any]
"""Returns a property's value by its name, None where it is not reported."""


def read_back(compiled: ov.CompiledModel, configuration: Configuration, requests: int) -> Effective:
    """Return the effective configuration; attributes that are not reported are None."""
    reported = _of_model(compiled)
    devices = tuple(reported("EXECUTION_DEVICES") or ())
    target, plain = target_of(configuration.device), configuration.plain_properties
    own: Mapping[str, Any] = plain.pop(DEVICE_PROPERTIES, {})
    whole = _effective(reported, devices, configuration.batch, requests)
    whole = replace(whole, settings=_further(plain, reported, whole))
    if not target.kind:
        return whole
    of_members: Mapping[str, Mapping[str, Any]] = {}
    if target.combines:
        of_members = reported(DEVICE_PROPERTIES) or {}
    members = tuple(
        _member(name, of_members[name], own, configuration.batch) for name in devices if name in of_members
    )
    asked = "" if len(members) == len(target.devices) else configuration.plain_properties
    virtual = f"{configuration.device}, {reported('SCHEDULE_POLICY')}, {reported(TIMEOUT)}{asked}"
    precision = _joined({member.precision for member in members}) if members else whole.precision
    return replace(whole, precision=precision, members=members, virtual=virtual)


def _member(name: str, of_member: Mapping[str, Any], own: Mapping[str, Any], batch: int) -> Effective:
    """Return the effective configuration of a device inside a combination."""
    asked = {plain_name(device): settings for device, settings in own.items()}.get(plain_name(name), {})
    member = _effective(of_member.get, (name,), batch, SHARED)
    return replace(member, settings=_further(asked, of_member.get, member))


def _further(asked: Mapping[str, Any], reported: Reported, effective: Effective) -> Properties:
    """Return properties that have no attribute: a GPU's queues, an NPU's turbo, automatic batching."""
    known = {
        "NUM_STREAMS": effective.streams,
        "INFERENCE_NUM_THREADS": effective.threads,
        "ENABLE_CPU_PINNING": effective.pinned,
        "INFERENCE_PRECISION_HINT": effective.precision,
    }
    further = {
        name: as_text(value) if reported(name) is None else _in_one_form(reported(name))
        for name, value in asked.items()
        if name not in NOT_SETTINGS and known.get(name) is None
    }
    if reported(TIMEOUT) is not None:
        further[TIMEOUT] = _in_one_form(reported(TIMEOUT))
    if reported(HYPER_THREADING) is not None:
        on = _in_one_form(reported(HYPER_THREADING)) == "YES"
        further = {name: value for name, value in further.items() if name != HYPER_THREADING}
        further |= {HYPER_THREADING: "YES"} if on else {}
    return tuple(sorted(further.items()))


def _of_model(compiled: ov.CompiledModel) -> Reported:
    """Ask a compiled model also for properties that it does not list: automatic batching asks its device."""

    def reported(name: str) -> Any:
        try:
            return compiled.get_property(name)
        except RuntimeError:
            return None

    return reported


def _effective(reported: Reported, devices: tuple[str, ...], batch: int, requests: int) -> Effective:
    streams, threads = reported("NUM_STREAMS"), reported("INFERENCE_NUM_THREADS")
    pinned, precision = reported("ENABLE_CPU_PINNING"), reported("INFERENCE_PRECISION_HINT")
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
    """Return a value as a text, the same whether it is reported as a text or as OpenVINO's own type."""
    if isinstance(value, ov.Type):
        return str(value.to_string())
    return as_text(getattr(value, "name", value))


def _joined(precisions: set[str | None]) -> str | None:
    """Return the precision that all devices share, or all precisions, like `bf16+f16`."""
    return (
        None if None in precisions else "+".join(sorted(precision for precision in precisions if precision))
    )
