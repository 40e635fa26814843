"""Estimates of a speedup over sittings, for `tests.benchmarks.intervals`: what the tuner does, did and might do.

Each takes log-ratios of shape (repetitions, sittings, rounds), NaN where a sitting has fewer rounds, and the
confidence; it returns the lower and the upper ends, each of shape (repetitions,).
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from tuner.domain.stats import FEW_SITTINGS, Speedup, biweight, speedup_over_sittings, walsh_averages

Array = NDArray[np.float64]
Interval = tuple[Array, Array]
FLIPS = 500
"""Sign flips drawn where there are more than that."""
HALVINGS = 20
HUBER = 1.345
"""Huber's limit for 95 % of the efficiency of the mean under normal noise."""


def student(sittings: Sequence[Sequence[float]], confidence: float = 0.95, among: int = 1) -> Speedup:
    """Estimate as the tuner did before: Student's t interval over the sittings' Hodges-Lehmann medians."""
    estimates = [float(np.median(walsh_averages(sitting))) for sitting in sittings]
    count, rounds, middle = len(estimates), sum(map(len, sittings)), fmean(estimates)
    if count <= FEW_SITTINGS:
        return Speedup(math.exp(middle), 0.0, math.inf, confidence, rounds)
    quantile = float(stdtrit(count - 1, 1 - (1 - confidence) / (2 * among)))
    reach = quantile * stdev(estimates) / math.sqrt(count)
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    return Speedup(math.exp(middle), low, high, confidence, rounds, count)


def each(estimate: Callable[[list[Array], float], Speedup]) -> Callable[[Array, float], Interval]:
    """Apply an estimate of one final to every repetition."""

    def estimated(logs: Array, confidence: float) -> Interval:
        finals = ([sitting[~np.isnan(sitting)] for sitting in final] for final in logs)
        found = [estimate(final, confidence) for final in finals]
        return np.log([gain.low for gain in found]), np.log([gain.high for gain in found])

    return estimated


def students(logs: Array, confidence: float) -> Interval:
    """Return `student` of every repetition."""
    size, estimates = (~np.isnan(logs)).sum(2), np.empty(logs.shape[:2])
    ordered = np.sort(logs, axis=2)  # NaN comes last
    for count in np.unique(size):
        rows, columns = np.triu_indices(count)
        sittings = ordered[size == count]
        estimates[size == count] = np.median((sittings[:, rows] + sittings[:, columns]) / 2, axis=1)
    count = logs.shape[1]
    middle, deviation = estimates.mean(1), estimates.std(axis=1, ddof=1) / math.sqrt(count)
    reach = stdtrit(count - 1, (1 + confidence) / 2) * deviation
    return middle - reach, middle + reach


def biweight_always_over_sittings(sittings: Sequence[Array], confidence: float) -> Speedup:
    """Estimate as the tuner does, but with every sitting counted as one, whether processes differ or not."""
    middle, influences, _ = biweight(np.concatenate(sittings))
    ends = np.cumsum([len(sitting) for sitting in sittings])[:-1]
    sums = np.array([part.sum() for part in np.split(influences, ends)])
    share = np.array([len(sitting) for sitting in sittings]) / len(influences)
    deviation = math.sqrt(float((sums**2 / (1 - share)).sum())) / len(influences)
    reach = float(stdtrit(len(sittings) - 1, (1 + confidence) / 2)) * deviation
    return Speedup(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), confidence, 0)


