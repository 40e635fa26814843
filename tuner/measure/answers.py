"""Checks that two configurations give the same answers, and that a model's samples may be batched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuner.domain.agreement import TOLERANCE
from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.errors import DeviceError, LaneError
from tuner.measure.lane import Answers, Lanes

T = TypeVar("T")


def tolerance(*precisions: str | None) -> float:
    """Return the tolerance of the coarsest precision; an unknown precision counts as the coarsest.

    The precision of a combination may name several, like `bf16+f16`.
    """
    names = [name for precision in precisions for name in (precision or "").split("+")]
    return max(TOLERANCE.get(name, max(TOLERANCE.values())) for name in names)


def difference(ours: Answers, theirs: Answers) -> float:
    """Return the largest difference over samples and outputs; infinite where shapes differ.

    The difference of floating-point outputs is max|a - b| / max|a|, that of others the share of
    elements that differ.
    """
    samples = zip(ours, theirs, strict=True)
    outputs = (pair for our, their in samples for pair in zip(our, their, strict=True))
    return max((_difference(our, their) for our, their in outputs), default=0.0)


def _difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    if ours.shape != theirs.shape:
        return np.inf
    if not np.issubdtype(ours.dtype, np.floating):
        return float(np.mean(ours != theirs)) if ours.size else 0.0
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    gap = np.abs(a - b)[~same].max()
    scale = np.abs(a[np.isfinite(a)]).max(initial=0.0)
    return float(gap / scale) if np.isfinite(gap) and scale else np.inf


def prove_batching(lanes: Lanes, target: str, precise: bool) -> tuple[str | None, bool]:
    """Check that two different samples give the same outputs in one batch as they give alone.

    Args:
        lanes: Lanes of the model with its proposed batch axes.
        target: The device to run on.
        precise: Whether the device has `EXECUTION_MODE_HINT`, with which rounding hides no difference.

    Returns:
        Why batch is refused, or None; and whether the model's outputs depend on its inputs. Where they
        barely do, the check proves little.

    Raises:
        LaneError: The model does not run on the device at all.
    """
    properties = {"EXECUTION_MODE_HINT": "ACCURACY"} if precise else {}
    alone, precision_alone = _answers(lanes, Configuration.of(target, properties, 1, 1))
    try:
        together, precision_together = _answers(lanes, Configuration.of(target, properties, 2, 1))
    except LaneError as error:
        return f"batch 2 does not run: {error}", True
    allowed = tolerance(precision_alone, precision_together)
    if not difference(alone, together) <= allowed:
        return "two samples give different outputs in one batch than alone", True
    return None, difference(alone[:-1], alone[1:]) > allowed


def prove_own_batch(lanes: Lanes, batch: int, target: str, precise: bool) -> tuple[str | None, bool]:
    """Check the same of a model that takes batches of one size only, on lanes with a `mixed` pool."""
    properties = {"EXECUTION_MODE_HINT": "ACCURACY"} if precise else {}
    answers, precision = _answers(lanes, Configuration.of(target, properties, batch, 1))
    alone, together = answers[: 2 * batch : batch], answers[2 * batch :]
    allowed = tolerance(precision)
    if not difference((alone * batch)[:batch], together) <= allowed:
        return "a sample gives other outputs beside other samples than beside itself", True
    return None, difference(alone[:1], alone[1:]) > allowed


def mixed(pool: Sequence[T], batch: int) -> tuple[T, ...]:
    """Return a pool whose batches hold one sample only, then another only, then both in turn."""
    one, other = pool[0], pool[1 % len(pool)]
    return (*[one] * batch, *[other] * batch, *(pool[place % 2 % len(pool)] for place in range(batch)))


def _answers(lanes: Lanes, configuration: Configuration) -> tuple[Answers, str | None]:
    lane = lanes.open(configuration)
    try:
        return lane.answers(), lane.facts.effective.precision
    finally:
        lane.close()


def first_proved(
    proposals: Iterable[tuple[Model, Lanes]], plain: Model, devices: Mapping[str, bool]
) -> tuple[Model, bool]:
    """Return the first proposal that passes the check, else `plain` with the reason of the first refusal.

    Args:
        proposals: Models with proposed batch axes, and what opens their lanes.
        plain: The model without batch axes.
        devices: Devices to try, each with whether it has `EXECUTION_MODE_HINT`; the first that runs
            the model decides.

    Returns:
        The model, and whether its outputs depend on its inputs, as `prove_batching` returns it.

    Raises:
        DeviceError: The model runs on none of the devices.
    """
    refusals: list[str] = []
    for model, lanes in proposals:
        refusal, inputs_matter = _proof(model, lanes, devices)
        if refusal is None:
            return model, inputs_matter
        refusals.append(refusal)
    return replace(plain, batch_refusal=refusals[0] if refusals else plain.batch_refusal), True


def _proof(model: Model, lanes: Lanes, devices: Mapping[str, bool]) -> tuple[str | None, bool]:
    """Check batching on the first device that runs the model.

    Raises:
        DeviceError: No device runs it even alone, so batching is not the cause.
    """
    failures = []
    for device, precise in devices.items():
        for exact in (True, False) if precise else (False,):
            try:
                if model.batch_refusal:
                    return prove_own_batch(lanes, model.batch, device, exact)
                return prove_batching(lanes, device, exact)
            except LaneError as error:
                failures.append(f"{device}: {error}")
    raise DeviceError(f"The model runs on no device here ({'; '.join(dict.fromkeys(failures))}).")
