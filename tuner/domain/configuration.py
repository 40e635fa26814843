"""What can be deployed (a configuration) and what a device made of it (its effective form)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PropertyValue = str | int | float | bool


@dataclass(frozen=True, slots=True, order=True)
class Configuration:
    """A target, its compile properties, the batch and the number of infer requests.

    Attributes:
        device: Target as `compile_model` takes it, e.g. `CPU`.
        properties: Compile properties as sorted pairs, so that equal ones hash alike.
        batch: Items in one infer request.
        requests: Infer requests kept in flight.
    """

    device: str
    properties: tuple[tuple[str, PropertyValue], ...]
    batch: int
    requests: int

    @classmethod
    def of(
        cls, device: str, properties: Mapping[str, PropertyValue], batch: int, requests: int
    ) -> Configuration:
        """Build a configuration from a plain mapping of properties."""
        return cls(device, tuple(sorted(properties.items())), batch, requests)

    @property
    def compile_properties(self) -> dict[str, PropertyValue]:
        """The properties as `compile_model` takes them."""
        return dict(self.properties)

    @property
    def uses_hint(self) -> bool:
        """Whether a performance hint alone chooses streams and threads."""
        return [name for name, _ in self.properties] == ["PERFORMANCE_HINT"]

    @property
    def complexity(self) -> tuple[bool, int, int, int]:
        """Sorts simpler first: hint over explicit, fewer properties, smaller batch, fewer requests."""
        return (not self.uses_hint, len(self.properties), self.batch, self.requests)

    def __str__(self) -> str:
        """Short form for people: `hint, batch 8, 4 requests` or `2 streams, unpinned, …`."""
        return ", ".join([*self._property_words(), f"batch {self.batch}", self._request_words()])

    def _property_words(self) -> list[str]:
        words = []
        for name, value in self.properties:
            match name, value:
                case "PERFORMANCE_HINT", "THROUGHPUT":
                    words.append("hint")
                case "NUM_STREAMS", count:
                    words.append("1 stream" if count == 1 else f"{count} streams")
                case "INFERENCE_NUM_THREADS", count:
                    words.append("1 thread" if count == 1 else f"{count} threads")
                case "ENABLE_CPU_PINNING", pinned:
                    words.append("pinned" if pinned else "unpinned")
                case _:
                    words.append(f"{name}={value}")
        return sorted(words, key=lambda word: "stream" not in word)

    def _request_words(self) -> str:
        return "1 request" if self.requests == 1 else f"{self.requests} requests"


@dataclass(frozen=True, slots=True)
class Effective:
    """What a device really did with a configuration, read back from the compiled model.

    Two configurations with equal effective forms are the same program and are measured once.

    Attributes:
        devices: Execution devices, e.g. `("CPU",)`.
        streams: Parallel execution streams, or None where the device does not tell.
        threads: Inference threads in all, or None.
        pinned: Whether threads are bound to cores, or None.
        precision: Inference precision in use, e.g. `bf16`, or None.
        batch: Items in one infer request.
        requests: Infer requests kept in flight.
    """

    devices: tuple[str, ...]
    streams: int | None
    threads: int | None
    pinned: bool | None
    precision: str | None
    batch: int
    requests: int
