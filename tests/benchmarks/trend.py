"""Do the bounds on unmeasured points hold? Points left out of recorded landscapes, measured as trials measure.

A part of a landscape's points is measured, with the noise of five rounds and the luck of a process; the rest is
bounded. *Held*: the truth is below its 95 % bound. *Missed*: of the points that gain 3 %, those that were ruled
out. *Ruled out*: of the points that are slower than the hint, those of which a gain of 3 % was ruled out.
"""

import math
import random
from itertools import product

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.benchmarks.wrong_keeps import LANDSCAPES, recording_of
from tests.lanes.made import originals
from tests.lanes.replayed import Landscape
from tuner.domain.trend import Observation, Trend
from tuner.domain.verdict import GAIN_WORTH_FINDING

MEASURED = (12, 20, 30)
SEEDS = 20
ROUNDS = 5


def left_out(made: Landscape, measured: int, seed: int) -> dict[str, int]:
    """Bound what was not measured, and count how often that was right."""
    entries = originals(made.recording)
    points = [
        {
            "streams": str(entry.effective.streams),
            "batch": entry.effective.batch,
            "requests_per_stream": entry.effective.requests // (entry.effective.streams or 1),
        }
        for entry in entries
    ]
    truths = [made.log_ratio(entry.configuration) for entry in entries]
    rng = random.Random(seed)
    deviation = math.hypot(made.noise_deviation() / math.sqrt(ROUNDS), made.luck_deviation())
    hint = next(
        at for at, entry in enumerate(entries)
        if entry.effective == made.entry(made.recording.baseline).effective
    )  # fmt: skip
    tried = rng.sample([at for at in range(len(entries)) if at != hint], min(measured, len(entries) - 4))
    observed = [Observation(points[hint], 0.0, 0.0)]
    observed += [
        Observation(points[at], rng.gauss(truths[at], deviation), max(deviation**2, 1e-6)) for at in tried
    ]
    rest = [at for at in range(len(entries)) if at not in {hint, *tried}]
    axes = {axis: sorted({point[axis] for point in points}) for axis in points[0]}
    found = Trend(axes, observed).upper_bounds([points[at] for at in rest])
    bounds = dict(zip(rest, found.tolist(), strict=True))
    worth = math.log1p(GAIN_WORTH_FINDING)
    gains, losses = ([at for at in rest if truths[at] >= worth], [at for at in rest if truths[at] < 0])
    return {
        "points": len(rest),
        "held": sum(truths[at] <= bounds[at] for at in rest),
        "gains": len(gains),
        "missed": sum(bounds[at] < worth for at in gains),
        "losses": len(losses),
        "ruled_out": sum(bounds[at] < worth for at in losses),
    }


def main() -> None:
    evidence = Evidence("trend")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    for landscape, measured in product(LANDSCAPES, MEASURED):
        counts: dict[str, int] = {}
        for name, seed in product(names, range(SEEDS)):
            found = left_out(LANDSCAPES[landscape](recording_of(name), seed), measured, seed)
            counts = {what: counts.get(what, 0) + number for what, number in found.items()}
        evidence.save(f"{landscape}: {measured} measured", **counts)
        print(f"{landscape}: {measured}", counts, flush=True)


if __name__ == "__main__":
    main()
