"""How often does a search keep the hint although something is faster? Thousands of replayed searches.

A *wrong keep* says `keep_hint` although a configuration of the landscape is at least 3 % faster than the hint; a *wrong
win* says `faster` of a configuration that is not. Each recorded landscape is searched as it is; mirrored, so that every gain
is a loss; and flattened, so that it gains nothing, or 4 %, 6 % or 10 % in one corner only, drawn anew for each search.
Searches that end `inconclusive` are also run again from their trials, up to `RUNS` times in all: each run is another look.
"""

import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.made import flattened, mirrored, originals
from tests.lanes.replayed import Landscape, Recording, read
from tests.simulation import MemoryStore, replay
from tuner.domain.verdict import GAIN_WORTH_FINDING, VerdictKind

BUDGETS_S = (15, 30, 60, 120)
SEEDS = 50
AGAIN_S, AGAIN_SEEDS, RUNS = 60, 25, (2, 4)

LANDSCAPES: dict[str, Callable[[Recording, int], Landscape]] = {
    "as recorded": lambda recording, _: Landscape(recording),
    "mirrored, nothing gains": lambda recording, _: mirrored(recording),
    "flat, nothing gains": lambda recording, seed: flattened(recording, 0.0, seed),
    "flat but for 4 %": lambda recording, seed: flattened(recording, 0.04, seed),
    "flat but for 6 %": lambda recording, seed: flattened(recording, 0.06, seed),
    "flat but for 10 %": lambda recording, seed: flattened(recording, 0.10, seed),
}


def judged(kind: VerdictKind, picked: float, best: float) -> str:
    """Name what a verdict is worth; the log-ratios are the truth of what it advises, and of the fastest."""
    if kind == "keep_hint":
        return "wrong keep" if best >= math.log1p(GAIN_WORTH_FINDING) else "right keep"
    return "wrong win" if kind == "faster" and picked <= 0.0 else kind


def searched(name: str, landscape: str, budget_s: float, seed: int) -> str:
    return searched_again(name, landscape, budget_s, seed, runs=1)[0]


def searched_again(name: str, landscape: str, budget_s: float, seed: int, runs: int) -> list[str]:
    """Search up to so many times from the trials before, until the answer is sure; return what it was worth after each."""
    made, store = LANDSCAPES[landscape](recording_of(name), seed), MemoryStore()
    best = max(made.log_ratio(entry.configuration) for entry in originals(made.recording))
    worth: list[str] = []
    while len(worth) < runs:
        verdict = replay(made, budget_s, seed + 1000 * len(worth), store=store).outcome.verdict
        worth.append(judged(verdict.kind, made.log_ratio(verdict.best.configuration), best))
        if verdict.kind != "inconclusive":
            break
    return worth + (runs - len(worth)) * worth[-1:]


@cache
def recording_of(name: str) -> Recording:
    return read(recordings.path_of(name))


def main() -> None:
    evidence = Evidence("wrong_keeps")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    with ProcessPoolExecutor(2) as pool:
        for budget_s, landscape in product(BUDGETS_S, LANDSCAPES):
            item, jobs = f"{landscape}: {budget_s} s", product(names, range(SEEDS))
            if item not in evidence.items:
                found = pool.map(partial(_searched, landscape, budget_s, 1), jobs, chunksize=10)
                _save(evidence, item, budget_s, landscape, 1, [worth[0] for worth in found])
        for landscape in LANDSCAPES:
            items = {runs: f"{landscape}: {AGAIN_S} s, up to {runs} runs" for runs in RUNS}
            if not evidence.items.keys() >= {*items.values()}:
                jobs, search = (
                    product(names, range(AGAIN_SEEDS)),
                    partial(_searched, landscape, AGAIN_S, max(RUNS)),
                )
                found = list(pool.map(search, jobs, chunksize=5))
                for runs, item in items.items():
                    _save(evidence, item, AGAIN_S, landscape, runs, [worth[runs - 1] for worth in found])


def _save(
    evidence: Evidence, item: str, budget_s: float, landscape: str, runs: int, worth: list[str]
) -> None:
    counts = Counter(worth)
    evidence.save(item, budget_s=budget_s, landscape=landscape, runs=runs, searches=len(worth), counts=counts)
    print(item, dict(counts), flush=True)


def _searched(landscape: str, budget_s: float, runs: int, job: tuple[str, int]) -> list[str]:
    name, seed = job
    return searched_again(name, landscape, budget_s, seed, runs)


if __name__ == "__main__":
    main()
