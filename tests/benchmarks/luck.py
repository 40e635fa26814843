"""How far are two processes of one configuration apart?

Several lanes of the hint, all of them in every round, so that a burst of the host strikes them
alike: what stays between their medians beyond what the rounds' noise explains is the processes' own.
"""

import random
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from tests.benchmarks.evidence import HINT, Evidence, configuration, lanes_of, quiet_host
from tests.benchmarks.models import MODELS
from tuner.measure.comparison import Comparison
from tuner.measure.lane import ASK_DEVICE

LANES, ROUNDS, SITTINGS = 6, 40, 2


def sitting(name: str, folder: Path, seed: int) -> list[list[float]]:
    """Return each round's log-rates, one a lane."""
    _, lanes = lanes_of(name, folder)
    hint = configuration(HINT, 1, ASK_DEVICE)
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(lanes.open(hint))) for _ in range(LANES)]
        comparison = Comparison(opened, random.Random(seed), time.monotonic)
        comparison.warm_up()
        for _ in range(ROUNDS):
            comparison.play()
    return [[float(np.log(rate)) for rate in each.rates_fps] for each in comparison.rounds]


def parted(rounds: list[list[float]]) -> dict[str, object]:
    """Part the lanes' differences into the processes' own and the rounds' noise."""
    logs = np.asarray(rounds)
    logs = logs - np.median(logs, axis=1, keepdims=True)
    middles = np.median(logs, axis=0)
    noise = 1.4826 * float(np.median(np.abs(logs - middles)))
    explained = noise**2 * np.pi / 2 / len(logs)
    between = float(np.var(middles, ddof=1))
    halves = [np.median(half, axis=0) for half in (logs[: len(logs) // 2], logs[len(logs) // 2 :])]
    return {
        "lanes": [round(float(middle), 5) for middle in middles],
        "noise": round(noise, 5),
        "between": round(between**0.5, 5),
        "luck": round(max(0.0, between - explained) ** 0.5, 5),
        "halves_agree": round(float(np.corrcoef(*halves)[0, 1]), 2),
    }


def main() -> None:
    evidence = Evidence("luck")
    with quiet_host("luck"), tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or MODELS:
            for seed in range(SITTINGS):
                item = f"{name}: sitting {seed}"
                if item not in evidence.items:
                    evidence.save(item, **parted(sitting(name, Path(folder), seed)))
                    print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
