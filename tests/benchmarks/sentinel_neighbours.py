"""Where no sentinel serves, do the hint's windows in the rounds before and after tell whether the host changed?

A round would be dropped, without a look at its outcome, where the hint's rates in its two neighbours differ by more
than a threshold. The recorded landscapes tell what that would be worth.
"""

from collections.abc import Iterator
from math import log
from statistics import median, stdev

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Recording, read

THRESHOLDS = (0.03, 0.05, 0.1, 0.2)
LEAST_ROUNDS = 5
"""A sitting with fewer rounds tells little of how far its rounds stray."""


def strays(recording: Recording) -> Iterator[tuple[float, float]]:
    """Yield how far the hint's neighbouring windows are apart and the round is from its sitting's median, as logarithms."""
    sittings = [*(sitting for entry in recording.entries for sitting in entry.sittings), *recording.same]
    for sitting in sittings:
        if len(sitting.rate_fps) >= LEAST_ROUNDS:
            logs, hint = sitting.log_ratios, sitting.baseline_fps
            for place in range(1, len(logs) - 1):
                yield abs(log(hint[place + 1] / hint[place - 1])), logs[place] - median(logs)


def main() -> None:
    evidence = Evidence("sentinel")
    for name in MODELS:
        rounds = list(strays(read(recordings.path_of(name))))
        every = stdev(stray for _, stray in rounds)
        rules = {}
        for threshold in THRESHOLDS:
            kept = [stray for apart, stray in rounds if apart <= log(1 + threshold)]
            share, deviation = len(kept) / len(rounds), stdev(kept) / every
            worth = share / deviation**2
            rules[str(threshold)] = {
                "kept": round(share, 3),
                "deviation": round(deviation, 3),
                "worth": round(worth, 3),
            }
        evidence.save(f"neighbours: {name}", rounds=len(rounds), rules=rules)
        print(name, rules, flush=True)


if __name__ == "__main__":
    main()
