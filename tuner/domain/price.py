"""What a gain in throughput costs: latency and memory, beside the hint's."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.domain.trial import Candidate
from tuner.domain.verdict import Verdict

LITTLE_GAIN = 1.10
"""Speed over the hint's below which a gain is little beside a high price."""

HIGH_PRICE = 2.0
"""Times the hint's p99 latency or memory from which a price is high."""


@dataclass(frozen=True, slots=True)
class Price:
    """A gain and what it costs, each in times the hint's.

    Attributes:
        speed: Throughput, as the final compared it.
        latency: p99 latency of a request.
        memory: Peak memory.
    """

    speed: float
    latency: float
    memory: float

    @property
    def is_high(self) -> bool:
        """Whether the price is high for such a gain.

        It is when p99 latency or memory is at least `HIGH_PRICE` times the hint's while the speed stays
        below `LITTLE_GAIN`. Many applications would not pay that, so it is shown without praise.
        """
        return self.speed < LITTLE_GAIN and max(self.latency, self.memory) >= HIGH_PRICE


def price_of(verdict: Verdict, hint: Candidate) -> Price | None:
    """Return the price of a verdict's gain; None where nothing is faster or a figure is unknown."""
    advice, speedup = verdict.best.measured, verdict.speedup
    if verdict.kind != "faster" or not (speedup and advice and hint.measured):
        return None
    if not (hint.measured.latency_ms.p99 and hint.measured.memory_mb):
        return None
    return Price(
        speed=speedup.ratio,
        latency=advice.latency_ms.p99 / hint.measured.latency_ms.p99,
        memory=advice.memory_mb / hint.measured.memory_mb,
    )
