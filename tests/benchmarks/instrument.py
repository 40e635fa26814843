"""Is a lane's window as fast as `benchmark_app` on the same configuration?

Both alternate, a window of a few seconds against a run of as many; the ratio is that of items per
second, with its 95 % interval over the pairs.
"""

import math
import re
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.benchmarks.evidence import Evidence, configuration, lanes_for, plain, quiet_host
from tests.benchmarks.models import path_of
from tuner.domain.stats import speedup

SECONDS = 3
PAIRS = 8
NAMES = ("tiny", "squeezenet", "resnet50")


def benchmark_app(path: Path) -> float:
    """Return items per second as `benchmark_app` prints them, on 2 streams and 2 requests."""
    tool = Path(sys.executable).with_name("benchmark_app")
    settings = ["-d", "CPU", "-hint", "none", "-nstreams", "2", "-nireq", "2", "-t", str(SECONDS)]
    done = subprocess.run([tool, "-m", path, *settings], capture_output=True, text=True, check=True)
    (told,) = re.findall(r"Throughput:\s+([\d.]+) FPS", done.stdout)
    return float(told)


def measure(path: Path) -> dict[str, object]:
    _, lanes = lanes_for(path)
    logs = []
    with closing(lanes.open(configuration({"NUM_STREAMS": 2}, 1, 2))) as lane:
        lane.window(0.5)
        for pair in range(PAIRS):
            if pair % 2:
                ours, theirs = lane.window(SECONDS).rate_fps, benchmark_app(path)
            else:
                theirs = benchmark_app(path)
                ours = lane.window(SECONDS).rate_fps
            logs.append(math.log(ours / theirs))
    return {"ours_over_benchmark_app": plain(speedup(logs))}


def main() -> None:
    evidence = Evidence("instrument")
    with quiet_host("instrument"), tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            if name not in evidence.items:
                evidence.save(name, **measure(path_of(name, Path(folder))))
                print(name, evidence.items[name], flush=True)


if __name__ == "__main__":
    main()
