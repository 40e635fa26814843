"""Is a lane's window as fast as `benchmark_app` and as a plain loop in C++?

All three run the same configuration in turns, a window of a few seconds in a fresh lane against runs
of as many; the ratios are those of inferences per second, with 95 % intervals over the turns.
"""

import math
import random
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import openvino

from tests.benchmarks.app import benchmark_app
from tests.benchmarks.evidence import Evidence, configuration, lanes_of, plain, quiet_host
from tests.benchmarks.models import MODELS
from tuner.domain.stats import speedup_over_sittings

SECONDS = 2
TURNS = 10
NAMES = ("tiny", "dynamic_transformer", "transformer", "squeezenet", "alexnet", "resnet50")
STREAMS = REQUESTS = 2


def build(folder: Path, source: str = "loop.cpp") -> Path:
    """Compile a loop against the headers and libraries of the installed wheel."""
    package, program = Path(openvino.__file__).parent, folder / Path(source).stem
    (library,) = (package / "libs").glob("libopenvino.so.*")
    paths = ["-I", package / "include", library, f"-Wl,-rpath,{library.parent}"]
    subprocess.run(
        ["g++", "-O2", "-std=c++17", Path(__file__).with_name(source), *paths, "-o", program], check=True
    )
    return program


def measure(name: str, program: Path, folder: Path) -> dict[str, object]:
    model, lanes = lanes_of(name, folder)
    asked = configuration({"NUM_STREAMS": STREAMS}, 1, REQUESTS)
    shape = [",".join(map(str, each)) for each in MODELS[name].shapes.values()]
    command = [program, model.path, STREAMS, REQUESTS, SECONDS, *shape]

    def cpp() -> float:
        return float(subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout)

    def lane_rate() -> float:
        with closing(lanes.open(asked)) as lane:
            lane.window(0.5)
            return lane.window(SECONDS).rate_fps

    sides = {"lane": lane_rate, "benchmark_app": lambda: benchmark_app(model, asked, SECONDS), "C++": cpp}
    rng = random.Random(0)
    turns = [{side: sides[side]() for side in rng.sample(list(sides), len(sides))} for _ in range(TURNS)]
    over = {
        other: plain(speedup_over_sittings([[math.log(turn["lane"] / turn[other])] for turn in turns]))
        for other in ("benchmark_app", "C++")
    }
    return {"inference_ms": REQUESTS / turns[0]["lane"] * 1e3, "over": over, "turns": turns}


def main() -> None:
    evidence = Evidence("instrument")
    with quiet_host("instrument"), tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        for name in sys.argv[1:] or NAMES:
            if "C++" not in evidence.items.get(name, {}).get("over", {}):
                evidence.save(name, **measure(name, program, Path(folder)))
                print(name, evidence.items[name]["over"], flush=True)


if __name__ == "__main__":
    main()
