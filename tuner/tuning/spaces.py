"""The space of each target, within the bounds that the user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.domain.combination import combination_space
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space, gathering_space
from tuner.domain.model import Model
from tuner.domain.precision import ANY_PRECISION, HINTS_OWN
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.space import Bounds, DeviceFacts, Space
from tuner.domain.target import Target, target_of
from tuner.errors import UsageError
from tuner.probe.devices import Device
from tuner.tuning.targets import Batching


@dataclass(frozen=True, slots=True)
class Layout:
    """Lays out the space of each target, within the user's bounds.

    Attributes:
        model: The model, its batch axes proved.
        bounds: The user's bounds.
        batching: Who gathers items into a batch, the application or OpenVINO.
        facts: What each device reports, by name.
        policies: Schedule policies beside the default, by combination.
        question: What the user wants to know.
    """

    model: Model
    bounds: Bounds
    batching: Batching
    facts: Mapping[str, DeviceFacts]
    policies: Mapping[Target, Sequence[str]]
    question: Question = THROUGHPUT

    def __call__(self, target: Target, hints: Mapping[Target, Configuration]) -> Space:
        """Return a target's space; the hints of all targets say how many requests each device asks for."""
        requests = {name: hints[target_of(name)].requests for name in target.devices}
        members, own_batch = [self.facts[name] for name in target.devices], self.model.batch
        first = target.devices[0]
        if target.kind == "BATCH":
            return gathering_space(target, members[0], own_batch, self.bounds, requests[first])
        batched, bounds = self.model.batch_refusal is None, self.bounds
        if self.batching == "auto":
            batched, bounds = False, replace(bounds, batch=None)
        if not target.combines:
            return device_space(members[0], own_batch, batched, bounds, requests[first], self.question)
        policies = self.policies[target]
        return combination_space(target, members, policies, own_batch, batched, bounds, requests)


def refuse_impossible(
    bounds: Bounds, model: Model, devices: Sequence[Device], targets: Sequence[Target]
) -> None:
    """Refuse bounds that no configuration can meet.

    Raises:
        UsageError: There are such bounds.
    """
    gathering = any(target.kind == "BATCH" and not target.members[0].amount for target in targets)
    if gathering and bounds.batch and max(bounds.batch) < 2:
        raise UsageError(
            "batch= allows no batch of 2 or more, so automatic batching has nothing to gather; "
            "allow larger batches, or leave batch= out."
        )
    if model.batch_refusal and bounds.batch and set(bounds.batch) != {model.batch}:
        raise UsageError(
            f"batch= cannot be searched on this model ({model.batch_refusal}); leave batch= out."
        )
    most = {device.name: _most_streams(device) for device in devices}
    widest = max(most, key=lambda name: most[name])
    beyond = [count for count in bounds.streams or () if isinstance(count, int) and count > most[widest]]
    if beyond and most[widest]:
        raise UsageError(
            f"streams= asks for {beyond[0]}, but {widest} runs 1 to {most[widest]} streams here; "
            "give counts in that range."
        )
    if beyond:
        raise UsageError(
            f"streams= asks for {beyond[0]}, but {widest} sets its streams itself; leave streams= out."
        )


def refuse_precisions(precision: Sequence[str] | None, devices: Sequence[Device]) -> None:
    """Refuse precisions that no device has, as the devices themselves say.

    Raises:
        UsageError: There is one, or no device takes any.
    """
    if precision is None:
        return
    present = {device.name: device.precisions for device in devices}
    if not any(present.values()):
        raise UsageError(
            f"precision= cannot be searched on {', '.join(present)}: it takes no INFERENCE_PRECISION_HINT; "
            "leave precision= out."
        )
    known = {ANY_PRECISION, HINTS_OWN, *(name for names in present.values() for name in names)}
    if missing := next((name for name in precision if name not in known), None):
        listed = "; ".join(f"{name} has {', '.join(names) or 'none'}" for name, names in present.items())
        raise UsageError(f"precision= asks for {missing}, but {listed} here; give one of these.")


def _most_streams(device: Device) -> int:
    """Return the most streams that can be asked for; 0 if the device sets them itself."""
    return device.streams[1] if device.streams and "NUM_STREAMS" in device.writable else 0
