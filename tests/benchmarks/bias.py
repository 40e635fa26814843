"""Do short windows tell the same ratio as long ones?

For every model and pair of configurations, blocks of one long round and several default ones
alternate on the same lanes. A block's gap is its median default log-ratio less its long one; the
bias is their Hodges-Lehmann estimate, with its 95 % interval. Running it again adds blocks, from
fresh lanes, up to `BLOCKS`.
"""

import random
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, plain, quiet_host
from tuner.domain.stats import speedup
from tuner.measure.comparison import WINDOW_S, Comparison

LONG_S = 3.0
BLOCKS = 12
A_TIME = 6
SHORT_ROUNDS = 8
NAMES = ("tiny", "dynamic_transformer", "squeezenet", "alexnet", "resnet50")
SIDES = {
    "hint, batch 1, 4 requests": (HINT, 1, 4),
    "hint, batch 8, 2 requests": (HINT, 8, 2),
    "1 stream, batch 4, 1 request": ({"NUM_STREAMS": 1}, 4, 1),
    "1 stream, batch 16, 2 requests": ({"NUM_STREAMS": 1}, 16, 2),
}


def measure(name: str, side: tuple[dict[str, object], int, int], folder: Path) -> dict[str, list[float]]:
    _, lanes = lanes_of(name, folder)
    with ExitStack() as stack:
        pair = [stack.enter_context(closing(lanes.open(configuration(*one)))) for one in ((HINT, 1, 2), side)]
        rng = random.Random(0)
        short = Comparison(pair, rng, time.monotonic, WINDOW_S)
        long = Comparison(pair, rng, time.monotonic, LONG_S)
        long.warm_up()
        medians, told = [], []
        for _ in range(A_TIME):
            told.append(long.play().log_ratio())
            medians.append(median(short.play().log_ratio() for _ in range(SHORT_ROUNDS)))
        return {"short": medians, "long": told, "hint_ms": [short.measured(0).latency_ms.p50]}


def main() -> None:
    evidence = Evidence("bias")
    with quiet_host("bias"), tempfile.TemporaryDirectory() as folder:
        for _ in range(BLOCKS // A_TIME):
            for name in NAMES:
                for words, side in SIDES.items():
                    item = f"{name}: {words}"
                    known = evidence.items.get(item, {}).get(
                        "blocks", {"short": [], "long": [], "hint_ms": []}
                    )
                    if len(known["long"]) >= BLOCKS:
                        continue
                    more = measure(name, side, Path(folder))
                    blocks = {key: known[key] + more[key] for key in more}
                    gaps = [short - long for short, long in zip(blocks["short"], blocks["long"], strict=True)]
                    told = {key: plain(speedup(blocks[key])) for key in ("short", "long")}
                    evidence.save(item, **told, bias=plain(speedup(gaps)), blocks=blocks)
                    print(item, evidence.items[item]["bias"], flush=True)


if __name__ == "__main__":
    main()
