"""Configurations: what can be deployed; and what a device really does with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuner.domain.copies import Slices
from tuner.domain.figures import count, milliseconds
from tuner.domain.properties import (
    DEVICE_PROPERTIES,
    Properties,
    PropertyValue,
    as_texts,
    frozen,
    thawed,
    words_of,
)
from tuner.domain.target import missing_devices, target_of


@dataclass(frozen=True, slots=True, order=True)
class Configuration:
    """A target, its compile properties, the batch and the number of infer requests.

    Attributes:
        device: Target as `compile_model` takes it, e.g. `CPU` or `MULTI:GPU,CPU`.
        properties: Compile properties as sorted pairs, so that equal properties have equal hashes.
        batch: Items in one infer request.
        requests: Infer requests kept in flight.
        max_wait_ms: Where items arrive by themselves, how long the first of a batch waits for others at most.
        copies: Processes that each run all of this at the same time.
        slices: The cores of each copy; empty where all copies may use all cores.
    """

    device: str
    properties: tuple[tuple[str, PropertyValue], ...]
    batch: int
    requests: int
    max_wait_ms: float = 0.0
    copies: int = 1
    slices: Slices = ()

    @classmethod
    def of(
        cls,
        device: str,
        properties: Mapping[str, Any],
        batch: int,
        requests: int,
        max_wait_ms: float = 0.0,
        copies: int = 1,
        slices: Slices = (),
    ) -> Configuration:
        """Build a configuration from plain mappings; each device's own properties may be nested in them."""
        return cls(device, frozen(properties), batch, requests, max_wait_ms, copies, slices)

    @property
    def plain_properties(self) -> dict[str, Any]:
        """The properties with plain values, as a YAML file has them."""
        return thawed(self.properties)

    @property
    def compile_properties(self) -> dict[str, Any]:
        """The properties as texts, which `compile_model` accepts on every device."""
        return as_texts(self.plain_properties)

    def without(self, device: str, name: str) -> Configuration:
        """Return the combination without a property of one of its devices."""
        properties = self.plain_properties
        own = {member: dict(settings) for member, settings in properties[DEVICE_PROPERTIES].items()}
        del own[device][name]
        kept = {member: settings for member, settings in own.items() if settings}
        del properties[DEVICE_PROPERTIES]
        return replace(self, properties=frozen(properties | ({DEVICE_PROPERTIES: kept} if kept else {})))

    @property
    def uses_hint(self) -> bool:
        """Whether a performance hint alone chooses streams and threads."""
        return [name for name, _ in self.properties] == ["PERFORMANCE_HINT"]

    @property
    def items_in_flight(self) -> int:
        """Items that are in flight with every request."""
        return self.batch * self.requests

    @property
    def complexity(self) -> tuple[int, bool, int, bool, int, int, int]:
        """Sort key: the simpler a configuration, the smaller.

        One device comes before several, `MULTI` last (OpenVINO deprecates it), then fewer copies, the hint
        before explicit settings, fewer properties (slices of cores count as one), a smaller batch, fewer
        requests.
        """
        target, settings = target_of(self.device), int(bool(self.slices))
        for _, value in self.properties:
            settings += sum(len(own) for _, own in value) if isinstance(value, tuple) else 1
        deprecated = target.kind == "MULTI"
        kind = (len(target.members), deprecated, self.copies)
        return *kind, not self.uses_hint or bool(self.slices), settings, self.batch, self.requests

    def __str__(self) -> str:
        """Short form for people: `hint, batch 8, 4 requests`, after the device unless that is `CPU`."""
        copies = [f"{self.copies} copies{' on own cores' * bool(self.slices)}"] * (self.copies > 1)
        wait = [f"wait {milliseconds(self.max_wait_ms)}"] * (self.max_wait_ms > 0)
        requests = count(self.requests, "request")
        words = ", ".join([*copies, *self._property_words(), f"batch {self.batch}", *wait, requests])
        return words if self.device == "CPU" else f"{self.device}: {words}"

    def _property_words(self) -> list[str]:
        plain = tuple((name, value) for name, value in self.properties if not isinstance(value, tuple))
        own = next((dict(value) for _, value in self.properties if isinstance(value, tuple)), None)
        if own is None:
            return words_of(plain)
        hint = tuple(pair for pair in plain if pair[0] == "PERFORMANCE_HINT")
        devices = target_of(self.device).devices
        members = [f"{device} {' '.join(words_of(own.get(device, hint)))}" for device in devices]
        return [*members, *words_of(tuple(pair for pair in plain if pair not in hint))]


@dataclass(frozen=True, slots=True)
class Effective:
    """What a device really does with a configuration, read back from the compiled model.

    Two configurations with the same effective configuration are the same program and are measured once.

    Attributes:
        devices: Execution devices, e.g. `("CPU",)`.
        streams: Parallel execution streams, or None where the device does not report them.
        threads: Inference threads of all streams together, or None.
        pinned: Whether threads are bound to cores, or None.
        precision: Inference precision in use, e.g. `bf16`, or None.
        batch: Items in one infer request.
        requests: Infer requests kept in flight.
        members: The effective configuration of each device of a combination, in order of priority.
        virtual: Of a virtual device: its device string, schedule and timeout, and the properties asked
            for where it does not report those of its devices. None for a plain device.
        max_wait_ms: How long the first item of a batch waits for others at most.
        settings: Properties that have no attribute here: as read back or, where the compiled model does
            not report them, as asked for. Hyper-threading is among them where it is reported to be on.
        copies: Processes that each run all of this at the same time; what is read back is of the first.
        slices: The cores of each copy; empty where all copies may use all cores.
    """

    devices: tuple[str, ...]
    streams: int | None
    threads: int | None
    pinned: bool | None
    precision: str | None
    batch: int
    requests: int
    members: tuple[Effective, ...] = ()
    virtual: str | None = None
    settings: Properties = ()
    max_wait_ms: float = 0.0
    copies: int = 1
    slices: Slices = ()

    def __str__(self) -> str:
        """Short form for people: `2 streams, 2 threads, 4 requests, bf16`."""
        members = (f"{member.devices[0]} {member._settings()}".strip() for member in self.members)
        parts = [" + ".join(members) or self._settings(), count(self.requests, "request"), self.precision]
        each = f"{self.copies} times " if self.copies > 1 else ""
        return each + ", ".join(part for part in parts if part)

    def _settings(self) -> str:
        numbers = [(self.streams, "stream"), (self.threads, "thread")]
        counts = [count(number, name) for number, name in numbers if number is not None]
        unpinned = self.pinned is False and self.threads is not None  # only processors pin threads
        further = tuple(pair for pair in self.settings if pair[0] != "AUTO_BATCH_TIMEOUT")
        return ", ".join([*counts, *["unpinned"] * unpinned, *words_of(further)])

    def lacks(self, device: str) -> list[str]:
        """Return the devices of a combination that OpenVINO left out without an error."""
        return missing_devices(device, self.devices)
