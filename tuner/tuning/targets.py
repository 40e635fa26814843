"""Which targets a search looks at, and the space of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.space import (
    Bounds,
    DeviceFacts,
    Space,
    combination_space,
    device_space,
    gathering_space,
)
from tuner.domain.target import Member, Target, plain_name, target_of
from tuner.errors import DeviceError, UsageError
from tuner.probe.devices import Device

Batching = Literal["explicit", "auto", "both"]


def targets_for(
    asked: Sequence[str], present: Sequence[str], batching: Batching = "explicit"
) -> tuple[Target, ...]:
    """Return what to search: single devices first, then combinations.

    The devices of a combination are searched alone too: their hints are what it has to beat, and
    their best settings what it begins with.

    Args:
        asked: Device strings; with none, every device present, and all of them together.
        present: Devices that OpenVINO finds here.
        batching: With `auto` or `both`, automatic batching is a target of its own for each device.

    Raises:
        UsageError: A string names no target, or one is given twice.
        DeviceError: There is no such device here.
    """
    targets = [_found(target_of(one), present) for one in asked] or _everything(present)
    for target in targets:
        if [one.covers(str(target)) for one in targets].count(True) > 1:
            raise UsageError(f"device='{target}' is given twice; give each target once, in one order.")
    alone = dict.fromkeys(target_of(name) for target in targets for name in target.devices)
    gathering = dict.fromkeys(one for one in targets if one.kind == "BATCH")
    if batching != "explicit":
        every = (Target("BATCH", one.members) for one in alone)
        gathering |= dict.fromkeys(
            one for one in every if not any(one.covers(str(known)) for known in gathering)
        )
    return (*alone, *gathering, *(replace(one, members=_bare(one)) for one in targets if one.combines))


def _found(target: Target, present: Sequence[str]) -> Target:
    """Return a target with its devices as OpenVINO lists them: `GPU` and `GPU.0` are the same to it."""

    def listed(name: str) -> str:
        for alias in (name, f"{name}.0", plain_name(name)):
            if alias in present:
                return alias
        whole, there = f" (in '{target}')" if target.kind else "", ", ".join(present)
        raise DeviceError(f"There is no device '{name}'{whole} here; device= takes one of: {there}.")

    members = tuple(replace(one, name=listed(one.name)) for one in target.members)
    return target_of(str(replace(target, members=members)))


def _everything(present: Sequence[str]) -> list[Target]:
    """Return every device and, of several, their combinations, processors last in priority."""
    ranked = sorted(present, key=lambda name: name.startswith("CPU"))
    kinds = ("AUTO", "MULTI") if len(ranked) > 1 else ()
    return [*map(target_of, ranked), *(target_of(f"{kind}:{','.join(ranked)}") for kind in kinds)]


def _bare(target: Target) -> tuple[Member, ...]:
    return tuple(Member(name) for name in target.devices)


def refuse_impossible(
    bounds: Bounds, model: Model, devices: Sequence[Device], targets: Sequence[Target]
) -> None:
    """Refuse bounds that no configuration can meet."""
    gathering = any(one.kind == "BATCH" and not one.members[0].amount for one in targets)
    if gathering and bounds.batch and max(bounds.batch) < 2:
        raise UsageError(
            "batch= allows no batch of 2 or more, so automatic batching has nothing to gather; "
            "allow larger ones, or leave it out."
        )
    if model.batch_refusal and bounds.batch and set(bounds.batch) != {model.batch}:
        raise UsageError(
            f"batch= cannot be searched on this model ({model.batch_refusal}); leave batch= out."
        )
    most = {
        one.name: one.streams[1] if one.streams and "NUM_STREAMS" in one.writable else 0 for one in devices
    }
    widest = max(most, key=lambda name: most[name])
    beyond = [count for count in bounds.streams or () if isinstance(count, int) and count > most[widest]]
    if beyond and most[widest]:
        raise UsageError(
            f"streams= asks for {beyond[0]}, but {widest} runs 1 to {most[widest]} streams here; "
            "give counts in that range."
        )
    if beyond:
        raise UsageError(f"streams= asks for {beyond[0]}, but {widest} chooses its own; leave streams= out.")


@dataclass(frozen=True, slots=True)
class Layout:
    """Lays out the space of each target, within what the user allows.

    Attributes:
        model: The model, its batch axes proved.
        bounds: What the user allows.
        batching: Who gathers items into a batch.
        facts: What each device reports, by name.
        policies: Schedules beside the default, by combination.
    """

    model: Model
    bounds: Bounds
    batching: Batching
    facts: Mapping[str, DeviceFacts]
    policies: Mapping[Target, Sequence[str]]

    def __call__(self, target: Target, hints: Mapping[Target, Configuration]) -> Space:
        """Return a target's space, given every target's hint with the requests that it asks for."""
        busy = {name: hints[target_of(name)].requests for name in target.devices}
        members, own_batch = [self.facts[name] for name in target.devices], self.model.batch
        first = target.devices[0]
        if target.kind == "BATCH":
            return gathering_space(target, members[0], own_batch, self.bounds, busy[first])
        batched, bounds = self.model.batch_refusal is None, self.bounds
        if self.batching == "auto":
            batched, bounds = False, replace(bounds, batch=None)
        if not target.combines:
            return device_space(members[0], own_batch, batched, bounds, busy[first])
        return combination_space(target, members, self.policies[target], own_batch, batched, bounds, busy)
