"""Which way of searching comes closest to the optimum, and how soon: thousands of replayed searches.

Each strategy searches every recorded landscape at several budgets and seeds. Its regret is measured by
the landscape's own truth; whatever was picked without being better than the hint counts as the hint.
"""

import random
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from math import exp, log
from statistics import median

import optuna

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tests.simulation import replay
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.history import History
from tuner.domain.pruning import Decision, StopRule
from tuner.domain.space import Bounds, DeviceFacts, Point, Space
from tuner.domain.trend import Observation, Trend
from tuner.domain.trial import Trial
from tuner.tuning.growth import Step
from tuner.tuning.guesses import GUESSES
from tuner.tuning.proposals import Proposer
from tuner.tuning.strategy import Strategy, to_beat_the_best

NOISE_OF_A_TRIAL = 0.02
"""Deviation of a trial's log-ratio: six rounds of about 4 % each."""

BUDGETS_S = (15, 30, 60, 120)
SEEDS = 8


class Unpruned(StopRule):
    """Ends a duel after its rounds, whatever they say."""

    __slots__ = ()

    def decide(self, log_ratios) -> Decision:
        return Decision.ENOUGH if len(log_ratios) >= self.max_rounds else Decision.CONTINUE


def unpruned(_history: History) -> StopRule:
    return Unpruned()


def four_rounds(history: History) -> StopRule:
    return replace(to_beat_the_best(history), max_rounds=4)


class InOrder:
    """Proposes configurations in an order that it draws at the start."""

    def __init__(self, space: Space, own_batch: int, seed: int, known: Iterable[Trial] = ()) -> None:
        self._open = [space.configuration(point) for point in space.points()]
        random.Random(seed).shuffle(self._open)

    def next(self, closed: Callable[[Configuration], bool]) -> Configuration | None:
        while self._open:
            if not closed(drawn := self._open.pop()):
                return drawn
        return None

    def learn(self, trial: Trial) -> None:
        """A random search learns nothing."""

    def lead_to(self, step: Step) -> None:
        """It stays in the space that was laid out."""


class HillClimb:
    """Tries the neighbours of the best so far, from the hint on; a random point when they are spent."""

    def __init__(self, space: Space, own_batch: int, seed: int, known: Iterable[Trial] = ()) -> None:
        self._space, self._rng = space, random.Random(seed)
        self._points = {space.configuration(point): point for point in space.points()}
        start = space.nearest({"streams": "hint", "batch": own_batch, "requests_per_stream": 1})
        self._best, self._ratio = start or next(iter(self._points.values())), 1.0

    def next(self, closed: Callable[[Configuration], bool]) -> Configuration | None:
        still_open = {wanted: point for wanted, point in self._points.items() if not closed(wanted)}
        near = [wanted for wanted, point in still_open.items() if self._beside(point)]
        return self._rng.choice(near or list(still_open)) if still_open else None

    def learn(self, trial: Trial) -> None:
        if trial.speedup and trial.speedup.ratio > self._ratio and trial.configuration in self._points:
            self._best, self._ratio = self._points[trial.configuration], trial.speedup.ratio

    def lead_to(self, step: Step) -> None:
        """It stays in the space that was laid out."""

    def _beside(self, point: Point) -> bool:
        steps = [
            abs(axis.index(point[name]) - axis.index(self._best[name]))
            for name, axis in self._space.axes.items()
        ]
        return sum(steps) == 1


class GuessedHillClimb(HillClimb):
    """Tries the tuner's guesses first, then the neighbours of the best: smooth, saturating curves suit it."""

    def __init__(self, space: Space, own_batch: int, seed: int, known: Iterable[Trial] = ()) -> None:
        super().__init__(space, own_batch, seed, known)
        points = [space.nearest({"batch": own_batch, "requests_per_stream": 1, **guess}) for guess in GUESSES]
        self._guesses = [space.configuration(point) for point in reversed(points) if point]

    def next(self, closed: Callable[[Configuration], bool]) -> Configuration | None:
        while self._guesses:
            if not closed(guess := self._guesses.pop()):
                return guess
        return super().next(closed)


class PlainTpe(Proposer):
    """Optuna's TPE as it comes, without the guesses."""

    def __init__(self, space: Space, own_batch: int, seed: int, known: Iterable[Trial] = ()) -> None:
        super().__init__(space, own_batch, seed, known, guesses=())
        self._study.sampler = optuna.samplers.TPESampler(seed=seed)


class HighestBound(Proposer):
    """Tries the guesses, then the point with the highest upper bound of the trend (GP-UCB)."""

    def next(self, closed: Callable[[Configuration], bool]) -> Configuration | None:
        while self._guesses:
            if not closed(guess := self._guesses.popleft()):
                return guess
        known = ((self._space.point(tried), log(ratio)) for tried, ratio in self._ratios.items())
        observed = [Observation(point, log_ratio, NOISE_OF_A_TRIAL**2) for point, log_ratio in known if point]
        still_open = [point for point in self._space.points() if not closed(self._space.configuration(point))]
        if not still_open:
            return None
        bounds = Trend(self._space.axes, observed).upper_bounds(still_open)
        return self._space.configuration(still_open[int(bounds.argmax())])


def guesses_of_others(name: str) -> Strategy:
    """Start with the points that, each taken after the other, helped the other models most."""
    facts = DeviceFacts("CPU", 2, frozenset({"NUM_STREAMS"}), 2, 2)
    space = device_space(facts, 1, True, Bounds(), 2)
    points = [point for point in space.points() if point["streams"] != 2]
    others = [other for other in recorded() if other != name]
    shares = {
        other: [share_of_optimum(other, space.configuration(point)) for point in points] for other in others
    }
    reached, chosen = dict.fromkeys(others, 0.0), []
    for _ in range(5):
        at = max(
            range(len(points)), key=lambda at: sum(max(reached[other], shares[other][at]) for other in others)
        )
        chosen.append(points[at])
        reached = {other: max(reached[other], shares[other][at]) for other in others}
    return Strategy(proposer=partial(Proposer, guesses=tuple(chosen)))


