"""The outputs in f32 that every other precision is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.errors import DeviceError, LaneError
from tuner.measure.answers import difference
from tuner.measure.lane import Answers, Lane, Lanes, Reference

F32 = "f32"
IN_F32 = (
    {"INFERENCE_PRECISION_HINT": F32},
    {"INFERENCE_PRECISION_HINT": F32, "EXECUTION_MODE_HINT": "ACCURACY"},
)
"""Properties with which a device computes in f32, in the order in which they are tried."""


def agreement_of(lanes: Lanes, lane: Lane) -> Agreement | None:
    """Return how closely a lane's outputs agree with those in f32; None where precision is not asked for.

    Raises:
        LaneError: The lane died or did not answer.
    """
    if lanes.reference is None:
        return None
    expected, axes, found = lanes.reference.answers, lanes.reference.batch_axes, lane.answers()
    return Agreement(
        lane.facts.effective.precision,
        difference(expected, found),
        _least_cosine(expected, found),
        *_same_top1(expected, found, axes),
    )


def reference_of(
    lanes: Lanes, devices: Iterable[str], batch: int, batch_axes: Sequence[int | None]
) -> Reference:
    """Compute the outputs in f32 on the first device that compiles the model so.

    Args:
        lanes: Opens lanes with the samples of the search.
        devices: Devices that say that they run f32 and take a precision.
        batch: The model's own batch.
        batch_axes: The batch axis of every output.

    Raises:
        DeviceError: None of them computes in f32.
    """
    failures = []
    for device in devices:
        for properties in IN_F32:
            try:
                with closing(lanes.open(Configuration.of(device, properties, batch, 1))) as lane:
                    if (found := lane.facts.effective.precision) == F32:
                        return Reference(lane.answers(), batch_axes)
                    what = f"computes in {found}" if found else "does not say what it computes in"
                    failures.append(f"{device}: it {what} where f32 is asked for")
            except LaneError as error:
                failures.append(f"{device}: {error}")
    why = "; ".join(dict.fromkeys(failures)) or "no device takes f32 as its precision"
    raise DeviceError(f"The outputs in f32, with which all others are compared, cannot be computed ({why}).")


def _least_cosine(reference: Answers, answers: Answers) -> float:
    pairs = (
        pair
        for ours, theirs in zip(reference, answers, strict=True)
        for pair in zip(ours, theirs, strict=True)
    )
    return min(
        (_cosine(a, b) for a, b in pairs if np.issubdtype(a.dtype, np.floating) and a.size), default=1.0
    )


def _cosine(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Return the cosine similarity of two outputs; 0 where they are of no use, 1 where both are zero."""
    a, b = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 1.0 if np.array_equal(a, b, equal_nan=True) else 0.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return min(1.0, float(a @ b) / lengths) if lengths else float(np.array_equal(a, b))


def _same_top1(
    reference: Answers, answers: Answers, batch_axes: Sequence[int | None]
) -> tuple[int | None, int]:
    """Return how many samples have their largest value at the same place, and how many samples there are.

    Counted is the first output with one value for each class: beside its batch axis only one axis is longer
    than 1. Of a model with a batch of its own, each row is a sample.
    """
    for place, axis in enumerate(batch_axes):
        pairs = [(ours[place], theirs[place]) for ours, theirs in zip(reference, answers, strict=True)]
        if pairs and all(_has_classes(a, axis) and a.shape == b.shape for a, b in pairs):
            same = [_top1(a, axis) == _top1(b, axis) for a, b in pairs]
            return sum(int(each.sum()) for each in same), sum(each.size for each in same)
    return None, len(reference)


def _has_classes(output: NDArray[Any], batch_axis: int | None) -> bool:
    sizes = [size for axis, size in enumerate(output.shape) if axis != batch_axis and size != 1]
    return np.issubdtype(output.dtype, np.floating) and len(sizes) == 1 and sizes[0] > 1


def _top1(output: NDArray[Any], batch_axis: int | None) -> NDArray[np.intp]:
    """Return the place of each row's largest value; NaN counts as the largest."""
    rows = output.shape[batch_axis] if batch_axis is not None else 1
    by_row = output if batch_axis is None else np.moveaxis(output, batch_axis, 0)
    return np.asarray(np.argmax(by_row.reshape(rows, -1), axis=1))
