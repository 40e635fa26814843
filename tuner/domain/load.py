"""How items arrive: an open loop, in which a slow answer does not slow the arrivals.

Arrival times follow from a seed, or from a recording, and from nothing that is measured. So all
configurations of a round get the same ones (common random numbers: Law, *Simulation Modeling and Analysis*,
5th ed., section 11.2), and what differs between them is the configuration.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.domain.figures import rate as rounded

WINDOW_S, LEAST_ITEMS = 0.5, 10
"""Seconds of a window, and its items at least, however long they take to arrive."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The items that arrive in a window.

    Attributes:
        times_s: When each arrives, in seconds from the beginning of the window, in order; at least one.
        rate: Items per second of the whole load, of which this is a piece.
        surplus: How many of them, the last, only fill the batch of the last item that counts.
    """

    times_s: tuple[float, ...]
    rate: float
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """A load: random arrivals at a rate, or recorded ones that are repeated for as long as it takes.

    Attributes:
        rate: Items per second in the long run.
        seed: Seed of random arrivals.
        gaps_s: Recorded seconds between one arrival and the next; empty for random arrivals, whose gaps are
            exponential (a Poisson process).
        source: Where they were recorded, a file; empty for random arrivals.
        sha256: What identifies the recorded times.
    """

    rate: float
    seed: int = 0
    gaps_s: tuple[float, ...] = ()
    source: str = ""
    sha256: str = ""

    def fill_ms(self, batch: int, share: float = 1.0) -> float:
        """Return a share of the milliseconds in which the first item's batch fills on average, rounded."""
        return float(f"{1e3 * share * (batch - 1) / self.rate:.3g}")

    @property
    def key(self) -> str:
        """The load in a form that is the same for the same load alone."""
        return f"arrivals {self.sha256[:16]}" if self.sha256 else f"{self.rate!r} items/s"

    @property
    def window_s(self) -> float:
        """The seconds of a window, on average."""
        return max(WINDOW_S, LEAST_ITEMS / self.rate)

    def arrivals(
        self, number: int, seconds: float | None = None, surplus: int = 0, stage: int = 0
    ) -> Arrivals:
        """Return the items of window `number`, by default as many as arrive in `window_s` on average.

        Windows of a recording follow each other; after its end it begins again.
        """
        return self.items(number, math.ceil(self.rate * (seconds or self.window_s)), surplus, stage)

    def items(self, number: int, count: int, surplus: int = 0, stage: int = 0) -> Arrivals:
        """Return the `count` items of window `number`, the same whenever they are asked for.

        So many in `surplus` follow them. Another `stage` has other random items; in a recording it begins
        with the item of that number. At another rate random gaps are all longer or shorter by the same
        factor.
        """
        if self.gaps_s:
            places = (stage + number * count + np.arange(count + surplus)) % len(self.gaps_s)
            gaps = np.asarray(self.gaps_s)[places]
        else:
            rng = np.random.default_rng((self.seed, stage, number))
            gaps = rng.exponential(1 / self.rate, count + surplus)
        return Arrivals(tuple(np.cumsum(gaps).tolist()), self.rate, surplus)

    def __str__(self) -> str:
        """Return the load in words: `200 items/s`."""
        if not self.source:
            return f"{self.rate:.12g} items/s"
        name = self.source.replace("\\", "/").rpartition("/")[2]
        return f"{rounded(self.rate)} items/s as recorded in '{name}' ({self.sha256[:8]})"


def recorded_load(times_s: Sequence[float], source: str, sha256: str) -> Load:
    """Return the load of recorded arrival times, two or more in order, the last later than the first.

    From its last arrival to the first of its repetition the mean gap passes.
    """
    gaps = np.diff(np.asarray(times_s))
    mean = float(gaps.mean())
    return Load(1 / mean, gaps_s=(mean, *gaps.tolist()), source=source, sha256=sha256)
