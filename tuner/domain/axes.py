"""Axes that spaces of one device and of several have in common: streams, batch, infer requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from tuner.domain.question import Question
from tuner.domain.space import DEFAULT, HINT, Axes, Bounds, Choice, DeviceFacts, Point
from tuner.domain.steps import powers_of_two, stream_counts

BATCHES = (1, 2, 4, 8, 16, 32, 64)
REQUESTS_PER_STREAM = (1, 2, 4)

MOST = 1 << 20
"""The largest batch, and multiple of requests, to which a space may grow where a device names no limit."""


OWN = "own"
"""What the choice of copies ends with where each has cores of its own."""

ONE_CALLER = (1, 2, 4)
"""Infer requests where latency counts: one at a time, and small numbers of them."""


def threads_axis(facts: DeviceFacts, question: Question) -> Axes:
    """Return the axis of fewer threads than cores, where that may be gained by it; empty where it may not.

    Threads that wait for each other cost CPU time, and on a small model time. Threads beyond a quota use it
    up early in each of its periods, and then all of them wait; those of copies wait for each other's.
    """
    fewer = {*facts.shares(question.copies)}
    if question.may_want_fewer_threads and facts.physical_cores > 1:
        fewer |= {*powers_of_two(facts.physical_cores - 1)}
    if "INFERENCE_NUM_THREADS" not in facts.writable or not fewer:
        return {}
    return {"threads": (DEFAULT, *sorted(fewer))}


def copies_axes(facts: DeviceFacts, question: Question) -> Axes:
    """Return the axis of copies: how many, and whether each has cores of its own; empty for one process."""
    if not question.of_copies:
        return {}
    counts, own_cores = question.copies, len(facts.cores) > 1
    return {"copies": (*counts, *(on_own_cores(count) for count in counts if count > 1 and own_cores))}


def on_own_cores(copies: int) -> str:
    """Return the choice of so many copies, each of which has cores of its own."""
    return f"{copies} {OWN}"


def stream_choices(facts: DeviceFacts, bounds: Bounds, copies: Sequence[int] = (1,)) -> tuple[Choice, ...]:
    """Return the hint and the numbers of streams that a device supports, within the user's bounds.

    A device that supports none of the numbers that the user gave keeps its hint: in a combination the
    numbers may be meant for another device.
    """
    most = facts.max_streams if "NUM_STREAMS" in facts.writable else 0
    if bounds.streams is None:
        near = {count for count in facts.shares(copies) if count <= most}
        return (HINT, *sorted({*stream_counts(most), *near})) if most else (HINT,)
    return tuple(choice for choice in bounds.streams if not isinstance(choice, int) or choice <= most) or (
        HINT,
    )


def common_axes(
    devices: Sequence[DeviceFacts], own_batch: int, batched: bool, bounds: Bounds, hint_requests: int
) -> Axes:
    """Return the axes of batch and of infer requests."""
    batches = batch_choices(devices, {*BATCHES, own_batch}) if batched else (own_batch,)
    axes: Axes = {"batch": bounds.batch or batches}
    if bounds.requests:
        axes["requests"] = bounds.requests
    else:
        axes["requests_per_stream"] = _requests_per_stream(devices, hint_requests)
    return axes


def growing_axes(
    devices: Sequence[DeviceFacts], batched: bool, bounds: Bounds, hint_requests: int
) -> dict[str, int]:
    """Return the largest counts to which batch and requests may grow; what the user bounds does not grow."""
    most: dict[str, int] = {}
    if batched and not bounds.batch:
        most["batch"] = _most_batch(devices)
    if not bounds.requests:
        most["requests_per_stream"] = _most_requests(devices, hint_requests)
    return most


def batch_choices(devices: Sequence[DeviceFacts], usual: Set[int]) -> tuple[int, ...]:
    """Return the usual batches that every device can hold, and the optimal batches that devices report."""
    batches = usual | {device.optimal_batch for device in devices if device.optimal_batch}
    most = _most_batch(devices)
    return tuple(sorted(batch for batch in batches if batch <= most or batch == min(usual)))


def requests_at(point: Point, busy: int) -> int:
    """Return the number of infer requests at a point, where `busy` of them keep all streams busy."""
    return int(point["requests"] if "requests" in point else int(point["requests_per_stream"]) * busy)


def requests_read(axes: Mapping[str, tuple[Choice, ...]], requests: int, busy: int) -> dict[str, Choice]:
    """Return the choice that a number of requests stands for, where `busy` of them keep all streams busy."""
    return {"requests": requests} if "requests" in axes else {"requests_per_stream": requests // busy}


def _requests_per_stream(devices: Sequence[DeviceFacts], hint_requests: int) -> tuple[int, ...]:
    """Return multiples of what the hint asks for, within the ranges that the devices report."""
    most = _most_requests(devices, hint_requests)
    return tuple(multiple for multiple in REQUESTS_PER_STREAM if multiple <= most)


def _most_requests(devices: Sequence[DeviceFacts], hint_requests: int) -> int:
    """Return the largest multiple of what the hint asks for that is within the ranges that devices report.

    A range that ends below what the device's own hint asks for (1 on every CPU) is no limit.
    """
    ranges = [device.max_requests for device in devices if device.max_requests]
    return (sum(ranges) // hint_requests if len(ranges) == len(devices) else 0) or MOST


def _most_batch(devices: Sequence[DeviceFacts]) -> int:
    return min((device.max_batch for device in devices if device.max_batch), default=MOST)
