"""How late does a lane start what arrives, beside a plain loop in C++? The same arrivals for both, in turns.

The model takes 20 microseconds, so that nearly every start is one at its time. A window in which starts were late by more
than 5 % of the latency limit does not count in a search.
"""

import random
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

from tests.benchmarks.evidence import Evidence, configuration, lanes_of, quiet_host
from tests.benchmarks.instrument import build
from tests.benchmarks.models import MODELS
from tuner.domain.load import Load

NAME = "tiny"
RATES = (100, 1000, 5000)
SECONDS, TURNS = 2.0, 10
STREAMS, REQUESTS = 1, 4


def measure(rate: int, program: Path, folder: Path) -> dict[str, object]:
    model, lanes = lanes_of(NAME, folder)
    asked = configuration({"NUM_STREAMS": STREAMS}, 1, REQUESTS)
    shape = [",".join(map(str, each)) for each in MODELS[NAME].shapes.values()]
    times = folder / "times.txt"

    def cpp(number: int) -> float:
        times.write_text("\n".join(map(repr, Load(rate).arrivals(number, SECONDS).times_s)))
        command = [program, model.path, STREAMS, REQUESTS, times, *shape]
        return float(subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout)

    def lane(number: int) -> float:
        with closing(lanes.open(asked)) as opened:
            opened.window(0.5)
            return opened.open_loop(Load(rate).arrivals(number, SECONDS)).late_ms or 0.0

    rng, sides = random.Random(0), {"lane": lane, "C++": cpp}
    turns = [
        {side: sides[side](number) for side in rng.sample(list(sides), len(sides))} for number in range(TURNS)
    ]
    found = {
        side: {
            "median_ms": round(median(turn[side] for turn in turns), 4),
            "most_ms": round(max(turn[side] for turn in turns), 4),
        }
        for side in sides
    }
    return {"late": found, "turns": turns}


def main() -> None:
    evidence = Evidence("lateness")
    with quiet_host("lateness"), tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder), "arrivals.cpp")
        for rate in RATES:
            item = f"{rate} arrivals/s"
            if item not in evidence.items:
                evidence.save(item, **measure(rate, program, Path(folder)))
                print(item, evidence.items[item]["late"], flush=True)


if __name__ == "__main__":
    main()
