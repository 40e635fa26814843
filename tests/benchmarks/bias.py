"""Do short windows tell the same ratio as long ones?

For every model and pair of configurations, blocks of one long round and several default ones
alternate on the same lanes; the bias is the Hodges-Lehmann estimate over blocks of (median default
log-ratio - long log-ratio), with its 95 % interval.
"""

import random
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_for, plain, quiet_host
from tests.benchmarks.models import NAMES, path_of
from tuner.domain.stats import speedup
from tuner.measure.comparison import WINDOW_S, Comparison

LONG_S = 3.0
BLOCKS = 8
SHORT_ROUNDS = 8
SIDES = {
    "hint, batch 1, 4 requests": (HINT, 1, 4),
    "hint, batch 8, 2 requests": (HINT, 8, 2),
    "1 stream, batch 4, 1 request": ({"NUM_STREAMS": 1}, 4, 1),
}


def measure(path: Path, side: tuple[dict[str, object], int, int]) -> dict[str, object]:
    _, lanes = lanes_for(path)
    with ExitStack() as stack:
        pair = [stack.enter_context(closing(lanes.open(configuration(*one)))) for one in ((HINT, 1, 2), side)]
        rng = random.Random(0)
        short = Comparison(pair, rng, time.monotonic, WINDOW_S)
        long = Comparison(pair, rng, time.monotonic, LONG_S)
        long.warm_up()
        gaps = []
        for _ in range(BLOCKS):
            told = long.play().log_ratio()
            gaps.append(median(short.play().log_ratio() for _ in range(SHORT_ROUNDS)) - told)
        return {
            "hint_ms": short.measured(0).latency_ms.p50,
            "short": plain(speedup(short.log_ratios())),
            "long": plain(speedup(long.log_ratios())),
            "bias": plain(speedup(gaps)),
        }


def main() -> None:
    evidence = Evidence("bias")
    with quiet_host("bias"), tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            for words, side in SIDES.items():
                item = f"{name}: {words}"
                if item not in evidence.items and not (name == "vgg19" and side[1] == 8):
                    evidence.save(item, **measure(path_of(name, Path(folder)), side))
                    print(item, evidence.items[item]["bias"], flush=True)


if __name__ == "__main__":
    main()
