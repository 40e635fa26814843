"""Which targets a search looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.target import Member, Target, plain_name, target_of
from tuner.errors import DeviceError, UsageError

Batching = Literal["explicit", "auto", "both"]


def targets_for(
    asked: Sequence[str],
    present: Sequence[str],
    batching: Batching = "explicit",
    question: Question = THROUGHPUT,
) -> tuple[Target, ...]:
    """Return what to search: single devices first, then combinations.

    The devices of a combination are also searched alone: it has to beat their hints, and its search
    begins with their best settings.

    Args:
        asked: Device strings; if empty, every device present, and all of them together.
        present: Devices that OpenVINO finds here.
        batching: With `auto` or `both`, automatic batching is a target of its own for each device.
        question: What the user wants to know. The request of one caller runs on one device, and a
            load, or several copies, are searched on single devices.

    Raises:
        UsageError: A string names no target, a target is given twice, or it is none for this question.
        DeviceError: There is no such device here.
    """
    targets = [_as_listed(target_of(name), present) for name in asked] or _all_targets(present)
    if question.one_caller or question.arrives or question.of_copies:
        targets = _single_devices(targets, bool(asked), batching, question)
    for target in targets:
        if [other.covers(str(target)) for other in targets].count(True) > 1:
            raise UsageError(f"device='{target}' is given twice; give each target once, in a single order.")
    devices = dict.fromkeys(target_of(name) for target in targets for name in target.devices)
    gathering = dict.fromkeys(target for target in targets if target.kind == "BATCH")
    if batching != "explicit":
        possible = [Target("BATCH", device.members) for device in devices]
        gathering |= dict.fromkeys(
            target for target in possible if not any(target.covers(str(known)) for known in gathering)
        )
    combinations = [_without_amounts(target) for target in targets if target.combines]
    return (*devices, *gathering, *combinations)


def _single_devices(
    targets: Sequence[Target], asked: bool, batching: Batching, question: Question
) -> list[Target]:
    """Return the single devices; refuse what puts the requests of several callers together or apart."""
    if question.arrives:
        about, others = "items that arrive at a rate are searched on single devices", "them in OpenVINO"
    elif question.of_copies:
        about, others = "several copies= are searched on single devices", "the items of each copy in OpenVINO"
    else:
        about = "objective='latency' is about one caller, whose request runs on a single device"
        others = "those of several"
    if asked and (virtual := next((target for target in targets if target.kind), None)):
        raise UsageError(f"{about}, but device= is '{virtual}'; give single devices.")
    if batching != "explicit":
        raise UsageError(f"{about}, but batching='{batching}' gathers {others}; leave batching= out.")
    return [target for target in targets if not target.kind]


def _as_listed(target: Target, present: Sequence[str]) -> Target:
    """Return a target with its devices as OpenVINO lists them: `GPU` and `GPU.0` are the same device."""

    def listed(name: str) -> str:
        for alias in (name, f"{name}.0", plain_name(name)):
            if alias in present:
                return alias
        whole = f" (in '{target}')" if target.kind else ""
        raise DeviceError(
            f"There is no device '{name}'{whole} here; device= takes one of: {', '.join(present)}."
        )

    members = tuple(replace(member, name=listed(member.name)) for member in target.members)
    return target_of(str(replace(target, members=members)))


def _all_targets(present: Sequence[str]) -> list[Target]:
    """Return every device and, of several devices, their combinations, with CPUs last in priority."""
    ranked = sorted(present, key=lambda name: name.startswith("CPU"))
    kinds = ("AUTO", "MULTI") if len(ranked) > 1 else ()
    return [*map(target_of, ranked), *(target_of(f"{kind}:{','.join(ranked)}") for kind in kinds)]


def _without_amounts(target: Target) -> Target:
    return replace(target, members=tuple(Member(name) for name in target.devices))
