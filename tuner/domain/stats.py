"""Statistics of paired rounds: pure functions on log-ratios.

Two processes with the same configuration differ in speed by up to some per cent, as long as they live,
because each process gets its memory at other addresses. So the rounds of a single pair of processes, however
many, compare these two processes and not their configurations. A claim needs several *sittings*, each with
processes of its own: its interval is a Student t interval over the estimates of the sittings.

Within a sitting, the estimate is the Hodges-Lehmann median of its rounds' log-ratios, and the interval is
that of Wilcoxon's signed-rank test (Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd
ed., section 3.2-3.3). Both are robust against the bursts of a busy machine, and the interval is exact for any
symmetric noise.
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
"""Rounds up to which the signed-rank distribution is computed exactly; above, it is almost normal."""

LEAST_SITTINGS = 5
"""Fewer sittings give no interval. In three or four sittings, bursts often favour the same side by about as
much on a busy machine: the deviation then looks small, and a difference is claimed that is none."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times as fast as the baseline a candidate is, and how sure that is.

    Attributes:
        ratio: Estimated rate of the candidate divided by that of the baseline.
        low: Lower end of the interval; 0 when there are too few rounds for an interval.
        high: Upper end; infinite when there are too few rounds for an interval.
        confidence: Probability that the interval covers the true ratio, e.g. 0.95; in a final, the
            probability that the intervals of all finalists do.
        rounds: Number of paired rounds.
        sittings: Number of sittings, each with fresh processes on both sides.
    """

    ratio: float
    low: float
    high: float
    confidence: float
    rounds: int
    sittings: int = 1

    @property
    def half_width(self) -> float:
        """Half the width of the interval on the logarithmic scale: 0.01 is about 1 %; may be infinite."""
        if self.low <= 0.0 or math.isinf(self.high):
            return math.inf
        return (math.log(self.high) - math.log(self.low)) / 2


def speedup(log_ratios: Sequence[float], confidence: float = 0.95, among: int = 1) -> Speedup:
    """Estimate a speedup from the log-ratios of paired rounds.

    Args:
        log_ratios: `log(candidate rate / baseline rate)` of each round; at least one round.
        confidence: Probability that the intervals of all candidates cover the true ratios together.
        among: Number of candidates compared (Bonferroni's correction).

    Returns:
        The estimate; its interval is (0, inf) while there are too few rounds for the confidence:
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
    """Estimate a speedup from rounds of several sittings; the interval covers how processes differ.

    Args:
        sittings: The log-ratios of each sitting's rounds; at least one sitting, none of them empty.
        confidence: Probability that the intervals of all candidates cover the true ratios together.
        among: Number of candidates compared (Bonferroni's correction).

    Returns:
        The mean of the sittings' estimates with a Student t interval, (0, inf) below `LEAST_SITTINGS`.
    """
    from scipy.special import stdtrit  # takes 0.1 s, which an application that only loads an advice saves

    estimates = [float(np.median(walsh_averages(sitting))) for sitting in sittings]
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
    """Return the indices of all pairs of `count` values, each value paired with itself included."""
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

    With the largest k for which P(T+ < k) <= alpha / 2, the interval reaches from the k-th smallest to the
    k-th largest Walsh average. Returned is k - 1, the index from 0, or None when there are too few
    rounds even for k = 1.
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
