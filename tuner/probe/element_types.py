"""Element types of inputs and outputs, as NumPy holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FILLABLE: Mapping[str, type] = {
    "f64": np.float64,
    "f32": np.float32,
    "f16": np.float16,
    "bf16": np.uint16,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
    "u64": np.uint64,
    "u32": np.uint32,
    "u16": np.uint16,
    "u8": np.uint8,
    "boolean": np.bool_,
}
"""Element types that inputs may have, with NumPy's type; bf16 values are held as their 16 bits."""


def to_bf16_bits(values: Array) -> Array:
    """Return the upper 16 bits of each float32: bf16 by truncation."""
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def from_bf16_bits(bits: Array) -> Array:
    """Return float32 values of bf16 bits."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
