"""What is better in neither of two figures than something else: it is off the front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from tuner.domain.sample import Gains

CLEARLY = 1.02
"""Times as good as something off the front another one is in both figures, by the medians of their rounds."""

LEAST_ROUNDS = 2


def is_dominated(rounds: Sequence[Gains], others: Iterable[Gains]) -> bool:
    """Return whether a single one of the others is better in both figures, as far as the rounds tell."""
    if len(rounds) < LEAST_ROUNDS:
        return False
    throughput = CLEARLY * median(each.throughput for each in rounds)
    latency = CLEARLY * median(each.latency for each in rounds)
    return any(other.throughput > throughput and other.latency > latency for other in others)
