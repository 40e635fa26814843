"""What is the advice worth under a quota? Searches with one core's CPU time of two, and `benchmark_app` in the same place.

Each model is searched with `--cpus 1`. Then `benchmark_app` runs the hint and the advice in turns in such a control group, as a
person runs it there: throughput, and p99 latency.
"""

import math
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

import tuner
from tests.benchmarks.app import TOOL
from tests.benchmarks.evidence import Evidence, as_data, plain, quiet_host
from tests.benchmarks.models import MODELS
from tuner.commands.export import export
from tuner.domain.sentences import answer
from tuner.domain.stats import speedup_over_sittings
from tuner.measure.place import placed

NAMES = ("squeezenet", "resnet50", "transformer", "wide_mlp", "detector")
CORES, BUDGET_S = 1.0, 60
SECONDS, TURNS = 5, 6


def run_benchmark_app(words: list[str]) -> dict[str, float]:
    """Return throughput and p99 latency as `benchmark_app` prints them."""
    done = subprocess.run(
        [TOOL, *words, "-t", str(SECONDS), "-latency_percentile", "99"],
        capture_output=True,
        text=True,
        check=True,
    )
    (fps,) = re.findall(r"Throughput:\s+([\d.]+) FPS", done.stdout)
    ((p99, unit),) = re.findall(r"99 percentile:\s+([\d.]+) (ms|us)", done.stdout)
    return {"fps": float(fps), "p99_ms": float(p99) / (1e3 if unit == "us" else 1)}


def measure(name: str, folder: Path) -> dict[str, object]:
    model, output = MODELS[name], folder / "found"
    path = model.make(folder)
    result = tuner.search(path, device="CPU", budget=BUDGET_S, shapes=model.shapes, cpus=CORES, output=output)
    verdict = result.verdict
    line = export(output / "config.yaml", "benchmark_app", None, output / "app.json").command_line
    advised = shlex.split(line)
    advised = advised[1 : advised.index("-t")]
    hint = ["-m", str(path), "-d", "CPU", "-hint", "throughput"]
    hint += [
        part for at, word in enumerate(advised) if word in ("-ip", "-iop") for part in advised[at : at + 2]
    ]
    if model.shapes:
        shapes = [f"{name}[{','.join(map(str, shape))}]" for name, shape in model.shapes.items()]
        hint += ["-shape", ",".join(shapes)]
    turns = []
    with quiet_host("quota"), placed(cores=CORES):
        for number in range(TURNS):
            sides = {"hint": hint, "advice": advised}
            order = list(sides) if number % 2 else list(sides)[::-1]
            turns.append({side: run_benchmark_app(sides[side]) for side in order})
    gain = speedup_over_sittings([[math.log(turn["advice"]["fps"] / turn["hint"]["fps"])] for turn in turns])
    figures = {
        side: {
            "fps": candidate.measured.throughput_fps,
            "p99_ms": candidate.measured.latency_ms.p99,
            "throttling": asdict(candidate.measured.throttled) if candidate.measured.throttled else None,
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
        "benchmark_app": {
            "gain": plain(gain),
            **{
                side: {key: median(turn[side][key] for turn in turns) for key in ("fps", "p99_ms")}
                for side in ("hint", "advice")
            },
        },
        "turns": turns,
    }


def main() -> None:
    evidence = Evidence("quota")
    for name in sys.argv[1:] or NAMES:
        if name not in evidence.items:
            with tempfile.TemporaryDirectory() as folder:
                evidence.save(name, **measure(name, Path(folder)))
            print(name, evidence.items[name]["sentence"], evidence.items[name]["benchmark_app"], flush=True)


if __name__ == "__main__":
    main()
