"""Finds measured configurations within limits of latency, memory and device."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.advice.records import MeasuredRecord, Measurement
from tuner.domain.target import target_of
from tuner.errors import AdviceError


def within_limits(
    measurements: Sequence[Measurement],
    *,
    max_latency_ms: float | None = None,
    max_memory_mb: float | None = None,
    device: str | None = None,
) -> list[Measurement]:
    """Return the measurements that are within the limits, at least one, in their order.

    Args:
        measurements: Configurations with their figures.
        max_latency_ms: Greatest p99 latency of a request.
        max_memory_mb: Peak of the process, in MiB.
        device: A target of the search, e.g. `CPU` or `AUTO:GPU,CPU`.

    Raises:
        AdviceError: No measurement is within the limits.
    """
    on_device = [each for each in measurements if device is None or target_of(device).covers(each.device)]
    if not on_device:
        devices = ", ".join(dict.fromkeys(each.device for each in measurements)) or "another host"
        where = f"on device '{device}'" if device else "here"
        raise AdviceError(f"Nothing was measured {where}, only on: {devices}.")
    within = [each for each in on_device if _within(each.measured, max_latency_ms, max_memory_mb)]
    if not within:
        latency = min(each.measured.latency_ms.p99 for each in on_device)
        memory = min(each.measured.memory_mb for each in on_device)
        raise AdviceError(
            "Nothing that was measured is within the limits; the lowest p99 latency is "
            f"{latency:g} ms, the least memory {memory:g} MiB."
        )
    return within


def _within(measured: MeasuredRecord, max_latency_ms: float | None, max_memory_mb: float | None) -> bool:
    too_slow = max_latency_ms is not None and measured.latency_ms.p99 > max_latency_ms
    too_large = max_memory_mb is not None and measured.memory_mb > max_memory_mb
    return not too_slow and not too_large
