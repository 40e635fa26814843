"""Reads what users write of precision: which ones are allowed, and how large the error may be."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from tuner.errors import UsageError

PRECISIONS = ("f32", "bf16", "f16")
"""Values of `INFERENCE_PRECISION_HINT`, as OpenVINO writes them."""

ANY_PRECISION, HINTS_OWN = "all", "hint"
"""Words in the place of a precision: all that a device has, and what its hint takes."""


def error_of(text: str | float) -> float:
    """Return an error that a user writes as a share, `0.01`, or as a percentage, `1%`.

    Raises:
        UsageError: It is no number, not above 0, or above 1.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?(?:e-?\d+)?)\s*(%?)", str(text).strip())
    error = float(found[1]) / (100 if found[2] else 1) if found else math.nan
    if not 0 < error <= 1:
        raise UsageError(
            f"max_error='{text}' is not a share of the largest value, above 0 and up to 1; "
            "give for example 1% or 0.01."
        )
    return error


def precisions_of(asked: str | Sequence[str]) -> tuple[str, ...]:
    """Return the precisions that a user allows: `f32,bf16`, a list of them, or `all` that a device has.

    Raises:
        UsageError: One of them is unknown, or there is none.
    """
    words = (*PRECISIONS, HINTS_OWN, ANY_PRECISION)
    parts = (
        asked.split(",") if isinstance(asked, str) else asked if isinstance(asked, Sequence) else [str(asked)]
    )
    found = tuple(dict.fromkeys(str(part).strip() for part in parts))
    unknown = [part for part in found if part not in words]
    if unknown or not found:
        given = asked if isinstance(asked, str) else ",".join(map(str, parts))
        raise UsageError(
            f"precision='{given}' is not a list of {', '.join(PRECISIONS)}, {HINTS_OWN} (the hint's own) "
            f"or {ANY_PRECISION}; give for example f32,bf16."
        )
    return found
