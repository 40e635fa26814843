"""How closely a configuration's outputs agree with those of the same model in f32."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tuner.domain.figures import count

LEAST_SHOWN = 1e-5
"""Smaller errors are not told apart: the rounding of f32 itself."""

TOLERANCE = {"f64": 1e-3, "f32": 1e-3, "f16": 1e-2, "bf16": 5e-2}
"""Largest difference, relative to an output's largest value, that counts as the same answer, by precision."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Outputs on the samples of a search, compared with f32's.

    Attributes:
        precision: What the configuration computes in, e.g. `bf16`; None where the device does not say.
        max_error: Largest difference, as a share of the largest value of its output; infinite where outputs
            have another shape, or are no numbers.
        cosine: Least cosine similarity of an output, over samples and floating-point outputs.
        same_top1: Samples whose largest output value is at the same place; None where no output has an axis
            of classes.
        samples: Samples that were compared.
    """

    precision: str | None
    max_error: float
    cosine: float
    same_top1: int | None
    samples: int

    @property
    def most(self) -> float:
        """The error from which outputs are wrong, not rounded; infinite where the precision rounds visibly.

        How far f16 and bf16 may be from f32 is the user's choice. f32 itself hardly differs.
        """
        return TOLERANCE[self.precision] if self.precision in {"f32", "f64"} else math.inf

    def __str__(self) -> str:
        """Return it in words."""
        words = f"max error {percent(self.max_error)} of the largest value, cosine {self.cosine:.5f}"
        if self.same_top1 is None:
            return words
        return f"{words}, top-1 the same for {self.same_top1} of {count(self.samples, 'sample')}"


def percent(error: float) -> str:
    """Return an error as a percentage of two digits: `0.34 %`."""
    if 0 < error < LEAST_SHOWN:
        return f"below {100 * LEAST_SHOWN:g} %"
    return f"{float(f'{100 * error:.2g}'):g} %"


def what_changed(advice: Agreement, hint: Agreement) -> str:
    """Return what an advice changes in precision, and how far its outputs and the hint's are from f32's."""
    ours, theirs = advice.precision or "unknown", hint.precision or "unknown"
    if ours == theirs:
        return f"{ours}, as with the hint: {advice}"
    return f"{theirs} -> {ours}: {advice} (with the hint: {hint})"