def the_same(strategy: Strategy) -> Callable[[str], Strategy]:
    """Search every model in the same way."""
    return lambda _: strategy


BY_HAND = partial(
    Proposer,
    guesses=(
        {"streams": "hint", "requests_per_stream": 2},
        {"streams": "hint", "batch": 8},
        {"streams": 1, "batch": 16, "requests_per_stream": 2},
        {"streams": "hint", "batch": 32},
        {"streams": "hint", "batch": 2, "requests_per_stream": 2},
        {"streams": "hint", "requests_per_stream": 4},
        {"streams": 1, "requests_per_stream": 2},
        {"streams": "hint", "batch": 4},
    ),
)
"""What the tuner began with before its guesses were chosen by data."""

STRATEGIES: dict[str, Callable[[str], Strategy]] = {
    "tuner": the_same(Strategy()),
    "guesses that helped the other models": guesses_of_others,
    "guesses by hand": the_same(Strategy(proposer=BY_HAND)),
    "no guesses": the_same(Strategy(proposer=partial(Proposer, guesses=()))),
    "random search": the_same(Strategy(proposer=InOrder)),
    "plain TPE, no pruning": the_same(Strategy(proposer=PlainTpe, rule=unpruned)),
    "hill climb": the_same(Strategy(proposer=HillClimb)),
    "the tuner's guesses, then hill climb": the_same(Strategy(proposer=GuessedHillClimb)),
    "nothing pruned": the_same(Strategy(rule=unpruned)),
    "4 rounds a trial": the_same(Strategy(rule=four_rounds)),
    "windows of 0.2 s": the_same(Strategy(window_s=0.2)),
    "1 finalist": the_same(Strategy(finalists=1)),
    "3 finalists": the_same(Strategy(finalists=3)),
    "8 sittings": the_same(Strategy(sittings=8)),
    "16 sittings": the_same(Strategy(sittings=16)),
    "never fewer finalists": the_same(Strategy(enough_sittings=2)),
    "3 rounds a sitting": the_same(Strategy(sitting_rounds=3)),
    "6 rounds a sitting": the_same(Strategy(sitting_rounds=6)),
    "8 rounds a sitting": the_same(Strategy(sitting_rounds=8)),
    "15 to 35 % for the final": the_same(Strategy(final_share=(0.15, 0.35))),
    "40 to 65 % for the final": the_same(Strategy(final_share=(0.4, 0.65))),
    "the trend's highest bound": the_same(Strategy(proposer=HighestBound)),
}


def recorded() -> list[str]:
    return [name for name in MODELS if recordings.path_of(name).exists()]


def share_of_optimum(name: str, configuration: Configuration) -> float:
    landscape = landscape_of(name)
    return exp(landscape.log_ratio(configuration) - landscape.log_ratio(landscape.best().configuration))


def search(name: str, strategy: Strategy, budget_s: float, seed: int) -> tuple[float, str, int]:
    """Return share of the optimum, verdict and number of trials."""
    found = replay(landscape_of(name), budget_s, seed, strategy)
    share = share_of_optimum(name, found.outcome.verdict.best.configuration)
    return share, found.outcome.verdict.kind, len(found.trials)


_landscapes: dict[str, Landscape] = {}


def landscape_of(name: str) -> Landscape:
    if name not in _landscapes:
        _landscapes[name] = Landscape(read(recordings.path_of(name)))
    return _landscapes[name]


def try_out(strategy_for: Callable[[str], Strategy]) -> dict[str, dict[str, list]]:
    """Search everything; return the shares of the optimum and the verdicts by budget and model."""
    jobs = list(product(BUDGETS_S, recorded(), range(SEEDS)))
    with ProcessPoolExecutor(2) as pool:
        asked = [pool.submit(search, name, strategy_for(name), budget, seed) for budget, name, seed in jobs]
        results = [future.result() for future in asked]
    found: dict[str, dict[str, list]] = {}
    for (budget, name, _), result in zip(jobs, results, strict=True):
        found.setdefault(str(budget), {}).setdefault(name, []).append(result)
    return found


def summary(found: dict[str, dict[str, list]]) -> dict[str, dict[str, object]]:
    """Return, by budget: the median over models of each model's median share, the worst model's, the worst search."""
    budgets = {}
    for budget, by_model in found.items():
        medians = {name: median(run[0] for run in runs) for name, runs in by_model.items()}
        shares = sorted(run[0] for runs in by_model.values() for run in runs)
        means = {name: sum(run[0] for run in runs) / len(runs) for name, runs in by_model.items()}
        worst = min(medians, key=lambda name: medians[name])
        budgets[budget] = {
            "median": round(median(medians.values()), 4),
            "mean": round(sum(means.values()) / len(means), 4),
            "worst_model": [worst, round(medians[worst], 4)],
            "worst_tenth": round(shares[len(shares) // 10], 4),
            "trials": median(run[2] for runs in by_model.values() for run in runs),
            "models": {name: round(value, 4) for name, value in medians.items()},
        }
    return budgets


def main() -> None:
    evidence = Evidence("strategies")
    for name in sys.argv[1:] or STRATEGIES:
        if name not in evidence.items:
            budgets = summary(try_out(STRATEGIES[name]))
            evidence.save(name, budgets=budgets)
            print(
                name,
                {budget: (at["median"], at["worst_model"], at["mean"]) for budget, at in budgets.items()},
                flush=True,
            )


if __name__ == "__main__":
    main()
