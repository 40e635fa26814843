"""What people do today: `benchmark_app` for 10 s on every configuration, the highest number wins.

The grid is that of the recorded landscape. The winner then meets the optimum.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests import recordings
from tests.benchmarks.app import benchmark_app
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
from tests.lanes.replayed import Landscape, read

SECONDS = 10
NAMES = ("squeezenet", "resnet50", "transformer")


def sweep(name: str, evidence: Evidence, folder: Path) -> None:
    model, _ = lanes_of(name, folder)
    landscape = Landscape(read(recordings.path_of(name)))
    grid = [entry.configuration for entry in landscape.recording.entries if entry.sittings]
    for wanted in grid:
        item = f"{name}: {wanted}"
        if item not in evidence.items:
            began = time.monotonic()
            fps = benchmark_app(model, wanted, SECONDS)
            evidence.save(
                item, fps=fps, configuration=as_data(wanted), wall_s=round(time.monotonic() - began, 2)
            )
    runs = [found for item, found in evidence.items.items() if item.startswith(f"{name}: ")]
    pick = max(runs, key=lambda run: run["fps"])
    optimum, picked = landscape.best().configuration, configuration_of(pick["configuration"])
    with watched_host() as sentinel:
        met = meet(lanes_of(name, folder, sentinel)[1], [optimum, picked])
    wall_s = round(sum(run["wall_s"] for run in runs), 1)
    evidence.save(
        name,
        pick=pick["configuration"],
        fps=pick["fps"],
        wall_s=wall_s,
        of_optimum=plain(met.of_optimum[picked]),
    )


def main() -> None:
    evidence = Evidence("sweep")
    with quiet_host("sweep"), tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NAMES:
            if name not in evidence.items:
                sweep(name, evidence, Path(folder))
                print(name, evidence.items[name], flush=True)


if __name__ == "__main__":
    main()
