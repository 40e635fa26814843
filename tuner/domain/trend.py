"""What the measured points of a space say of the others: a Gaussian process over its axes.

The log-ratio to the hint is the sum of an effect of each axis, smooth along counts, and of a rougher part
that belongs to a combination of choices. Counts are neighbours by doublings; other choices (streams,
switches, the settings of a device) are unrelated. The amplitude has a prior, so that few
points do not make it certain. See Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006),
chapters 2 and 4.

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

UNSEEN = 0.02
"""Deviation that is added at points that were not measured: for what no neighbour shows."""

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
    """Bounds on the log-ratio of the points of one space."""

    def __init__(self, axes: Mapping[str, Sequence[Choice]], observed: Sequence[Observation]) -> None:
        """Learn from the observations; without any, nothing is ruled out."""
        self._counts = [axis for axis in axes if axis in COUNTS]
        self._words = {
            axis: {choice: place for place, choice in enumerate(choices)}
            for axis, choices in axes.items()
            if axis not in COUNTS
        }
        self._places = self._places_of([each.point for each in observed])
        values = np.array([each.log_ratio for each in observed])
        noise = np.diag([each.variance + 1e-9 for each in observed])
        alike = self._alike(self._places, self._places)
        self._amplitude = _amplitude(alike, noise, values)
        self._inverse = np.linalg.inv(self._amplitude * alike + noise)
        self._weights = self._inverse @ values

    def upper_bounds(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Return the one-sided 95 % bounds of the log-ratios of points that were not measured."""
        found = [self._bounds(points[begin : begin + CHUNK]) for begin in range(0, len(points), CHUNK)]
        return np.concatenate(found) if found else np.empty(0)

    def _bounds(self, points: Sequence[Point]) -> NDArray[np.float64]:
        near = self._amplitude * self._alike(self._places_of(points), self._places)
        itself = self._amplitude * (ROUGHNESS + EFFECT * (len(self._counts) + len(self._words)))
        variance = itself - np.einsum("ij,jk,ik->i", near, self._inverse, near, optimize=True)
        deviation = np.sqrt(np.maximum(variance, 0.0) + UNSEEN**2)
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


def _amplitude(alike: NDArray[np.float64], noise: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Return the variance of this space over that of the recorded models, by a few steps of iteration."""
    amplitude = 1.0
    for _ in range(STEPS):
        spread = amplitude * float(values @ np.linalg.solve(amplitude * alike + noise, values))
        amplitude = (PRIOR_WEIGHT + spread) / (PRIOR_WEIGHT + len(values))
    return amplitude
