"""Does a limit hold that a search says is kept, and how much does it find within the limit? Replayed searches.

Every recorded landscape is searched for throughput within a p99 latency of so many times the hint's. The truth is the recorded
latency at the host's median speed. *Broken*: the advice's true latency is above the limit, by more than 2 %. *Share*: the
advice's speed, of the fastest that keeps the limit by the truth.
"""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from statistics import median
from typing import NamedTuple

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.made import originals
from tests.lanes.replayed import Landscape, read
from tests.simulation import replay
from tuner.domain.limit import Limit
from tuner.domain.question import Question

SHARES = (0.6, 0.8, 1.2, 2.0, 4.0)
BUDGETS_S = (30, 60)
SEEDS = 10
SLACK = 1.02
"""What a percentile of so few requests tells, at best."""


class Found(NamedTuple):
    """What came of a search: the verdict, the true latency over the limit, the share of the best within it."""

    kind: str
    over: float
    share: float | None


def searched(name: str, share: float, budget_s: int, seed: int) -> Found:
    landscape = Landscape(read(recordings.path_of(name)))
    limit = Limit("p99", share * landscape.p99_ms(landscape.recording.baseline))
    verdict = replay(landscape, budget_s, seed, question=Question(limits=(limit,))).outcome.verdict
    advised = verdict.best.configuration
    within = [
        landscape.log_ratio(entry.configuration)
        for entry in originals(landscape.recording)
        if landscape.p99_ms(entry.configuration) <= limit.bound
    ]
    over = landscape.p99_ms(advised) / limit.bound
    reached = math.exp(landscape.log_ratio(advised) - max(within)) if within else None
    return Found(verdict.kind, over, reached)


def summary(found: Sequence[Found], share: float) -> dict[str, object]:
    """Return what is published; where the hint breaks the limit, to keep it in the YAML is no advice."""
    advised = [each for each in found if each.kind != "inconclusive" or share > 1]
    possible = [min(1.0, each.share) for each in advised if each.share is not None]
    return {
        "searches": len(found),
        "verdicts": Counter(each.kind for each in found),
        "advised": len(advised),
        "broken": sum(each.over > SLACK for each in advised),
        "furthest": round(max((each.over for each in advised), default=0.0), 3),
        "possible": sum(each.share is not None for each in found),
        "share": round(median(possible), 4) if possible else None,
        "worst_tenth": round(sorted(possible)[len(possible) // 10], 4) if possible else None,
    }


def main() -> None:
    evidence = Evidence("limits")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    with ProcessPoolExecutor(2) as pool:
        for budget_s, share in product(BUDGETS_S, SHARES):
            item = f"{share} times the hint's p99: {budget_s} s"
            if item not in evidence.items:
                jobs = list(product(names, (share,), (budget_s,), range(SEEDS)))
                found = list(pool.map(searched, *zip(*jobs, strict=True), chunksize=5))
                evidence.save(item, **summary(found, share))
                print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
