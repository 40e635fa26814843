"""What can be predicted of how long an open answer takes? Attempts, judged on models that they were not fitted to.

It judges what `python -m tests.benchmarks.settling` measured, in a minute. A prediction is right within a factor of two if a run of half of it leaves the answer open and another run, of twice of it, settles it.
"""

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import norm

from tests.benchmarks.evidence import FOLDER, Evidence
from tests.benchmarks.settling import RUNS, SETTLED
from tuner.domain.settling import LEAST_TRIALS_S, LONGEST_TRIED_S
from tuner.domain.stats import LEAST_SITTINGS
from tuner.domain.verdict import GAIN_WORTH_FINDING, MINIMUM_GAIN

State = dict[str, Any]
"""An open answer, as `tests.benchmarks.settling` keeps it."""

Predictor = Callable[[State], float]
ALL = "all open answers"
LENGTHS_S = [15 * math.sqrt(2) ** step for step in range(13)]
FINAL_SITTINGS, FINAL_SHARE, NARROWEST, WIDEST = 12, 0.25, 0.004, 1.0
DRAWS, USUAL_GAIN = 300, 0.03
WIN, WORTH = math.log1p(MINIMUM_GAIN), math.log1p(GAIN_WORTH_FINDING)


def share_settled(state: State, length_s: float) -> float:
    """Return the share of runs of a length that settle an answer, interpolated between the lengths tried."""
    tried = {float(length): each.count(SETTLED) / len(each) for length, each in state["runs"].items()}
    shares = np.maximum.accumulate([*tried.values()])
    if length_s < min(tried):
        return float(shares[0]) * length_s / min(tried)
    return float(np.interp(math.log(length_s), [math.log(length) for length in tried], shares))


def judged(state: State, predicted_s: float) -> tuple[float, float, float]:
    """Return the shares of right predictions, of answers settled after half the time, and open after twice."""
    sooner, later = share_settled(state, predicted_s / 2), 1 - share_settled(state, 2 * predicted_s)
    return (1 - sooner) * (1 - later), sooner, later


# Fitting


@dataclass(frozen=True, slots=True)
class Probit:
    """The chance that a run settles an answer: normal in the logarithm of its length."""

    weights: NDArray[np.float64]
    deviation: float
    features: Callable[[State], list[float]]

    def median_s(self, state: State) -> float:
        return math.exp(self.weights @ np.array(self.features(state)))

    def chance(self, state: State, length_s: float) -> float:
        return float(norm.cdf(math.log(length_s / self.median_s(state)) / self.deviation))


def _runs(state: State) -> Iterator[tuple[float, bool]]:
    """Yield length and result of each run; a longer one than those left out would have settled it, too."""
    for length, results in state["runs"].items():
        yield from ((math.log(float(length)), result == SETTLED) for result in results)
    if (last := max(map(int, state["runs"]))) < max(RUNS):
        yield math.log(2 * last), True


def fitted(states: Sequence[State], features: Callable[[State], list[float]]) -> Probit:
    """Fit by the largest likelihood, with slightly shrunken weights."""
    rows = [(features(state), *run) for state in states for run in _runs(state)]
    matrix, lengths = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    signs = np.array([1 if row[2] else -1 for row in rows])

    def loss(guess: NDArray[np.float64]) -> float:
        apart = signs * (lengths - matrix @ guess[:-1]) / math.exp(guess[-1])
        return float(-norm.logcdf(apart).sum() + 0.5 * (guess[1:-1] ** 2).sum())

    found = minimize(loss, [math.log(120), *[0.0] * matrix.shape[1]], method="L-BFGS-B").x
    return Probit(found[:-1], math.exp(found[-1]), features)


def by_open_trials(state: State) -> list[float]:
    """Return what the search predicts by."""
    return [1.0, math.log(max(state["trials_s"], LEAST_TRIALS_S))]


def by_everything(state: State) -> list[float]:
    widths = [keep if keep else WIDEST for _, _, keep in state["finalists"]]
    return [
        *by_open_trials(state),
        math.log(state["budget_s"]),
        math.log(1 + state["open"]),
        math.log(state["sitting_s"] or 1.0),
        math.log(min(WIDEST, max(widths, default=WIDEST))),
        20 * max((log for log, _, _ in state["finalists"]), default=0.0),
        math.log(simulated_s(state)),
    ]


# Predictions


