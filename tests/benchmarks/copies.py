"""What is the advice for several processes worth? Searches for 2 and 4, and a program that a person writes for them.

Then `copies_app`, processes with an `AsyncInferQueue` each, runs the hint and the advice in turns.
"""

import math
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import tuner
from tests.benchmarks.evidence import Evidence, as_data, plain, quiet_host
from tests.benchmarks.models import MODELS
from tuner.domain.sentences import answer
from tuner.domain.stats import speedup_over_sittings

NAMES = ("squeezenet", "resnet50", "transformer")
COPIES, BUDGET_S = (2, 4), 60
SECONDS, TURNS = 4, 6


def rate_of(config: Path, side: str) -> float:
    """Return the items per second of all processes of a side, as the program prints them."""
    command = [sys.executable, "-m", "tests.benchmarks.copies_app", str(config), side, str(SECONDS)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def measure(name: str, copies: int, folder: Path) -> dict[str, object]:
    model, output = MODELS[name], folder / "found"
    path = model.make(folder)
    result = tuner.search(
        path, device="CPU", budget=BUDGET_S, shapes=model.shapes, copies=copies, output=output
    )
    verdict, turns = result.verdict, []
    with quiet_host("copies"):
        for number in range(TURNS):
            order = ("hint", "advice") if number % 2 else ("advice", "hint")
            turns.append({side: rate_of(output / "config.yaml", side) for side in order})
    gain = speedup_over_sittings([[math.log(turn["advice"] / turn["hint"])] for turn in turns])
    figures = {
        side: {
            "fps": candidate.measured.throughput_fps,
            "p99_ms": candidate.measured.latency_ms.p99,
            "copies_fps": candidate.measured.copies_fps,
        }
        for side, candidate in {"hint": result.baseline, "advice": verdict.best}.items()
        if candidate.measured
    }
    return {
        "verdict": verdict.kind,
        "sentence": answer(verdict),
        "pick": as_data(verdict.best.configuration),
        "speedup": plain(verdict.speedup) if verdict.speedup else None,
        "figures": figures,
        "program": {"gain": plain(gain)}
        | {side: median(turn[side] for turn in turns) for side in ("hint", "advice")},
        "turns": turns,
    }


def main() -> None:
    evidence = Evidence("copies")
    for copies in COPIES:
        for name in sys.argv[1:] or NAMES:
            item = f"{name}: {copies} copies"
            if item not in evidence.items:
                with tempfile.TemporaryDirectory() as folder:
                    evidence.save(item, **measure(name, copies, Path(folder)))
                print(item, evidence.items[item]["sentence"], evidence.items[item]["program"], flush=True)


if __name__ == "__main__":
    main()
