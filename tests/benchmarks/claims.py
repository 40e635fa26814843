"""Does `benchmark_app` see what a search claimed?

For every `faster` and `keep_hint` of the regret benchmark: the hint and the configuration that the
verdict speaks of run in turns, in random order, each time in a `benchmark_app` of its own.
"""

import math
import random
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.app import benchmark_app
from tests.benchmarks.evidence import Evidence, configuration_of, lanes_of, plain, quiet_host
from tuner.domain.stats import speedup_over_sittings

TURNS = 10
SECONDS = 2


def measure(name: str, claim: dict, folder: Path) -> dict[str, object]:
    model, _ = lanes_of(name, folder)
    sides = [configuration_of(claim[side]) for side in ("baseline", "challenger")]
    rng, logs = random.Random(0), []
    for _ in range(TURNS):
        fps = {side: benchmark_app(model, side, SECONDS) for side in rng.sample(sides, 2)}
        hint, pick = (fps[side] for side in sides)
        logs.append(math.log(pick / hint))
    repeated = speedup_over_sittings([[log_ratio] for log_ratio in logs])
    return {
        "claimed": claim["speedup"],
        "repeated": plain(repeated),
        "repeated_over_claimed": repeated.ratio / claim["speedup"]["ratio"],
        "log_ratios": logs,
    }


def main() -> None:
    evidence, claims = Evidence("claims"), Evidence("regret").items
    with quiet_host("claims"), tempfile.TemporaryDirectory() as folder:
        for item, claim in claims.items():
            name = item.split(":")[0]
            wanted = item not in evidence.items and name in (sys.argv[1:] or [name])
            claims_something = claim["verdict"] != "inconclusive" and claim["challenger"]
            if wanted and claim.get("budget_s", 60) == 60 and claims_something:
                evidence.save(item, **measure(name, claim, Path(folder)))
                print(item, evidence.items[item]["repeated_over_claimed"], flush=True)


if __name__ == "__main__":
    main()
