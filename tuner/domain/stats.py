"""Statistics of paired rounds: pure functions on log-ratios.

Two processes with the same configuration differ in speed by up to some per cent, as long as they live,
because each process gets its memory at other addresses. So the rounds of a single pair of processes, however
many, compare these two processes and not their configurations. A claim needs several *sittings*, each with
processes of its own.

Within a sitting, the estimate is the Hodges-Lehmann median of its rounds' log-ratios, and the interval is
that of Wilcoxon's signed-rank test (Hollander, Wolfe & Chicken, *Nonparametric Statistical Methods*, 3rd
ed., section 3.2-3.3). Both are robust against the bursts of a busy machine, and the interval is exact for any
symmetric noise.

Over sittings, the estimate is Tukey's biweight location of all rounds, which gives no weight to rounds in
which something else happened. Its interval learns from the data how far processes differ: where sittings
differ no more than the rounds within them, all rounds count as independent, otherwise each sitting counts
as one.
`tests/benchmarks/intervals.py` compares it with other estimates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 60
"""Rounds up to which the signed-rank distribution is computed exactly; above, it is almost normal."""

LEAST_SITTINGS, FEW_SITTINGS = 3, 4
"""Fewer sittings give no interval. In a few, bursts often favour the same side by about as much on a busy
machine: the deviation then looks small, and a difference is claimed that is none. So there it is at least
`FEW_DEVIATION`, with which gains above 25 % (four) or 50 % (three) can be claimed in a short time."""

FEW_DEVIATION = 0.1
"""How far few sittings are taken to differ at least, on the logarithmic scale."""

BIWEIGHT = 4.685
"""Deviations from the estimate at which a round gets no weight, where there are many rounds: 95 % of the
efficiency of the mean under normal noise (Huber & Ronchetti, *Robust Statistics*, 2nd ed., section 4.8)."""

FEW_ROUNDS = 8
"""With so many rounds, the limit is twice as far: a deviation that few rounds tell is uncertain."""


Metric = Literal["throughput", "latency_p99", "cpu", "throughput_per_latency", "rate"]
"""What a gain is measured in. Of latency and CPU time, 2 times as good is half as much."""


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times as good as the baseline a candidate is, and how sure that is.

    Attributes:
        ratio: Estimated rate of the candidate divided by that of the baseline; of latency and CPU time, that
            of the baseline divided by the candidate's.
        low: Lower end of the interval; 0 when there are too few rounds for an interval.
        high: Upper end; infinite when there are too few rounds for an interval.
        confidence: Probability that the interval covers the true ratio, e.g. 0.95; in a final, the
            probability that the intervals of all finalists do.
        rounds: Number of paired rounds.
        sittings: Number of sittings, each with fresh processes on both sides.
        metric: What is compared.
    """

    ratio: float
    low: float
    high: float
    confidence: float
    rounds: int
    sittings: int = 1
    metric: Metric = "throughput"

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

    Each round's influence on the estimate has a part from its sitting and a part of its own. If the mean
    square between sittings is at most that within them, processes do not show any difference: the variance is
    that of independent rounds, with Student's quantile for as many. Otherwise it is that of independent
    sittings (analysis of variance with a random effect: Searle, Casella & McCulloch, *Variance Components*,
    section 3.5; leverage-corrected as by Bell & McCaffrey, *Survey Methodology* 28:169, 2002). Degrees of
    freedom count what has weight (Kish's effective number).

    Args:
        sittings: The log-ratios of each sitting's rounds; at least one sitting, none of them empty.
        confidence: Probability that the intervals of all candidates cover the true ratios together.
        among: Number of candidates compared (Bonferroni's correction).

    Returns:
        The estimate; its interval is (0, inf) below `LEAST_SITTINGS`.
    """
    logs = np.concatenate([np.asarray(sitting, dtype=np.float64) for sitting in sittings])
    middle, influences, weights = biweight(logs)
    count, rounds = len(sittings), len(logs)
    if count < LEAST_SITTINGS:
        return Speedup(math.exp(middle), 0.0, math.inf, confidence, rounds)
    variance, freedom = _variance_of_mean(influences, weights, [len(sitting) for sitting in sittings])
    if count <= FEW_SITTINGS:
        variance, freedom = max(variance, FEW_DEVIATION**2 / count), count - 1.0
    reach = student_quantile(freedom, 1 - (1 - confidence) / (2 * among)) * math.sqrt(variance)
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    return Speedup(math.exp(middle), low, high, confidence, rounds, count)


def biweight(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return Tukey's biweight location of values, and each value's influence on it and weight in it.

    The scale is the median absolute deviation from the median, but at least a tenth of the mean one, which
    counts where most values are equal. The variance of the location is that of a mean
    of the influences, with Huber's correction for few values (Huber & Ronchetti, section 7.6).

    Args:
        values: At least one.

    Returns:
        The location; the influences, of the same unit, which sum up to 0; the weights, from 0 to 1.
    """
    middle, count = float(np.median(values)), len(values)
    strayed = np.abs(values - middle)
    scale = max(1.4826 * float(np.median(strayed)), 0.1 * float(np.mean(strayed)))
    if scale == 0.0:
        return middle, np.zeros(count), np.ones(count)
    limit = BIWEIGHT * (1 + FEW_ROUNDS / count) * scale * count / (count - 0.8)
    for _ in range(50):
        weights = np.clip(1 - ((values - middle) / limit) ** 2, 0.0, None) ** 2
        before, middle = middle, float(weights @ values / weights.sum())
        if abs(middle - before) < 1e-9 * scale:
            break
    away = (values - middle) / limit
    left = np.clip(1 - away**2, 0.0, None)
    slopes = left * (1 - 5 * away**2)
    slope = max(float(slopes.mean()), 0.01)
    few = 1 + float(slopes.var()) / (count * slope**2)
    return middle, few / slope * left**2 * (values - middle), left**2


def _variance_of_mean(
    influences: NDArray[np.float64], weights: NDArray[np.float64], sizes: Sequence[int]
) -> tuple[float, float]:
    """Return the variance of the mean of influences, in sittings of these sizes, and its freedom."""
    rounds, count = len(influences), len(sizes)
    starts, size = np.cumsum([0, *sizes[:-1]]), np.asarray(sizes)
    sums, squares = np.add.reduceat(influences, starts), float(influences @ influences)
    between = float((sums**2 / (1 - size / rounds)).sum()) / rounds
    within = max(0.0, squares - float((sums**2 / size).sum()))
    if between * (rounds - count) < within:
        return squares / (rounds - 1) / rounds, _freedom(weights)
    return between / rounds, _freedom(np.add.reduceat(weights, starts))


def _freedom(weights: NDArray[np.float64]) -> float:
    """Return the degrees of freedom of a mean with these weights, at least 1."""
    return max(1.0, float(weights.sum() ** 2 / (weights @ weights)) - 1)


def student_quantile(freedom: float, probability: float) -> float:
    """Return the quantile of Student's distribution."""
    from scipy.special import stdtrit  # takes 0.1 s, which an application that only loads an advice saves

    return float(stdtrit(freedom, probability))


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


def percentile_bounds(values: Sequence[float], share: float, confidence: float) -> tuple[float, float]:
    """Return the one-sided bounds of a percentile, by order statistics of independent values.

    Args:
        values: What was seen.
        share: The percentile as a share, e.g. 0.99.
        confidence: Of each bound.

    Returns:
        The bounds; 0 or infinite where there are too few values for one: a p99 needs 299 with 95 %.
    """
    from scipy.special import bdtr  # see `student_quantile`

    ordered, count = np.sort(np.asarray(values, dtype=np.float64)), len(values)
    below = bdtr(
        np.arange(count), count, share
    )  # chance that at most so many values are below the percentile
    high = int(np.searchsorted(below, confidence))
    low = int(np.searchsorted(below, 1 - confidence, side="right")) - 1
    return (
        float(ordered[low]) if low >= 0 else 0.0,
        float(ordered[high]) if high < count else math.inf,
    )


def spread(rates: Sequence[float]) -> float:
    """Return the relative spread of repeated rates: 1.4826 * MAD / median (a robust deviation)."""
    array = np.asarray(rates, dtype=np.float64)
    middle = float(np.median(array))
    return 1.4826 * float(np.median(np.abs(array - middle))) / middle if middle else math.inf
