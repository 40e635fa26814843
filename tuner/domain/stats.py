"""Statistics of paired rounds: pure functions on log-ratios.

Two processes that run the same configuration differ, by up to some per cent, for as long as they
live: memory falls into place once. So rounds in one pair of processes, however many, tell that pair
apart, not their configurations. A claim is made over several *sittings*, each with processes of its
own: its interval is Student's, over the sittings' estimates.

Within one sitting the estimate is the Hodges-Lehmann median of its rounds' log-ratios, the interval the
one that inverts Wilcoxon's signed-rank test (Hollander, Wolfe & Chicken, *Nonparametric
Statistical Methods*, 3rd ed., section 3.2-3.3). Neither minds the bursts of a busy machine, and
the interval is exact for any symmetric noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, fmean, stdev

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 60
"""Rounds up to which the signed-rank distribution is counted out; above, it is as good as normal."""

LEAST_SITTINGS = 5
"""Sittings below which there is no interval: a burst that favours one side in each of three or
four, by about as much, looks like a small deviation, and that is no rare event on a busy machine."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times faster a candidate is than the baseline, and how sure that is.

    Attributes:
        ratio: Estimated rate of the candidate over that of the baseline.
        low: Lower end of the interval; 0 when there are too few rounds to tell.
        high: Upper end; infinite when there are too few rounds to tell.
        confidence: Probability with which the interval covers the truth, e.g. 0.95. In a final
            it holds for all finalists together.
        rounds: Paired rounds behind it.
        sittings: How many times they began with fresh processes on both sides.
    """

    ratio: float
    low: float
    high: float
    confidence: float
    rounds: int
    sittings: int = 1

    @property
    def half_width(self) -> float:
        """Half the interval on the logarithmic scale: 0.01 is about one per cent; may be infinite."""
        if self.low <= 0.0 or math.isinf(self.high):
            return math.inf
        return (math.log(self.high) - math.log(self.low)) / 2


def speedup(log_ratios: Sequence[float], confidence: float = 0.95, among: int = 1) -> Speedup:
    """Estimate a speedup from the log-ratios of paired rounds.

    Args:
        log_ratios: One `log(candidate rate / baseline rate)` a round; at least one.
        confidence: Probability that the intervals of all candidates cover together.
        among: Number of candidates compared (Bonferroni's correction).

    Returns:
        The estimate; its interval is (0, inf) while the rounds cannot carry the confidence:
        that means "not known yet", never "no difference".
    """
    walsh = walsh_averages(log_ratios)
    count = len(log_ratios)
    reject = signed_rank_quantile(count, (1 - confidence) / among)
    low, high = 0.0, math.inf
    if reject is not None:
        low, high = math.exp(walsh[reject]), math.exp(walsh[-1 - reject])
    return Speedup(math.exp(float(np.median(walsh))), low, high, confidence, count)


def speedup_over_sittings(
    sittings: Sequence[Sequence[float]], confidence: float = 0.95, among: int = 1
) -> Speedup:
    """Estimate a speedup from rounds of several sittings, the luck of processes included.

    Args:
        sittings: The log-ratios of each sitting's rounds; at least one sitting, none of them empty.
        confidence: Probability that the intervals of all candidates cover together.
        among: Number of candidates compared (Bonferroni's correction).

    Returns:
        The mean of the sittings' estimates with Student's interval, (0, inf) below `LEAST_SITTINGS`.
    """
    from scipy.special import stdtrit  # 0.1 s, which an application that loads an advice need not pay

    estimates = [float(np.median(walsh_averages(one))) for one in sittings]
    count, rounds = len(estimates), sum(map(len, sittings))
    middle = fmean(estimates)
    if count < LEAST_SITTINGS:
        return Speedup(math.exp(middle), 0.0, math.inf, confidence, rounds)
    quantile = float(stdtrit(count - 1, 1 - (1 - confidence) / (2 * among)))
    reach = quantile * stdev(estimates) / math.sqrt(count)
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    return Speedup(math.exp(middle), low, high, confidence, rounds, count)


@lru_cache(maxsize=64)
def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of all pairs of so many values, each with itself included."""
    rows, columns = np.triu_indices(count)
    return rows, columns


def walsh_averages(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the sorted means of all pairs, each value with itself included: n (n + 1) / 2 of them."""
    array = np.asarray(values, dtype=np.float64)
    rows, columns = _pairs(len(array))
    return np.sort((array[rows] + array[columns]) / 2)


@lru_cache(maxsize=1024)
def signed_rank_quantile(count: int, alpha: float) -> int | None:
    """Return how many Walsh averages to cut off at each end for a two-sided error of `alpha`.

    The largest k with P(T+ < k) <= alpha / 2 leaves the interval from the (k)-th smallest to the
    (k)-th largest Walsh average; the zero-based index k - 1 is returned, None when even k = 1
    is too much for so few rounds.
    """
    if count > EXACT_UP_TO:
        mean = count * (count + 1) / 4
        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        cut = int(mean + NormalDist().inv_cdf(alpha / 2) * deviation)
    else:
        cumulative = np.cumsum(_signed_rank_probabilities(count))
        cut = int(np.searchsorted(cumulative, alpha / 2, side="right"))
    return cut - 1 if cut >= 1 else None


@lru_cache(maxsize=EXACT_UP_TO + 1)
def _signed_rank_probabilities(count: int) -> NDArray[np.float64]:
    """Probability of each value of the signed-rank statistic T+, from 0 to n (n + 1) / 2."""
    ways = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(ways) + rank)
        longer[: len(ways)] += ways
        longer[rank:] += ways
        ways = longer / 2
    return ways


def spread(rates: Sequence[float]) -> float:
    """Return the relative spread of repeated rates: 1.4826 * MAD / median (a robust deviation)."""
    array = np.asarray(rates, dtype=np.float64)
    middle = float(np.median(array))
    return 1.4826 * float(np.median(np.abs(array - middle))) / middle if middle else math.inf
