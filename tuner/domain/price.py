"""What a gain in throughput costs: latency, memory and CPU time, beside the hint's."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tuner.domain.sample import Measured
from tuner.domain.trial import Candidate
from tuner.domain.verdict import Verdict

LITTLE_GAIN = 1.10
"""Speed over the hint's below which a gain is little beside a high price."""

HIGH_PRICE = 2.0
"""Times the hint's p99 latency, memory or CPU time from which a price is high."""

MOST = 0.5
"""Share of a gain (log-ratio) that is most of it: what a cheaper configuration keeps at least."""


@dataclass(frozen=True, slots=True)
class Price:
    """A gain and what it costs, each in times the hint's.

    Attributes:
        speed: Throughput, as the final compared it.
        latency: p99 latency of a request.
        memory: Peak memory.
        cpu: CPU time of an item; None where it is not known.
    """

    speed: float
    latency: float
    memory: float
    cpu: float | None = None

    @property
    def is_high(self) -> bool:
        """Whether the price is high for such a gain.

        It is when p99 latency, memory or CPU time is at least `HIGH_PRICE` times the hint's while the speed
        stays below `LITTLE_GAIN`. Many applications would not pay that, so it is shown without praise.
        """
        return self.speed < LITTLE_GAIN and self.dearest >= HIGH_PRICE

    @property
    def dearest(self) -> float:
        """The greatest of its costs."""
        return max(self.latency, self.memory, self.cpu or 0.0)

    def keeps_most_of(self, other: Price) -> bool:
        """Return whether it keeps most of another's gain, and nothing costs as much as a high price."""
        kept = math.log(self.speed) >= MOST * math.log(other.speed)
        known = self.cpu is not None or other.cpu is None
        return kept and known and self.dearest < HIGH_PRICE


@dataclass(frozen=True, slots=True)
class Cheaper:
    """A configuration that keeps most of a gain at a lower price.

    Attributes:
        candidate: The configuration, with figures at the speed that the host had in the final.
        price: Its gain and price.
        in_the_final: Whether the final measured it; else the figures are its trial's, and no claim.
    """

    candidate: Candidate
    price: Price
    in_the_final: bool


def price_of(verdict: Verdict, hint: Candidate) -> Price | None:
    """Return the price of a verdict's gain; None where nothing is faster or a figure is unknown."""
    advice, speedup = verdict.best.measured, verdict.speedup
    if verdict.kind != "faster" or not (speedup and advice and hint.measured):
        return None
    if not (hint.measured.latency_ms.p99 and hint.measured.memory_mb):
        return None
    return _price(speedup.ratio, advice, hint.measured)


def cheaper_than(
    price: Price, finalists: Iterable[Candidate], others: Iterable[Candidate], hint: Measured
) -> Cheaper | None:
    """Return what keeps most of a gain for the least; None unless the price is high.

    Args:
        price: The price of the advice.
        finalists: Those that the final measured, without the advice.
        others: Further ones, with the figures of their trials at the speed of the final.
        hint: The hint's figures.
    """
    if not price.is_high:
        return None
    found = (
        Cheaper(each, _price(each.ratio, each.measured, hint), in_the_final)
        for in_the_final, candidates in ((True, finalists), (False, others))
        for each in candidates
        if each.measured
    )
    enough = (cheaper for cheaper in found if cheaper.price.keeps_most_of(price))
    return min(enough, key=lambda cheaper: cheaper.price.dearest, default=None)


def _price(speed: float, figures: Measured, hint: Measured) -> Price:
    cpu_ms, hint_cpu_ms = figures.cpu_ms_per_item, hint.cpu_ms_per_item
    return Price(
        speed=speed,
        latency=figures.latency_ms.p99 / hint.latency_ms.p99,
        memory=figures.memory_mb / hint.memory_mb,
        cpu=cpu_ms / hint_cpu_ms if cpu_ms and hint_cpu_ms else None,
    )