def formula_s(state: State) -> float:
    """Return the prediction that was tried first: all open trials, and as many sittings as the intervals need."""
    sittings: float = FINAL_SITTINGS
    if state["sittings"] >= LEAST_SITTINGS and state["finalists"]:
        to_win, to_keep = math.inf, 0.0
        for log_ratio, claimed, keep in state["finalists"]:
            if log_ratio > WIN:
                to_win = min(to_win, ((claimed or WIDEST) / max(log_ratio - WIN, NARROWEST)) ** 2)
            to_keep = max(to_keep, ((keep or WIDEST) / max(WORTH - log_ratio, NARROWEST)) ** 2)
        sittings = max(state["sittings"] * min(to_win, to_keep), sittings)
    trials_s = state["trials_s"]
    return float(max(trials_s + sittings * state["sitting_s"], trials_s / (1 - FINAL_SHARE), 1.0))


def simulated_s(state: State) -> float:
    """Return the median time over draws of what the finalists' gains may really be, by their intervals."""
    rng, sittings = random.Random(0), max(state["sittings"], LEAST_SITTINGS)
    times_s = [_drawn_s(state, rng, sittings) for _ in range(DRAWS)]
    return min(max(median(times_s), LEAST_TRIALS_S), 100_000.0)


def _drawn_s(state: State, rng: random.Random, sittings: int) -> float:
    to_win, to_keep = math.inf, float(FINAL_SITTINGS)
    for log_ratio, claimed, keep in state["finalists"]:
        error = (keep or WIDEST) / 1.645
        weight = USUAL_GAIN**2 / (USUAL_GAIN**2 + error**2)
        truth = rng.gauss(weight * log_ratio, math.sqrt(weight) * error)
        if truth > WIN:
            to_win = min(to_win, sittings * ((claimed or WIDEST) / max(truth - WIN, NARROWEST)) ** 2)
        open_still = truth >= WORTH
        wanted = sittings * ((keep or WIDEST) / max(WORTH - truth, NARROWEST)) ** 2
        to_keep = math.inf if open_still else max(to_keep, wanted)
    return float(min(to_win * state["sitting_s"], to_keep * state["sitting_s"] + state["trials_s"]))


def scaled(measure: Predictor) -> Callable[[Sequence[State]], Predictor]:
    """Return a prediction that is a measure times the factor that is right most often in the states to learn from."""

    def learn(states: Sequence[State]) -> Predictor:
        def rightness(factor: float) -> float:
            return fmean(judged(state, factor * measure(state))[0] for state in states)

        best = max((2.0 ** (step / 2) for step in range(-10, 19)), key=rightness)
        return lambda state: best * measure(state)

    return learn


def halving(measure: Predictor) -> Callable[[Sequence[State]], Predictor]:
    """Return a prediction that is a measure times the factor with which it settles half of the states."""

    def learn(states: Sequence[State]) -> Predictor:
        low, high = 0.1, 1000.0
        for _ in range(20):
            middle = math.sqrt(low * high)
            settled = fmean(share_settled(state, middle * measure(state)) for state in states)
            low, high = (low, middle) if settled >= 0.5 else (middle, high)
        return lambda state: high * measure(state)

    return learn


halves = halving(lambda state: math.sqrt(max(state["trials_s"], LEAST_TRIALS_S)))
"""What the search predicts."""

same_halves = halving(lambda _: 1.0)


ATTEMPTS: dict[str, Callable[[Sequence[State]], Predictor]] = {
    "the formula tried first": lambda _: formula_s,
    "the formula tried first, times the best factor": scaled(formula_s),
    "simulated from the finalists' intervals": lambda _: simulated_s,
    "simulated, times the best factor": scaled(simulated_s),
    "log-linear in the open trials: the median": lambda states: fitted(states, by_open_trials).median_s,
    "log-linear in eight features: the median": lambda states: fitted(states, by_everything).median_s,
    "what settles half of the answers, by the root of the open trials (adopted)": halves,
    "the same time for all": scaled(lambda _: 1.0),
    "the budget times the best factor": scaled(lambda state: state["budget_s"]),
}


# Judging


def load() -> list[State]:
    data = json.loads((FOLDER / "settling.json").read_text())
    return [state for found in data["items"].values() for state in found["open"]]


def left_out(states: Sequence[State]) -> Iterator[tuple[list[State], list[State]]]:
    """Yield for each model the states of the others and its own."""
    for model in sorted({state["model"] for state in states}):
        others = [state for state in states if state["model"] != model]
        yield others, [state for state in states if state["model"] == model]


