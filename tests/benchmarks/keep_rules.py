"""Which rule may say that nothing gains? Several, each asked at the end of the same replayed searches of a minute.

A rule tells how likely the likeliest of the open configurations gains 3 % (*each*), or how likely any of them
does (*any*); the hint is kept where that is below 5 %. *Off the trend* is how far a point is taken to be off it:
a fixed deviation, or the likeliest of several for the search. *Tails*: one point in ten may be off by 5 %.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.benchmarks.wrong_keeps import LANDSCAPES, judged, recording_of
from tests.lanes.made import originals
from tests.simulation import replay
from tuner.domain import surveying, trend
from tuner.domain.trend import Trend
from tuner.domain.verdict import decide

BUDGET_S, SEEDS, DRAWS = 60.0, 12, 400
LEAST_CHANCE = 0.05
TAIL_SHARE, TAIL = 0.1, 0.05
OWN, THE_TUNERS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.04), trend.OWN


@dataclass
class End:
    """What a search knows of a space at its end: the trend, its observations, and what is not measured.

    Attributes:
        judged: Which of the observations the final leaves open.
    """

    trend: Trend
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    judged: NDArray[np.bool_]
    unmeasured: Sequence[dict]

    def gaussian(self, own: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and covariance of all open points, measured ones first."""
        places, others = self.trend._places, self.trend._places_of(self.unmeasured)
        every = np.concatenate([places[self.judged], others])
        alone = own**2 * (self.variances > 0.0)
        near = self.trend._amplitude * self.trend._alike(every, places)
        near[np.arange(self.judged.sum()), np.flatnonzero(self.judged)] += own**2
        prior = self.trend._amplitude * self.trend._alike(every, every) + own**2 * np.eye(len(every))
        seen = self.trend._amplitude * self.trend._alike(places, places)
        inverse = np.linalg.inv(seen + np.diag(alone + self.variances + 1e-9))
        return near @ inverse @ self.values, prior - near @ inverse @ near.T


def each(end: End, own: float, shrunken: bool, outliers: bool = False) -> float:
    mean, covariance = end.gaussian(own)
    deviation = np.sqrt(np.maximum(covariance.diagonal(), 1e-12))
    if not shrunken:
        mean[: end.judged.sum()] = end.values[end.judged]
        deviation[: end.judged.sum()] = np.sqrt(end.variances[end.judged])
    elif outliers:
        found = np.array(end.trend.measured())[end.judged]
        mean[: len(found)], deviation[: len(found)] = found[:, 0], np.sqrt(found[:, 1])
    return float(np.max(1 - ndtr((surveying.WORTH_FINDING - mean) / deviation), initial=0.0))


def any_of(end: End, own: float) -> float:
    mean, covariance = end.gaussian(own)
    if not len(mean):
        return 0.0
    values, vectors = np.linalg.eigh(covariance)
    normal = np.random.default_rng(0).standard_normal((DRAWS, len(mean)))
    drawn = mean + normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return float(np.mean(drawn.max(axis=1) > surveying.WORTH_FINDING))


def any_with_tails(end: End, own: float) -> float:
    """Take the open points for independent, given the trend: any of the unmeasured ones may be far off it."""
    mean, covariance = end.gaussian(own)
    variance = np.maximum(covariance.diagonal(), 1e-12)
    far = 1 - ndtr((surveying.WORTH_FINDING - mean) / np.sqrt(variance + TAIL**2))
    near = 1 - ndtr((surveying.WORTH_FINDING - mean) / np.sqrt(variance))
    share = np.where(np.arange(len(mean)) < end.judged.sum(), 0.0, TAIL_SHARE)
    return float(1 - np.prod(1 - (1 - share) * near - share * far))


RULES: dict[str, tuple[tuple[float, ...], Callable[[End, float], float]]] = {
    "each: measured ones by their own rounds alone, others 2 % off the trend (before)": (
        (0.02,),
        partial(each, shrunken=False),
    ),
    "each: the same, 1 % off the trend": ((0.01,), partial(each, shrunken=False)),
    "each: by the trend and its own rounds, 2 % off the trend": ((0.02,), partial(each, shrunken=True)),
    "each: the same, 1 % off the trend, always": ((0.01,), partial(each, shrunken=True)),
    "each: the same, the likeliest of 1 to 4 %": (THE_TUNERS, partial(each, shrunken=True)),
    "each: the same, but outliers stand for themselves (the tuner's)": (
        THE_TUNERS,
        partial(each, shrunken=True, outliers=True),
    ),
    "each: the same, the likeliest of 0.25 to 4 %": (OWN, partial(each, shrunken=True)),
    "any: draws of all together, the likeliest of 0.25 to 4 %": (OWN, any_of),
    "any: draws of all together, 1 % off the trend": ((0.01,), any_of),
    "any: one by one, with tails, the likeliest of 0.25 to 4 %": (OWN, any_with_tails),
}


class Noted(Trend):
    """A trend that notes what it was asked."""

    asked: ClassVar[list[tuple]] = []

    def __init__(self, axes, observed) -> None:
        super().__init__(axes, observed)
        self._made_of = (axes, observed)

    def upper_bounds(self, points):
        self.asked.append((*self._made_of, points))
        return super().upper_bounds(points)


def judged_by_each_rule(landscape: str, job: tuple[str, int]) -> dict[str, str]:
    """Search once, and say for each rule what its verdict would have been worth."""
    name, seed = job
    made = LANDSCAPES[landscape](recording_of(name), seed)
    surveying.Trend = Noted
    found = replay(made, BUDGET_S, seed)
    best = max(made.log_ratio(entry.configuration) for entry in originals(made.recording))
    verdict = found.outcome.verdict
    if found.final is None or decide(found.final).kind != "keep_hint":
        worth = judged(verdict.kind, made.log_ratio(verdict.best.configuration), best)
        return dict.fromkeys(RULES, worth)
    left_to_the_final = {
        (each.log_ratio, each.variance) for each in surveying._finalists(found.final).values()
    }
    ((axes, observed, unmeasured),) = Noted.asked[-1:]
    kinds = {}
    for rule, (own, chance) in RULES.items():
        trend.OWN = own
        end = End(
            Trend(axes, observed),
            np.array([each.log_ratio for each in observed]),
            np.array([each.variance for each in observed]),
            np.array(
                [
                    each.variance > 0.0 and (each.log_ratio, each.variance) not in left_to_the_final
                    for each in observed
                ]
            ),
            unmeasured,
        )
        sure = chance(end, end.trend.own) < LEAST_CHANCE
        kinds[rule] = judged("keep_hint" if sure else "inconclusive", 0.0, best)
    trend.OWN = THE_TUNERS
    return kinds


def main() -> None:
    evidence = Evidence("keep_rules")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    jobs = list(product(names, range(SEEDS)))
    with ProcessPoolExecutor(2) as pool:
        for landscape in LANDSCAPES:
            if landscape in evidence.items:
                continue
            found = list(pool.map(partial(judged_by_each_rule, landscape), jobs, chunksize=10))
            counts = {rule: Counter(kinds[rule] for kinds in found) for rule in RULES}
            evidence.save(landscape, searches=len(jobs), counts=counts)
            print(landscape, {rule: dict(kinds) for rule, kinds in counts.items()}, flush=True)


if __name__ == "__main__":
    main()
