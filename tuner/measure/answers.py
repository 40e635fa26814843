"""Whether two configurations give the same answers, and whether a model may be batched at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.errors import DeviceError, LaneError
from tuner.measure.lane import Answers, Lanes

TOLERANCE = {"f64": 1e-3, "f32": 1e-3, "f16": 1e-2, "bf16": 5e-2}
"""Largest difference, relative to an output's largest value, that counts as the same answer."""


def tolerance(*precisions: str | None) -> float:
    """Return the tolerance of the coarsest precision; unknown ones count as coarsest.

    A combination's precision may be several, like `bf16+f16`.
    """
    each = [one for precision in precisions for one in (precision or "").split("+")]
    return max(TOLERANCE.get(one, max(TOLERANCE.values())) for one in each)


def difference(ours: Answers, theirs: Answers) -> float:
    """Return the largest difference over samples and outputs; infinite where shapes differ.

    Floating outputs differ by max|a - b| / max|a|; all others by the share of elements that differ.
    """
    pairs = zip(ours, theirs, strict=True)
    return max((_differ(a, b) for one, two in pairs for a, b in zip(one, two, strict=True)), default=0.0)


def _differ(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
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
    """Check that two different samples in one batch give what each gives alone.

    Args:
        lanes: Lanes of the model with its proposed batch axes.
        target: The device to run on.
        precise: Whether the device takes `EXECUTION_MODE_HINT`, so that rounding does not blur the check.

    Returns:
        Why batch is refused, or None; and whether the model's answers depend on its inputs at all,
        without which the check can see little.

    Raises:
        LaneError: The model does not run on the device at all.
    """
    properties = {"EXECUTION_MODE_HINT": "ACCURACY"} if precise else {}
    alone, one = _answers(lanes, Configuration.of(target, properties, 1, 1))
    try:
        together, two = _answers(lanes, Configuration.of(target, properties, 2, 1))
    except LaneError as error:
        return f"batch 2 does not run: {error}", True
    allowed = tolerance(one, two)
    apart = difference(alone, together)
    if not apart <= allowed:
        return "two samples in one batch do not give what each gives alone", True
    return None, difference(alone[:-1], alone[1:]) > allowed


def _answers(lanes: Lanes, configuration: Configuration) -> tuple[Answers, str | None]:
    lane = lanes.open(configuration)
    try:
        return lane.answers(), lane.facts.effective.precision
    finally:
        lane.close()


def first_proved(
    proposals: Iterable[tuple[Model, Lanes]], plain: Model, devices: Mapping[str, bool]
) -> tuple[Model, bool]:
    """Return the first proposal that passes its proof, else `plain` with the first one's refusal.

    Args:
        proposals: Models with proposed batch axes, and what opens their lanes.
        plain: The model with batch left alone.
        devices: Where to run, the first that runs the model at all; each with whether it takes
            `EXECUTION_MODE_HINT`.

    Returns:
        The model, and whether its answers depend on its inputs, as `prove_batching` says.

    Raises:
        DeviceError: The model runs on none of the devices.
    """
    refusals: list[str] = []
    for model, lanes in proposals:
        refusal, sighted = _proof(lanes, devices)
        if refusal is None:
            return model, sighted
        refusals.append(refusal)
    return replace(plain, batch_refusal=refusals[0] if refusals else plain.batch_refusal), True


def _proof(lanes: Lanes, devices: Mapping[str, bool]) -> tuple[str | None, bool]:
    """Hold the proof on the first device that runs the model.

    Raises:
        DeviceError: None does: that is nothing that a batch is to blame for.
    """
    why = []
    for device, precise in devices.items():
        for exact in (True, False) if precise else (False,):
            try:
                return prove_batching(lanes, device, exact)
            except LaneError as error:
                why.append(f"{device}: {error}")
    raise DeviceError(f"The model runs on no device here ({'; '.join(dict.fromkeys(why))}).")
