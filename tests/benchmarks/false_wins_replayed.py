"""How often does a search find a gain where there is none, in thousands of searches?

Replayed searches in which every configuration plays the recorded duels of the hint with itself.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tests.simulation import replay

BUDGET_S = 60.0
SEARCHES = 250


def replayed_verdict(landscape: Landscape, budget_s: float, seed: int) -> str:
    return replay(landscape, budget_s, seed).outcome.verdict.kind


def verdicts(name: str, budget_s: float = BUDGET_S, searches: int = SEARCHES) -> dict[str, int]:
    """Count the verdicts of searches in which everything is the hint."""
    landscape = Landscape(read(recordings.path_of(name)), same=True)
    with ProcessPoolExecutor(2) as pool:
        return Counter(
            pool.map(partial(replayed_verdict, landscape, budget_s), range(searches), chunksize=10)
        )


def main() -> None:
    evidence = Evidence("false_wins_replayed")
    for name in sys.argv[1:] or MODELS:
        if name not in evidence.items and recordings.path_of(name).exists():
            evidence.save(name, verdicts=verdicts(name))
            print(name, evidence.items[name]["verdicts"], flush=True)


if __name__ == "__main__":
    main()
