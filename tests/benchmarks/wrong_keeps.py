"""How often does a search keep the hint although something is faster? Thousands of replayed searches.

A *wrong keep* says `keep_hint` although a configuration of the landscape is at least 3 % faster than the hint; a *wrong
win* says `faster` of a configuration that is not. Each recorded landscape is searched as it is; mirrored, so that every gain
is a loss; and flattened, so that it gains nothing, or 4 %, 6 % or 10 % in one corner only, drawn anew for each search.
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
from tests.simulation import replay
from tuner.domain.verdict import GAIN_WORTH_FINDING, VerdictKind

BUDGETS_S = (15, 30, 60)
SEEDS = 50

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
    made = LANDSCAPES[landscape](recording_of(name), seed)
    verdict = replay(made, budget_s, seed).outcome.verdict
    best = max(made.log_ratio(entry.configuration) for entry in originals(made.recording))
    return judged(verdict.kind, made.log_ratio(verdict.best.configuration), best)


@cache
def recording_of(name: str) -> Recording:
    return read(recordings.path_of(name))


def main() -> None:
    evidence = Evidence("wrong_keeps")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    with ProcessPoolExecutor(2) as pool:
        for budget_s, landscape in product(BUDGETS_S, LANDSCAPES):
            item = f"{landscape}: {budget_s} s"
            if item in evidence.items:
                continue
            jobs = list(product(names, range(SEEDS)))
            search = partial(_searched, landscape, budget_s)
            counts = Counter(pool.map(search, jobs, chunksize=10))
            evidence.save(item, budget_s=budget_s, landscape=landscape, searches=len(jobs), counts=counts)
            print(item, dict(counts), flush=True)


def _searched(landscape: str, budget_s: float, job: tuple[str, int]) -> str:
    return searched(job[0], landscape, budget_s, job[1])


if __name__ == "__main__":
    main()
