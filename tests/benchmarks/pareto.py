"""How much of the front of throughput and p99 latency does `--objective pareto` find? Replayed searches, by sampler.

The truth is a recording's: the gain of every configuration, and its p99 latency at the host's median speed. A search names the
trials that no other of its trials beats in both figures, as it measured them; what counts is how good they are in truth.
*Hypervolume* (Zitzler & Thiele, *PPSN V*, 1998) is the area that these dominate, as a share of what the front of all recorded
configurations dominates: on logarithmic scales, from a tenth beyond the front's own lowest throughput and highest latency.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from statistics import fmean, median

import optuna

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.made import originals
from tests.lanes.replayed import Landscape, read
from tests.simulation import replay
from tuner.domain.configuration import Configuration
from tuner.domain.question import Question
from tuner.domain.sample import Gains
from tuner.tuning.proposals import BOTH, SPEEDUP, Proposer
from tuner.tuning.strategy import Strategy, strategy_for
from tuner.tuning.tune import Findings

BUDGETS_S = (30, 60)
SEEDS = 10
BEYOND = 1.1
"""How far beyond the front's own ends the area begins."""

QUESTION = Question("pareto")


def nsga2(seed: int, _startup: int) -> optuna.samplers.BaseSampler:
    """Populations as large as the trials of a search allow."""
    return optuna.samplers.NSGAIISampler(population_size=8, seed=seed)


def at_random(seed: int, _startup: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed)


def with_proposer(**options: object) -> Callable[[], Strategy]:
    return lambda: replace(strategy_for(QUESTION), proposer=partial(Proposer, **options))


SAMPLERS: dict[str, Callable[[], Strategy]] = {
    "TPE of both figures": lambda: strategy_for(QUESTION),
    "NSGA-II of both figures": with_proposer(goals=BOTH, sampling=nsga2),
    "TPE of the knee alone": with_proposer(goals=SPEEDUP),
    "at random": with_proposer(goals=BOTH, sampling=at_random),
}


def truth(landscape: Landscape, configuration: Configuration) -> Gains:
    """Return the true gains of a configuration over the hint."""
    hint_ms = landscape.p99_ms(landscape.recording.baseline)
    own = landscape.entry(configuration).configuration
    return Gains(math.exp(landscape.log_ratio(own)), hint_ms / landscape.p99_ms(own))


def hypervolume(points: Iterable[Gains], reference: Gains) -> float:
    """Return the area that points dominate, from a reference on, on logarithmic scales."""
    area = reached = 0.0
    for point in sorted(points, key=lambda each: -each.throughput):
        wide = math.log(point.throughput / reference.throughput)
        high = math.log(point.latency / reference.latency)
        if wide > 0 and high > reached:
            area += wide * (high - reached)
            reached = high
    return area


def front_of(points: Iterable[Gains]) -> list[Gains]:
    """Return the points that no other beats in one figure and equals in the other."""
    front: list[Gains] = []
    for point in sorted(points, key=lambda each: (-each.throughput, -each.latency)):
        if not front or point.latency > front[-1].latency:
            front.append(point)
    return front


def share_of_front(landscape: Landscape, found: Findings) -> float:
    """Return the hypervolume of what a search names, as a share of that of everything recorded."""
    known = {trial.gains: trial.configuration for trial in found.trials if trial.gains}
    named = [truth(landscape, known[point]) for point in front_of(known)]
    every = front_of(truth(landscape, entry.configuration) for entry in originals(landscape.recording))
    reference = Gains(every[-1].throughput / BEYOND, every[0].latency / BEYOND)
    return hypervolume(named, reference) / hypervolume(every, reference)


def searched(name: str, sampler: str, budget_s: int, seed: int) -> tuple[float, int]:
    landscape = Landscape(read(recordings.path_of(name)))
    found = replay(landscape, budget_s, seed, SAMPLERS[sampler](), question=QUESTION)
    return share_of_front(landscape, found), sum(trial.measured is not None for trial in found.trials)


def summary(found: Sequence[tuple[float, int]]) -> dict[str, object]:
    shares = sorted(share for share, _ in found)
    return {
        "searches": len(shares),
        "mean": round(fmean(shares), 4),
        "median": round(median(shares), 4),
        "worst_tenth": round(shares[len(shares) // 10], 4),
        "worst": round(shares[0], 4),
        "trials": median(trials for _, trials in found),
    }


def main() -> None:
    evidence = Evidence("pareto")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    with ProcessPoolExecutor(2) as pool:
        for budget_s, sampler in product(BUDGETS_S, SAMPLERS):
            item = f"{sampler}: {budget_s} s"
            if item not in evidence.items:
                jobs = list(product(names, (sampler,), (budget_s,), range(SEEDS)))
                found = list(pool.map(searched, *zip(*jobs, strict=True), chunksize=5))
                evidence.save(item, **summary(found))
                print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
