"""When does an open answer become sure? Replayed searches that go on, and what can be predicted of them.

Every search that ends `inconclusive` goes on from the same trials, in runs of growing length, several of each length with
other seeds. So for each open answer there is the share of runs of a length that settle it, and beside it what the search
knew when it ended. `tests.benchmarks.settling_attempts` makes predictions of it and judges them.
"""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import groupby, pairwise, product
from statistics import fmean
from typing import Any
from unittest.mock import patch

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.benchmarks.wrong_keeps import LANDSCAPES, recording_of
from tests.simulation import MemoryStore, replay
from tuner.domain.sample import Round, log_ratios_by_sitting
from tuner.domain.settling import LONGEST_TRIED_S, seconds_to_settle
from tuner.domain.stats import speedup_over_sittings
from tuner.domain.trial import Final
from tuner.domain.verdict import KEEP_CONFIDENCE
from tuner.tuning import tune

BUDGETS_S = (15, 30, 60)
SEEDS = 2
RUNS = {15: 3, 30: 3, 60: 3, 120: 3, 240: 2, 480: 1, 960: 1}
"""Runs of each length, in seconds. Once all of two lengths in a row settle the answer, longer ones are left out."""

SETTLED, OPEN = "s", "o"


def searched(landscape: str, budget_s: float, seed: int, name: str) -> dict[str, Any] | str:
    """Return what a search knew that left its answer open, and what became of it; else its verdict."""
    made, store = LANDSCAPES[landscape](recording_of(name), seed), MemoryStore()
    with patch.object(tune, "seconds_to_settle", wraps=seconds_to_settle) as predict:
        findings = replay(made, budget_s, seed, store=store)
        if findings.outcome.verdict.kind != "inconclusive":
            return findings.outcome.verdict.kind
        if not (predict.called and findings.final):
            return "open without a prediction"
        (costs_s,) = predict.call_args.args
        known = {"model": name, "budget_s": budget_s, "trials_s": sum(costs_s), "open": len(costs_s) - 1}

        def run(length_s: float, again: int) -> str:
            after = replay(made, length_s, 1000 + 10 * seed + again, store=MemoryStore([*store.kept]))
            return OPEN if after.outcome.verdict.kind == "inconclusive" else SETTLED

        runs: dict[str, str] = {}
        for length_s, times in RUNS.items():
            if len(runs) > 1 and OPEN not in "".join([*runs.values()][-2:]):
                break
            runs[str(length_s)] = "".join(run(length_s, again) for again in range(times))
    return {**known, **_of_final(findings.final), "runs": runs}


def _of_final(final: Final) -> dict[str, Any]:
    """Return the finalists' log-ratios, half-widths as claimed and as ruled out; and what sittings took."""
    finalists = []
    running = [finalist for finalist in final.finalists if finalist.speedup]
    for lane, finalist in enumerate(running, start=1):
        alone = speedup_over_sittings(log_ratios_by_sitting(final.rounds, lane), KEEP_CONFIDENCE)
        widths = (finalist.speedup.half_width if finalist.speedup else math.inf, alone.half_width)
        finalists.append(
            [math.log(alone.ratio), *(width if math.isfinite(width) else None for width in widths)]
        )
    sittings = len({played.sitting for played in final.rounds})
    return {"sittings": sittings, "sitting_s": _sitting_s(final.rounds), "finalists": finalists}


def _sitting_s(rounds: Sequence[Round]) -> float:
    """Return the mean seconds from one sitting's beginning to the next one's."""
    begins = [next(sitting).at_s for _, sitting in groupby(rounds, key=lambda played: played.sitting)]
    apart = [later - earlier for earlier, later in pairwise(begins)]
    return fmean(apart) if apart else 0.0


def main() -> None:
    evidence = Evidence("settling")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    assert max(RUNS) == LONGEST_TRIED_S
    with ProcessPoolExecutor(2) as pool:
        for seed, landscape, budget_s in product(range(SEEDS), LANDSCAPES, BUDGETS_S):
            item = f"{landscape}: {budget_s} s: seed {seed}"
            if item in evidence.items:
                continue
            found = list(pool.map(partial(searched, landscape, budget_s, seed), names))
            counts = Counter(each for each in found if isinstance(each, str))
            evidence.save(item, counts=counts, open=[each for each in found if not isinstance(each, str)])
            print(item, dict(counts), flush=True)


if __name__ == "__main__":
    main()
