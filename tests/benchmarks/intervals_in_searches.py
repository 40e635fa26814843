"""What becomes of whole searches when the interval over sittings is another one? With the same seeds, in virtual time.

Searches of 60 s: replayed ones, on the recorded landscapes and on those in which every configuration plays the
hint's duels with itself; and simulated ones on disturbed hosts, where nothing is faster or a batch gains 6 %.
Where everything is the hint, each `faster` is a false win.
"""

import math
import random
import sys
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import accumulate
from statistics import median
from typing import Any
from unittest.mock import patch

from tests import recordings
from tests.benchmarks.estimators import student
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.faults.disturbing import BUDGET_S, KINDS, SAME, Kind, searched
from tests.lanes.replayed import Landscape, read
from tests.lanes.simulated import Disturbance, Noise, SimulatedDevice
from tests.simulation import replay, true_fps
from tuner.domain.configuration import Configuration
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.tuning.tune import Findings

SIMULATED_SEARCHES = {"the hint itself": 400, "a gain of 6 %": 150}
REPLAYED_SEARCHES = {"the hint itself": 100, "as recorded": 40}
"""For each condition."""

WAYS: dict[str, Callable[..., Speedup]] = {"before": student, "now": speedup_over_sittings}
CALLERS = ("tuner.tuning.contest", "tuner.domain.verdict")
SMALL_GAIN = SimulatedDevice(batch_gain=1.07, one_stream=1.0, more_requests=1.0, base_fps=1000)
"""A device on which a large batch is 6 % faster than the hint."""

Search = Callable[[int], Findings]
"""A search, by its seed."""


def two_speeds(_device: SimulatedDevice, seed: int) -> Disturbance:
    """Leave a host two thirds of its speed, or all, in turns of two seconds in the mean, which end anywhere."""
    rng = random.Random(seed)
    moments = list(accumulate(rng.expovariate(0.5) for _ in range(200)))
    return lambda at_s, _: 0.65 if bisect(moments, at_s) % 2 else 1.0


DISTURBED = {
    "busy": KINDS["nothing"],
    "two speeds": Kind(Noise(burst_share=0.0), two_speeds),
    "short bursts": KINDS["short bursts"],
}


def outcome_of(
    search: Search, truth: Callable[[Configuration], float], estimate: Callable[..., Speedup], seed: int
) -> dict[str, Any]:
    """Search with another estimate over sittings, and return what came of it; `truth` is the ratio to the hint."""
    with ExitStack() as stack:
        for caller in CALLERS:
            stack.enter_context(patch(f"{caller}.speedup_over_sittings", estimate))
        verdict = search(seed).outcome.verdict
    found: dict[str, Any] = {"verdict": verdict.kind, "picked": truth(verdict.best.configuration)}
    gain, closest = verdict.speedup, verdict.closest
    if gain and closest and not math.isinf(gain.half_width):
        found |= {"half_width": gain.half_width, "holds": gain.low <= truth(closest) <= gain.high}
        found |= {"sittings": gain.sittings}
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


def replayed(landscape: Landscape, configuration: Configuration) -> float:
    return math.exp(landscape.log_ratio(configuration))


def simulated(device: SimulatedDevice, configuration: Configuration) -> float:
    return true_fps(device, configuration) / device.base_fps


def conditions() -> Iterator[tuple[str, Search, Callable[[Configuration], float], int]]:
    """Yield each condition's name, search, truth, and number of searches."""
    for kind, host in DISTURBED.items():
        for of, searches in SIMULATED_SEARCHES.items():
            device = SAME if of == "the hint itself" else SMALL_GAIN
            search = partial(searched, device, host)
            yield f"simulated, {kind}: {of}", search, partial(simulated, device), searches
    for of, searches in REPLAYED_SEARCHES.items():
        for name in sys.argv[1:] or MODELS:
            if recordings.path_of(name).exists():
                recording = read(recordings.path_of(name))
                landscape = Landscape(recording, same=of == "the hint itself")
                search = partial(replay, landscape, BUDGET_S)
                yield f"{name}: {of}", search, partial(replayed, landscape), searches


def main() -> None:
    evidence = Evidence("intervals_in_searches")
    for item, search, truth, searches in conditions():
        if item not in evidence.items:
            ways = {
                way: summary([outcome_of(search, truth, estimate, seed) for seed in range(searches)])
                for way, estimate in WAYS.items()
            }
            evidence.save(item, **ways)
            print(item, ways, flush=True)


if __name__ == "__main__":
    main()
