"""The steps in which a space goes through counts."""

from __future__ import annotations


def powers_of_two(most: int) -> tuple[int, ...]:
    """Return the powers of two up to a count."""
    return tuple(1 << exponent for exponent in range(most.bit_length()))


def stream_counts(most: int) -> tuple[int, ...]:
    """Return counts that share `most` streams' worth of cores evenly, and the powers of two."""
    divisors = {count for count in range(1, most + 1) if most % count == 0}
    return tuple(sorted({*powers_of_two(most), *divisors}))