def huber_over_sittings(logs: Array, confidence: float) -> Interval:
    """Take Huber's location of all rounds, with a variance over sittings and Student's quantile.

    Huber & Ronchetti, *Robust Statistics*, 2nd ed., sections 4.5 and 7.6; the variance over clusters is that of
    Liang & Zeger, *Biometrika* 73:13, 1986.
    """
    rounds = _rounds(logs)
    count = (~np.isnan(rounds)).sum(1)
    middle = np.nanmedian(rounds, axis=1)
    scale = 1.4826 * np.nanmedian(abs(rounds - middle[:, None]), axis=1)
    for _ in range(30):
        strayed = (rounds - middle[:, None]) / scale[:, None]
        weight = np.minimum(1, HUBER / np.maximum(abs(strayed), 1e-12))
        middle = np.nansum(weight * rounds, axis=1) / np.nansum(weight, axis=1)
    strayed = (logs - middle[:, None, None]) / scale[:, None, None]
    inside = (abs(strayed) <= HUBER).sum((1, 2)) / count
    sums = np.nansum(np.clip(strayed, -HUBER, HUBER), axis=2)
    sittings = logs.shape[1]
    deviation = scale * np.sqrt((sums**2).sum(1) * sittings / (sittings - 1)) / (count * inside)
    reach = stdtrit(sittings - 1, (1 + confidence) / 2) * deviation
    return middle - reach, middle + reach


def random_effects(logs: Array, confidence: float) -> Interval:
    """Combine sittings' means with a random effect.

    The variance between sittings is Paule & Mandel's (*J. Res. Natl. Bur. Stand.* 87:377, 1982), the interval
    that of Hartung & Knapp (*Stat. Med.* 20:1771, 2001) and Sidik & Jonkman (*Stat. Med.* 21:3153, 2002); the
    variance within sittings is pooled.
    """
    size, mean, within = _parts(logs)
    own = (within / np.maximum(size.sum(1) - logs.shape[1], 1))[:, None] / size
    low, high = np.zeros(len(logs)), mean.var(axis=1, ddof=1) * 4
    for _ in range(HALVINGS * 2):
        between = (low + high) / 2
        _, spread = _weighted(mean, 1 / np.maximum(own + between[:, None], 1e-30))
        more = spread > logs.shape[1] - 1
        low, high = np.where(more, between, low), np.where(more, high, between)
    weight = 1 / np.maximum(own + low[:, None], 1e-30)
    middle, spread = _weighted(mean, weight)
    freedom = logs.shape[1] - 1
    reach = stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(spread / freedom / weight.sum(1))
    return middle - reach, middle + reach