def attempts(states: Sequence[State]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield each attempt's shares of right, too long and too short predictions."""
    for name, learn in ATTEMPTS.items():
        found = [
            judged(state, predict(state))
            for others, own in left_out(states)
            for predict in [learn(others)]
            for state in own
        ]
        yield name, tuple(fmean(column) for column in zip(*found, strict=True))
    best = [max(judged(state, length_s) for length_s in LENGTHS_S) for state in states]
    yield (
        "the best time of each search, chosen afterwards by the same runs",
        tuple(fmean(column) for column in zip(*best, strict=True)),
    )


def spreads(states: Sequence[State]) -> tuple[float, float]:
    """Return the deviations of the logarithm of the time: between searches, and between runs of one of them.

    A random effect for each search, by the largest likelihood (Gauss-Hermite quadrature).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(25)
    runs = [np.array([*_runs(state)]).T for state in states]

    def loss(guess: NDArray[np.float64]) -> float:
        middles = guess[0] + math.exp(guess[1]) * nodes
        apart = [(lengths[:, None] - middles) / math.exp(guess[2]) for lengths, _ in runs]
        signs = [np.where(settled, 1, -1)[:, None] for _, settled in runs]
        chances = [np.exp(norm.logcdf(sign * each).sum(0)) for sign, each in zip(signs, apart, strict=True)]
        return float(-sum(math.log(weights @ each / weights.sum()) for each in chances))

    found = minimize(loss, [5.0, 0.5, 0.0], method="Nelder-Mead").x
    return math.exp(found[1]), math.exp(found[2])


def best_possible(within: float) -> float:
    """Return how often who knows each search's own median is right within a factor of two."""
    return float(norm.cdf(math.log(2) / within)) ** 2


def held_halves(
    states: Sequence[State], learn: Callable[[Sequence[State]], Predictor]
) -> list[tuple[float, float]]:
    """Return the predicted seconds and the share of answers settled by then, in fourths by the open trials."""
    found = [
        (state["trials_s"], predict(state), share_settled(state, predict(state)))
        for others, own in left_out(states)
        for predict in [learn(others)]
        for state in own
    ]
    return _parts([pair for _, *pair in sorted(found)], 4)


@dataclass(frozen=True, slots=True)
class Chances:
    """How far the chances of the log-linear fit hold, on models left out.

    Attributes:
        again: Another run of the same budget, in thirds of the states: the chance by the fit, and the share.
        within_80: The 80 % interval of the fit: the share of runs that it holds, and its ends over the median.
        classes: How often the likeliest of three classes is right (up to 1, 1 to 5, over 5 minutes).
        commonest: How often the commonest of them is right.
    """

    again: list[tuple[float, float]]
    within_80: tuple[float, float]
    classes: float
    commonest: float


def chances(states: Sequence[State]) -> Chances:
    pairs = [
        (fit, state)
        for others, own in left_out(states)
        for fit in [fitted(others, by_open_trials)]
        for state in own
    ]
    again = sorted(
        (fit.chance(state, state["budget_s"]), share_settled(state, state["budget_s"]))
        for fit, state in pairs
    )
    times = [math.exp(fit.deviation * norm.ppf(0.9)) for fit, _ in pairs]
    held = [_held(state, fit.median_s(state), wide) for (fit, state), wide in zip(pairs, times, strict=True)]
    classes = [
        (_classes(partial(fit.chance, state)), _classes(partial(share_settled, state)))
        for fit, state in pairs
    ]
    return Chances(
        _parts(again, 3),
        (fmean(held), median(times)),
        fmean(true[int(np.argmax(guessed))] for guessed, true in classes),
        max(fmean(true[each] for _, true in classes) for each in range(3)),
    )


def _parts(ranked: Sequence[Sequence[float]], parts: int) -> list[tuple[float, float]]:
    """Return the means of both, for each of so many parts."""
    cut = [ranked[part * len(ranked) // parts : (part + 1) * len(ranked) // parts] for part in range(parts)]
    return [(fmean(each[0] for each in some), fmean(each[1] for each in some)) for some in cut]


def _held(state: State, middle_s: float, times: float) -> float:
    """Return the share of times within an interval; one that ends after all that was tried has no upper end."""
    upper = share_settled(state, times * middle_s) if times * middle_s <= LONGEST_TRIED_S else 1.0
    return upper - share_settled(state, middle_s / times)


def _classes(settled_by: Callable[[float], float]) -> list[float]:
    """Return the chances of up to one minute, one to five, and more."""
    one, five = settled_by(60.0), settled_by(300.0)
    return [one, five - one, 1 - five]


def main() -> None:
    states, evidence = load(), Evidence("settling_attempts")
    evidence.items.clear()
    for name, (right, sooner, later) in attempts(states):
        evidence.save(name, right=right, sooner=sooner, later=later)
        print(f"{name:70s} right {right:.2f} sooner {sooner:.2f} later {later:.2f}")
    between, within = spreads(states)
    found = {
        "states": len(states),
        "between": between,
        "within": within,
        "best_possible": best_possible(within),
        "scale_s": halves(states)({"trials_s": 1.0}) / math.sqrt(LEAST_TRIALS_S),
        "by_fourths": held_halves(states, halves),
        "same_by_fourths": held_halves(states, same_halves),
        **asdict(chances(states)),
    }
    evidence.save(ALL, **found)
    print(found)


if __name__ == "__main__":
    main()
