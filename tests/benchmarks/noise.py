"""Do claims hold on a host that something disturbs? Simulated searches of 60 s, in virtual time.

Where nothing is faster than the hint, `faster` is wrong; on random devices, an interval without the truth is.
"""

import random
from collections import Counter

from tests.benchmarks.evidence import Evidence
from tests.faults.disturbing import KINDS, SAME, searched
from tests.simulation import random_device, true_fps
from tuner.domain.verdict import Verdict
from tuner.tuning.remarks import measurement_notices

SEARCHES = 300


def holds(verdict: Verdict, truth: float) -> bool:
    return verdict.speedup is not None and verdict.speedup.low <= truth <= verdict.speedup.high


def main() -> None:
    evidence = Evidence("noise")
    for name, kind in KINDS.items():
        for where in ("nothing is faster", "random devices"):
            if (item := f"{name}: {where}") in evidence.items:
                continue
            rng, counts = random.Random(0), Counter[str]()
            for seed in range(SEARCHES):
                device = SAME if where == "nothing is faster" else random_device(rng)
                found = searched(device, kind, seed)
                verdict = found.outcome.verdict
                counts[verdict.kind] += 1
                counts["said"] += any(
                    notice.code in {"noisy-host", "disturbed"} for notice in measurement_notices(found)
                )
                if verdict.kind == "faster":
                    left = kind.disturb(device, seed)
                    best, hint = verdict.best.configuration, found.outcome.baseline.configuration
                    truth = true_fps(device, best) * left(0, best) / (true_fps(device, hint) * left(0, hint))
                    counts["wrong"] += device is SAME or not holds(verdict, truth)
            evidence.save(item, searches=SEARCHES, **counts)
            print(item, dict(counts), flush=True)


if __name__ == "__main__":
    main()
