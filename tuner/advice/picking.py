"""Finds measured configurations within limits, on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tuner.advice.records import Measurement
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.target import target_of
from tuner.errors import AdviceError, UsageError


def narrowed(asked: Question, limits: Sequence[Limit]) -> Question:
    """Return what was asked, with these limits in place of those of the same figures.

    Raises:
        UsageError: One of them is of the throughput, which a load fixes, or of the latency that fixes a rate.
    """
    named = {limit.figure for limit in limits}
    if asked.load and "throughput" in named:
        raise UsageError(
            f"The advice was measured at {asked.load}, which fixes the throughput already; leave "
            "min_throughput= out."
        )
    if asked.holding and any(limit.of_latency for limit in limits):
        held = " and ".join(map(str, asked.holding))
        raise UsageError(
            f"The advice is for the highest rate at which {held} holds; search again for another limit of "
            "the latency."
        )
    kept = [limit for limit in asked.limits if limit.figure not in named]
    return replace(asked, limits=(*limits, *kept))


def within_limits(
    measurements: Sequence[Measurement], limits: Sequence[Limit] = (), device: str | None = None
) -> list[Measurement]:
    """Return the measurements that are within the limits, at least one, in their order.

    Args:
        measurements: Configurations with their figures.
        limits: What they have to keep.
        device: A target of the search, e.g. `CPU` or `AUTO:GPU,CPU`.

    Raises:
        AdviceError: No measurement is within the limits.
    """
    on_device = [each for each in measurements if device is None or target_of(device).covers(each.device)]
    if not on_device:
        devices = ", ".join(dict.fromkeys(each.device for each in measurements)) or "another host"
        where = f"on device '{device}'" if device else "here"
        raise AdviceError(f"Nothing was measured {where}, only on: {devices}.")
    question = Question(limits=tuple(limits))
    figures = [each.measured.measured for each in on_device]
    if any(limit.figure == "error" for limit in limits) and not any(known.agreement for known in figures):
        raise AdviceError(
            "Outputs were not compared with those in f32, so max_error= says nothing; search with precision=."
        )
    within = [each for each, known in zip(on_device, figures, strict=True) if not question.broken(known)]
    if not within:
        latency = min(known.latency_ms.p99 for known in figures)
        memory = min(known.memory_mb for known in figures)
        most = max(known.throughput_fps for known in figures)
        raise AdviceError(
            "Nothing that was measured is within the limits; the lowest p99 latency is "
            f"{latency:g} ms, the least memory {memory:g} MiB, the highest throughput {most:g} items/s."
        )
    return within
