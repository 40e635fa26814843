"""Compile properties: plain values for people and files, texts for OpenVINO, words for lines of output.

Plugins differ in the types that they accept. The GPU plugin refuses a whole number of streams; in a
combination, OpenVINO then leaves the GPU out without an error. But every plugin accepts every property as
text, because OpenVINO's configuration files hold only texts. So OpenVINO is always given texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tuner.domain.figures import count

PlainValue = str | int | float | bool
Properties = tuple[tuple[str, PlainValue], ...]
"""Compile properties as sorted pairs, so that equal properties have equal hashes."""

PropertyValue = PlainValue | tuple[tuple[str, Properties], ...]
"""A property's value; `DEVICE_PROPERTIES` holds each device's own."""

DEVICE_PROPERTIES = "DEVICE_PROPERTIES"


def as_text(value: PlainValue) -> str:
    """Return a value as the text that every plugin accepts: `YES`, `2`, `HIGH`."""
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)


def as_texts(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties, and each device's own properties in them, in the form that every plugin accepts."""
    return {
        name: as_texts(value) if isinstance(value, Mapping) else as_text(value)
        for name, value in properties.items()
    }


def frozen(properties: Mapping[str, Any]) -> tuple[tuple[str, PropertyValue], ...]:
    """Return properties, and each device's own properties in them, as sorted pairs."""
    return tuple(
        (name, frozen(value) if isinstance(value, Mapping) else value)  # type: ignore[misc]
        for name, value in sorted(properties.items())
    )


def thawed(properties: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Undo `frozen`."""
    return {name: thawed(value) if isinstance(value, tuple) else value for name, value in properties}


FIXED: Mapping[tuple[str, PlainValue], str] = {
    ("PERFORMANCE_HINT", "THROUGHPUT"): "hint",
    ("PERFORMANCE_HINT", "CUMULATIVE_THROUGHPUT"): "hint",
    ("PERFORMANCE_HINT", "LATENCY"): "latency hint",
    ("ENABLE_CPU_PINNING", True): "pinned",
    ("ENABLE_CPU_PINNING", False): "unpinned",
    ("SCHEDULE_POLICY", "ROUND_ROBIN"): "round robin",
    ("ENABLE_HYPER_THREADING", False): "no hyper-threading",
    ("ENABLE_HYPER_THREADING", "NO"): "no hyper-threading",
    ("ENABLE_HYPER_THREADING", True): "hyper-threading",
    ("ENABLE_HYPER_THREADING", "YES"): "hyper-threading",
    ("EXECUTION_MODE_HINT", "ACCURACY"): "accuracy mode",
}
"""Words for a property with one of its values."""


def words_of(properties: Properties) -> list[str]:
    """Return short words for properties, those for streams or the hint first."""
    words = []
    for name, value in properties:
        match name:
            case "NUM_STREAMS":
                words.append(count(value, "stream"))
            case "INFERENCE_NUM_THREADS":
                words.append(count(value, "thread"))
            case "INFERENCE_PRECISION_HINT":
                words.append(str(value))
            case _:
                words.append(FIXED.get((name, value), f"{name}={as_text(value)}"))
    return sorted(words, key=lambda word: "hint" not in word and "stream" not in word)
