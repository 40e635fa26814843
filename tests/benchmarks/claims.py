"""Does `benchmark_app` see what a search claimed?

For every `faster` and `keep_hint` of the regret benchmark: the hint and the configuration that the
verdict speaks of run in turns, several times, each in a `benchmark_app` of its own.
"""

import math
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.app import benchmark_app
from tests.benchmarks.evidence import Evidence, configuration_of, lanes_of, plain, quiet_host
from tuner.domain.stats import speedup

TIMES = 5
SECONDS = 3


def measure(name: str, claim: dict, folder: Path) -> dict[str, object]:
    model, _ = lanes_of(name, folder)
    sides = [configuration_of(claim["baseline"]), configuration_of(claim["challenger"])]
    logs = []
    for time in range(TIMES):
        order = (0, 1) if time % 2 else (1, 0)
        fps = {side: benchmark_app(model, sides[side], SECONDS) for side in order}
        logs.append(math.log(fps[1] / fps[0]))
    repeated = speedup(logs)
    return {
        "claimed": claim["speedup"],
        "repeated": plain(repeated),
        "repeated_over_claimed": repeated.ratio / claim["speedup"]["ratio"],
    }


def main() -> None:
    evidence, claims = Evidence("claims"), Evidence("regret").items
    with quiet_host("claims"), tempfile.TemporaryDirectory() as folder:
        for item, claim in claims.items():
            name = item.split(":")[0]
            open_one = item not in evidence.items and name in (sys.argv[1:] or [name])
            if open_one and claim["verdict"] != "inconclusive" and claim["challenger"]:
                evidence.save(item, **measure(name, claim, Path(folder)))
                print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
