"""How far from the optimum is what a search picks?

Real searches of each model, of several budgets. Then all that they picked meet, in fresh processes: what they named
as fastest, the hint, and the fastest of the model's recorded landscape. The optimum is the fastest of them: spaces grow
while the gain goes on, so a list of all configurations that ends somewhere is none. What all searches of a model
miss is missing here, too.
"""

import sys
import tempfile
import time
from pathlib import Path

import tuner
from tests import recordings
from tests.benchmarks.evidence import (
    Evidence,
    as_data,
    configuration_of,
    lanes_of,
    plain,
    quiet_host,
    watched_host,
)
from tests.benchmarks.meeting import meet
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tuner.domain.sentences import answer

RUNS = ((60, 0), (60, 1), (30, 0), (30, 1), (15, 0), (15, 1))
"""Budgets in seconds and seeds."""


def search(name: str, folder: Path, budget_s: int, seed: int) -> dict[str, object]:
    """Search a model, and return what came of it."""
    path, shapes = MODELS[name].make(folder), MODELS[name].shapes
    began_s = time.monotonic()
    output = folder / f"{name}-{budget_s}-{seed}"
    result = tuner.search(path, device="CPU", budget=budget_s, seed=seed, shapes=shapes, output=output)
    verdict = result.verdict
    return {
        "budget_s": budget_s,
        "verdict": verdict.kind,
        "sentence": answer(verdict),
        "pick": as_data(verdict.best.configuration),
        "challenger": as_data(verdict.closest) if verdict.closest else None,
        "speedup": plain(verdict.speedup) if verdict.speedup else None,
        "baseline": as_data(result.baseline.configuration),
        "baseline_fps": result.baseline.measured.throughput_fps if result.baseline.measured else None,
        "trials": len(result.trials),
        "wall_s": round(time.monotonic() - began_s, 1),
    }


def meeting(name: str, folder: Path, evidence: Evidence) -> None:
    """Let everything meet that the searches of a model named, and keep what came of it beside them."""
    found = {item: evidence.items[item] for item in (item_of(name, *run) for run in RUNS)}
    named = [run[side] for side in ("baseline", "pick", "challenger") for run in found.values() if run[side]]
    recorded = Landscape(read(recordings.path_of(name))).best().configuration
    with quiet_host("regret"), watched_host() as sentinel:
        lanes = lanes_of(name, folder, sentinel)[1]
        met = meet(lanes, [*map(configuration_of, named), recorded])
    for item, run in found.items():
        shares = {
            of: plain(met.of_optimum[configuration_of(run[side])])
            for of, side in (("of_optimum", "pick"), ("hint_of_optimum", "baseline"))
        }
        evidence.save(item, **{**run, "optimum": as_data(met.optimum), **shares})


def item_of(name: str, budget_s: int, seed: int) -> str:
    return f"{name}: seed {seed}" if budget_s == 60 else f"{name}: {budget_s} s, seed {seed}"


def main() -> None:
    evidence = Evidence("regret")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or MODELS:
            items = {item_of(name, *run): run for run in RUNS}
            for item, (budget_s, seed) in items.items():
                if item not in evidence.items:
                    evidence.save(item, **search(name, Path(folder), budget_s, seed))
                    print(item, evidence.items[item]["sentence"], flush=True)
            if any("of_optimum" not in evidence.items[item] for item in items):
                meeting(name, Path(folder), evidence)
                print(*(evidence.items[item]["of_optimum"]["ratio"] for item in items), flush=True)


if __name__ == "__main__":
    main()
