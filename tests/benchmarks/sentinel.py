"""What is gained by playing rounds again in which the host changed?

Without arguments: simulated searches of 60 s on hosts of several kinds, in virtual time, each with and without a
sentinel. `record MODEL…` plays rounds on real lanes with sentinels of several kinds of work, and keeps all
durations; `compare` tells from them what other work, lengths and thresholds would have kept.
"""

import argparse
import random
from collections import Counter
from statistics import fmean, median

from tests.benchmarks import sentinel_rounds
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.faults.disturbing import SAME, UNEVEN, Kind, loaded_core, searched, two_speeds
from tests.lanes.simulated import Disturbance, Noise, SimulatedDevice, undisturbed
from tests.simulation import random_device, space_of, true_fps
from tuner.domain.configuration import Configuration
from tuner.domain.trial import Final, unsteady_rounds
from tuner.tuning.tune import Findings

SEARCHES = 100

CALM = Noise(jitter=0.02, drift=0.02, burst_share=0.0, outlier_share=0.0, sentinel=0.015)

HOSTS = {
    "quiet": Kind(CALM, lambda *_: undisturbed),
    "bursts of 0.3 s": Kind(Noise(), lambda *_: undisturbed),
    "more and stronger bursts": Kind(Noise(burst_share=0.4, burst=0.7), lambda *_: undisturbed),
    "two speeds, 2 s each": Kind(CALM, two_speeds()),
    "two speeds, 0.5 s each": Kind(CALM, two_speeds(every_s=0.5)),
    "a core loaded": Kind(UNEVEN, loaded_core),
}


def truth(device: SimulatedDevice, left: Disturbance, configuration: Configuration) -> float:
    """Return the true rate, as far as a disturbance of some configurations alone leaves it."""
    return true_fps(device, configuration) * left(0.0, configuration)


def holds(final: Final, device: SimulatedDevice, left: Disturbance) -> bool | None:
    """Return whether all intervals of a final hold the truth; None where it gave none."""
    known = [each for each in final.finalists if each.speedup and each.speedup.low > 0]
    hint = truth(device, left, final.baseline.configuration)
    within = (
        each.speedup.low <= truth(device, left, each.configuration) / hint <= each.speedup.high
        for each in known
        if each.speedup
    )
    return all(within) if known else None


def of_optimum(device: SimulatedDevice, left: Disturbance, found: Findings) -> float:
    """Return the pick's share of the speed of the best in the space."""
    space = space_of(device)
    best = max(truth(device, left, space.configuration(point)) for point in space.points())
    return min(1.0, truth(device, left, found.outcome.verdict.best.configuration) / best)


def search_all(kind: Kind, same: bool, watched: bool, searches: int) -> dict[str, object]:
    """Return what came of searches where nothing is faster, or on random devices."""
    rng, verdicts, covered = random.Random(0), Counter[str](), Counter[bool | None]()
    widths, rounds, shares, unsteady = [], [], [], 0.0
    for seed in range(searches):
        device = SAME if same else random_device(rng)
        found, left = searched(device, kind, seed, watched), _fixed(kind, device, seed)
        verdicts[found.outcome.verdict.kind] += 1
        shares.append(of_optimum(device, left, found))
        dropped, counted = unsteady_rounds(found.trials, found.final)
        unsteady += dropped / (dropped + counted) / searches
        if found.final:
            covered[holds(found.final, device, left)] += 1
            widths += [each.speedup.half_width for each in found.final.finalists if each.speedup]
            rounds.append(len(found.final.rounds))
    return {
        "searches": searches,
        "verdicts": dict(verdicts),
        "finals_with_intervals": covered[True] + covered[False],
        "finals_that_hold_the_truth": covered[True],
        "half_width": round(median(widths), 4),
        "rounds_of_the_final": median(rounds),
        "of_optimum": round(fmean(shares), 4),
        "unsteady": round(unsteady, 3),
    }


def _fixed(kind: Kind, device: SimulatedDevice, seed: int) -> Disturbance:
    """Return a disturbance that lasts for the whole search; those that come and go leave no ratio changed."""
    return kind.disturb(device, seed) if kind.disturb is loaded_core else undisturbed


def search(searches: int) -> None:
    evidence = Evidence("sentinel")
    for name, kind in HOSTS.items():
        for where, same in (("nothing is faster", True), ("random devices", False)):
            for how, watched in (("without", False), ("with a sentinel", True)):
                if (item := f"{name}: {where}: {how}") not in evidence.items:
                    evidence.save(item, **search_all(kind, same, watched, searches))
                    print(item, evidence.items[item], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.set_defaults(run=lambda options: search(options.searches))
    parser.add_argument("--searches", type=int, default=SEARCHES)
    commands = parser.add_subparsers()
    record = commands.add_parser("record")
    record.add_argument("models", nargs="*", default=list(MODELS), metavar="MODEL")
    record.add_argument("--rounds", type=int, default=sentinel_rounds.ROUNDS)
    record.set_defaults(run=lambda options: sentinel_rounds.record_all(options.models, options.rounds))
    compare = commands.add_parser("compare")
    compare.set_defaults(run=lambda _: sentinel_rounds.compare_all(print))
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
