"""Copies: processes that run one configuration side by side, as servers with several workers do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Slices = tuple[tuple[int, ...], ...]
"""Numbers of cores, a group for each copy."""

MOST_COPIES = 64
"""Copies that can be asked for."""


def slices(cores: Sequence[int], copies: int) -> Slices:
    """Return the cores of each copy, shared as evenly as can be; cores that lie together stay together.

    Of more copies than cores, each has a single core, and several copies have the same.

    Args:
        cores: Numbers of hardware threads, neighbours beside each other.
        copies: How many copies there are.
    """
    if copies >= len(cores):
        return tuple((cores[copy % len(cores)],) for copy in range(copies))
    ends = (len(cores) * copy // copies for copy in range(copies + 1))
    return tuple(tuple(sorted(cores[first:last])) for first, last in pairwise(ends))