def bayes(logs: Array, confidence: float) -> Interval:
    """Average over how far processes may differ, given normal noise.

    Box & Tiao, *Bayesian Inference in Statistical Analysis*, sections 5.2 and 7.2: the mean square between
    sittings is expected to be at least that within them, and its logarithm is as likely everywhere.
    """
    size, mean, within = _parts(logs)
    count = size.sum(1)[:, None]
    ratio = (np.geomspace(1, 400, 16)[None, :] - 1) * logs.shape[1] / count
    inflated = 1 + ratio[:, :, None] * size[:, None, :]
    weight = size[:, None, :] / inflated
    total = weight.sum(2)
    middle = (weight * mean[:, None, :]).sum(2) / total
    square = (weight * (mean[:, None, :] - middle[:, :, None]) ** 2).sum(2) + within[:, None]
    log = -0.5 * np.log(inflated).sum(2) - 0.5 * np.log(total) - (count - 1) / 2 * np.log(square)
    chance = np.exp(log - log.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    deviation = np.sqrt(square / (count - 1) / total)
    most = 2 * stdtrit(count[:, 0] - 1, (1 + confidence) / 2) * deviation.max(1)
    ends = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        low, high = middle.min(1) - most, middle.max(1) + most
        for _ in range(HALVINGS):
            at = (low + high) / 2
            below = (chance * stdtr(count - 1, (at[:, None] - middle) / deviation)).sum(1) < share
            low, high = np.where(below, at, low), np.where(below, high, at)
        ends.append((low + high) / 2)
    return ends[0], ends[1]


def sign_flips(logs: Array, confidence: float) -> Interval:
    """Invert Wilcoxon's signed-rank test of all rounds, with whole sittings flipped at random.

    The test is exact where sittings are symmetric, however dependent their rounds (Fisher's randomisation:
    Lehmann & Romano, *Testing Statistical Hypotheses*, 3rd ed., section 15.2). With n sittings, no two-sided
    error below 2 / 2^n can be tested: then there is no interval.
    """
    sittings = logs.shape[1]
    if sittings - 1 < math.log2(FLIPS):
        bits = np.arange(2 ** (sittings - 1))[:, None] >> np.arange(sittings)
        flips = 1.0 - 2.0 * (bits & 1)
    else:
        flips = np.random.default_rng(0).choice([-1.0, 1.0], (FLIPS, sittings))
        flips[0] = 1.0

    def accepted(sums: Array) -> NDArray[np.bool_]:
        as_far = abs(sums @ flips.T) >= abs(sums.sum(1))[:, None] - 1e-9
        return as_far.mean(1) > 1 - confidence

    return _inverted(logs, accepted)


def clustered_wilcoxon(logs: Array, confidence: float) -> Interval:
    """Invert the signed-rank test with a variance over clusters and Student's quantile.

    Rosner, Glynn & Lee, *Biometrics* 62:185, 2006; Larocque, *Biometrical Journal* 47:870, 2005.
    """
    sittings = logs.shape[1]
    quantile = float(stdtrit(sittings - 1, (1 + confidence) / 2))

    def accepted(sums: Array) -> NDArray[np.bool_]:
        return abs(sums.sum(1)) <= quantile * math.sqrt(sittings) * sums.std(axis=1, ddof=1)

    return _inverted(logs, accepted)


def _inverted(logs: Array, accepted: Callable[[Array], NDArray[np.bool_]]) -> Interval:
    """Return the values from the median of all rounds on, to both sides, up to which a test accepts them."""
    rounds = _rounds(logs)
    middle, ends = np.nanmedian(rounds, axis=1), []
    furthest = np.nanmax(abs(rounds - middle[:, None]), axis=1)
    for side in (-1.0, 1.0):
        low, high = np.zeros(len(logs)), 2 * furthest
        for _ in range(HALVINGS):
            reach = (low + high) / 2
            held = accepted(_signed_ranks(logs, middle + side * reach))
            low, high = np.where(held, reach, low), np.where(held, high, reach)
        ends.append(middle + side * np.where(low > 1.9 * furthest, math.inf, low))
    return ends[0], ends[1]


def _signed_ranks(logs: Array, values: Array) -> Array:
    """Return each sitting's sum of the signed ranks of its rounds, all rounds ranked by distance from a value."""
    away = _rounds(logs) - values[:, None]
    ranks = np.argsort(np.argsort(abs(away), axis=1), axis=1) + 1.0
    return np.nansum((np.sign(away) * ranks).reshape(logs.shape), axis=2)


def _rounds(logs: Array) -> Array:
    return logs.reshape(len(logs), -1)


def _parts(logs: Array) -> tuple[Array, Array, Array]:
    """Return the sittings' sizes and means, and the sum of squares within them."""
    size = (~np.isnan(logs)).sum(2).astype(float)
    mean = np.nansum(logs, axis=2) / size
    return size, mean, np.nansum((logs - mean[:, :, None]) ** 2, axis=(1, 2))


def _weighted(mean: Array, weight: Array) -> tuple[Array, Array]:
    """Return the weighted mean of sittings, and their weighted sum of squares about it."""
    middle = (weight * mean).sum(1) / weight.sum(1)
    return middle, (weight * (mean - middle[:, None]) ** 2).sum(1)


ESTIMATORS: dict[str, Callable[[Array, float], Interval]] = {
    "before: Student over Hodges-Lehmann": students,
    "now: biweight, learns the difference": each(speedup_over_sittings),
    "biweight, always over sittings": each(biweight_always_over_sittings),
    "Huber, always over sittings": huber_over_sittings,
    "signed ranks, sign flips of sittings": sign_flips,
    "signed ranks, variance over sittings": clustered_wilcoxon,
    "random effect: Paule-Mandel, Hartung-Knapp": random_effects,
    "random effect: Box-Tiao": bayes,
}
