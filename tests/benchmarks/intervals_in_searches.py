"""What becomes of whole searches when the interval over sittings is another one? Replayed, with the same seeds.

Searches of 60 s: on the recorded landscapes, and on those in which every configuration plays the hint's duels
with itself, where each `faster` is a false win.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any
from unittest.mock import patch

from tests import recordings
from tests.benchmarks.estimators import student
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tests.simulation import replay
from tuner.domain.stats import Speedup, speedup_over_sittings

BUDGET_S = 60.0
SEARCHES = {True: 100, False: 40}
"""Seeds for each model: where everything is the hint, and where it is not."""

WAYS: dict[str, Callable[..., Speedup]] = {"before": student, "now": speedup_over_sittings}
CALLERS = ("tuner.tuning.contest", "tuner.domain.verdict")


def searched(landscape: Landscape, estimate: Callable[..., Speedup], seed: int) -> dict[str, Any]:
    """Search with another estimate over sittings, and return what came of it."""
    with ExitStack() as stack:
        for caller in CALLERS:
            stack.enter_context(patch(f"{caller}.speedup_over_sittings", estimate))
        outcome = replay(landscape, BUDGET_S, seed).outcome
    verdict = outcome.verdict
    found = {"verdict": verdict.kind, "picked": math.exp(landscape.log_ratio(verdict.best.configuration))}
    gain, closest = verdict.speedup, verdict.closest
    if gain and closest and not math.isinf(gain.half_width):
        truth = math.exp(landscape.log_ratio(closest))
        found |= {"half_width": gain.half_width, "holds": gain.low <= truth <= gain.high}
        found |= {"sittings": gain.sittings, "rounds": gain.rounds}
    return found


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the verdicts; medians are over the searches whose final had an interval."""
    told = [search for search in found if "half_width" in search]
    return {
        "verdicts": dict(Counter(search["verdict"] for search in found)),
        "picked": sum(search["picked"] for search in found) / len(found),
        "half_width": median(search["half_width"] for search in told) if told else None,
        "sittings": median(search["sittings"] for search in told) if told else None,
        "holds": sum(search["holds"] for search in told),
        "intervals": len(told),
    }


def main() -> None:
    evidence = Evidence("intervals_in_searches")
    for same in (True, False):
        for name in sys.argv[1:] or MODELS:
            item = f"{name}: {'the hint itself' if same else 'as recorded'}"
            if item in evidence.items or not recordings.path_of(name).exists():
                continue
            landscape = Landscape(read(recordings.path_of(name)), same=same)
            seeds = range(SEARCHES[same])
            ways = {
                way: summary([searched(landscape, estimate, seed) for seed in seeds])
                for way, estimate in WAYS.items()
            }
            evidence.save(item, **ways)
            print(item, ways, flush=True)


if __name__ == "__main__":
    main()
