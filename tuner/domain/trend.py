"""What the measured points of a space say of the others: a Gaussian process over its axes.

The log-ratio to the hint is the sum of an effect of each axis, smooth along counts, of a rougher part
that belongs to a combination of choices, and of what is a point's own. Counts are neighbours by doublings;
other choices (streams, switches, the settings of a device) are unrelated. The amplitude has a prior, so that
few points do not make it certain. How far points are off the trend is learnt: where the measured ones hardly
are, noise explains those that look fast in a few rounds. See Rasmussen and Williams, *Gaussian Processes for
Machine Learning* (2006), chapters 2, 4 and 5.

The constants are the likeliest for ten recorded models, and hardly change when one of them is left out. How
often the bounds hold is measured by `python -m tests.benchmarks.trend`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.domain.space import Choice, Point

COUNTS = frozenset({"batch", "requests", "requests_per_stream", "gathered"})
"""Axes along which a doubling is a step."""

EFFECT, EFFECT_DOUBLINGS = 0.31, 10.2
"""Variance of the effect of an axis, and over how many doublings it changes."""

ROUGHNESS, ROUGHNESS_DOUBLINGS = 0.0051, 4.8
"""The same of what belongs to a combination of choices."""

OWN = (0.01, 0.02, 0.03, 0.04)
"""How far a point may be off the trend, for what no neighbour shows (deviation). The likeliest is chosen for
each space. On the recorded models it is 0 to 0.03, and 0.01 if it has to be one for all. If it could be less
than 0.01, twice as many single gains that nobody measured would be ruled out in flat landscapes."""

OUTLIER = 2.5
"""Standard deviations above what all other points predict, from which a measured point is not drawn to them
(Rasmussen and Williams, section 5.4.2). One flat point in 160 is so far above by chance."""

PRIOR_WEIGHT = 3.0
"""Points that the recorded models' amplitude counts as, beside the measured points of a space."""

ONE_SIDED_95 = 1.645
CHUNK = 4096
STEPS = 4


@dataclass(frozen=True, slots=True)
class Observation:
    """A measured point.

    Attributes:
        point: Where.
        log_ratio: The estimated log-ratio to the hint.
        variance: Of that estimate; 0 at the hint itself.
    """

    point: Point
    log_ratio: float
    variance: float


class Trend:
    """Bounds on the log-ratio of the points of one space.

    Attributes:
        own: How far a point is taken to be off the trend, as a deviation.
    """

    def __init__(self, axes: Mapping[str, Sequence[Choice]], observed: Sequence[Observation]) -> None:
        """Learn from the observations; without any, nothing is ruled out."""
        self._counts = [axis for axis in axes if axis in COUNTS]
        self._words = {
            axis: {choice: place for place, choice in enumerate(choices)}
            for axis, choices in axes.items()
            if axis not in COUNTS
        }
        self._places = self._places_of([each.point for each in observed])
        values = self._values = np.array([each.log_ratio for each in observed])
        self._variances = np.array([each.variance + 1e-9 for each in observed])
        self._alone = np.array([each.variance > 0.0 for each in observed], dtype=float)
        alike = self._alike(self._places, self._places)
        fits = [_fit(alike, self._variances + own**2 * self._alone, values) for own in OWN]
        best = max(range(len(OWN)), key=lambda at: fits[at][0])
        self.own, self._amplitude = OWN[best], fits[best][1]
        noise = np.diag(self._variances + self.own**2 * self._alone)
        self._inverse = np.linalg.inv(self._amplitude * alike + noise)
        self._weights = self._inverse @ values

    def measured(self) -> list[tuple[float, float]]:
        """Return the log-ratio and its variance at each observed point, by its own rounds and the others'.

        A point that is faster than noise and the others explain stands for itself.
        """
        prior = self._amplitude * self._alike(self._places, self._places)
        prior += np.diag(self.own**2 * self._alone)
        left = prior.diagonal() - np.einsum("ij,jk,ik->i", prior, self._inverse, prior, optimize=True)
        off = self._weights / np.sqrt(self._inverse.diagonal())
        itself = off > OUTLIER
        log_ratios = np.where(itself, self._values, prior @ self._weights)
        variances = np.where(itself, self._variances, np.maximum(left, 0.0))
        return list(zip(log_ratios.tolist(), variances.tolist(), strict=True))

    def upper_bounds(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Return the one-sided 95 % bounds of the log-ratios of points that were not measured."""
        found = [self._bounds(points[begin : begin + CHUNK]) for begin in range(0, len(points), CHUNK)]
        return np.concatenate(found) if found else np.empty(0)

    def _bounds(self, points: Sequence[Point]) -> NDArray[np.float64]:
        near = self._amplitude * self._alike(self._places_of(points), self._places)
        itself = self._amplitude * (ROUGHNESS + EFFECT * (len(self._counts) + len(self._words)))
        variance = itself - np.einsum("ij,jk,ik->i", near, self._inverse, near, optimize=True)
        deviation = np.sqrt(np.maximum(variance, 0.0) + self.own**2)
        return np.asarray(near @ self._weights + ONE_SIDED_95 * deviation)

    def _places_of(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Return the place of each point on each axis, counts first."""
        counts = [[math.log2(int(point[axis])) for axis in self._counts] for point in points]
        words = [[float(places[point[axis]]) for axis, places in self._words.items()] for point in points]
        shape = (len(points), len(self._counts) + len(self._words))
        return np.array([a + b for a, b in zip(counts, words, strict=True)], dtype=float).reshape(shape)

    def _alike(self, some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the prior covariance of each pair, for an amplitude of 1."""
        effects = np.zeros((len(some), len(others)))
        both = np.full_like(effects, ROUGHNESS)
        for axis in range(some.shape[1]):
            apart = np.abs(some[:, axis, None] - others[None, :, axis])
            if axis < len(self._counts):
                effects += EFFECT * _smooth(apart / EFFECT_DOUBLINGS)
                both *= np.exp(-apart / ROUGHNESS_DOUBLINGS)
            else:
                effects += EFFECT * (apart == 0)
                both *= apart == 0
        return np.asarray(effects + both)


def _smooth(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Matern's correlation of order 3/2."""
    scaled = math.sqrt(3) * distance
    return np.asarray((1 + scaled) * np.exp(-scaled))


def _fit(
    alike: NDArray[np.float64], noise: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[float, float]:
    """Return how likely the values are (logarithm), and the amplitude, by a few steps of iteration.

    The amplitude is the variance of this space over that of the recorded models.
    """
    amplitude, spread = 1.0, 0.0
    for _ in range(STEPS):
        spread = float(values @ np.linalg.solve(amplitude * alike + np.diag(noise), values))
        amplitude = (PRIOR_WEIGHT + amplitude * spread) / (PRIOR_WEIGHT + len(values))
    covariance = amplitude * alike + np.diag(noise)
    spread = float(values @ np.linalg.solve(covariance, values))
    likelihood = -(float(np.linalg.slogdet(covariance)[1]) + spread) / 2
    return likelihood - PRIOR_WEIGHT / 2 * (math.log(amplitude) + 1 / amplitude), amplitude
