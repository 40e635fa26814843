"""How far from the optimum is what a search picks?

Real searches of each model, then a direct duel, in fresh lanes, between the pick and the fastest
configuration of the model's recorded landscape.
"""

import random
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import tuner
from tests import recordings
from tests.benchmarks.evidence import Evidence, as_data, lanes_of, plain, quiet_host, watched_host
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tuner.domain.configuration import Configuration
from tuner.domain.sentences import answer
from tuner.domain.stats import speedup_over_sittings
from tuner.measure.comparison import Comparison
from tuner.measure.process import ProcessLanes

RUNS = ((60, 0), (60, 1), (30, 0), (15, 0), (120, 0))
"""Budgets in seconds and seeds, the most telling first."""

SITTINGS, ROUNDS = 6, 4
LONGEST_S = 60.0


def direct_duel(lanes: ProcessLanes, optimum: Configuration, pick: Configuration) -> dict[str, object]:
    """Return how fast the pick is in terms of the optimum, over several sittings with fresh lanes."""
    sittings, rng, began = [], random.Random(0), time.monotonic()
    while len(sittings) < SITTINGS and (len(sittings) < 2 or time.monotonic() - began < LONGEST_S):
        with ExitStack() as stack:
            pair = [stack.enter_context(closing(lanes.open(wanted))) for wanted in (optimum, pick)]
            if pair[0].facts.effective == pair[1].facts.effective:
                return {"ratio": 1.0, "low": 1.0, "high": 1.0, "rounds": 0}
            comparison = Comparison(pair, rng, time.monotonic, sentinel=lanes.sentinel)
            comparison.warm_up()
            while len(comparison.rounds) < ROUNDS:
                comparison.play()
            sittings.append(comparison.log_ratios())
    return plain(speedup_over_sittings(sittings))


def search(name: str, folder: Path, budget_s: int, seed: int) -> dict[str, object]:
    path, shapes = MODELS[name].make(folder), MODELS[name].shapes
    began = time.monotonic()
    output = folder / f"{name}-{budget_s}-{seed}"
    result = tuner.search(path, device="CPU", budget=budget_s, seed=seed, shapes=shapes, output=output)
    wall_s = time.monotonic() - began
    optimum = Landscape(read(recordings.path_of(name))).best().configuration
    verdict, pick = result.verdict, result.verdict.best.configuration
    with quiet_host("regret"), watched_host() as sentinel:
        of_optimum = direct_duel(lanes_of(name, folder, sentinel)[1], optimum, pick)
    return {
        "budget_s": budget_s,
        "verdict": verdict.kind,
        "sentence": answer(verdict),
        "pick": as_data(pick),
        "challenger": as_data(verdict.closest) if verdict.closest else None,
        "speedup": plain(verdict.speedup) if verdict.speedup else None,
        "baseline": as_data(result.baseline.configuration),
        "baseline_fps": result.baseline.measured.throughput_fps if result.baseline.measured else None,
        "trials": len(result.trials),
        "wall_s": round(wall_s, 1),
        "optimum": as_data(optimum),
        "of_optimum": of_optimum,
    }


def main() -> None:
    evidence = Evidence("regret")
    with tempfile.TemporaryDirectory() as folder:
        for budget_s, seed in RUNS:
            for name in sys.argv[1:] or MODELS:
                item = item_of(name, budget_s, seed)
                if item not in evidence.items and recordings.path_of(name).exists():
                    evidence.save(item, **search(name, Path(folder), budget_s, seed))
                    found = evidence.items[item]
                    print(item, found["sentence"], found["of_optimum"]["ratio"], flush=True)


def item_of(name: str, budget_s: int, seed: int) -> str:
    return f"{name}: seed {seed}" if budget_s == 60 else f"{name}: {budget_s} s, seed {seed}"


if __name__ == "__main__":
    main()
