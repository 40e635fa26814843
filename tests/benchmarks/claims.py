"""Does `benchmark_app` see what a search claimed?

For every `faster` and `keep_hint` of the regret benchmark: the hint and the configuration that the
verdict speaks of run in turns, several times, each in a `benchmark_app` of its own and in a fresh
lane. A lane that agrees with the claim where `benchmark_app` does not shows the tools' difference.
"""

import math
import random
import sys
import tempfile
from contextlib import closing
from functools import partial
from itertools import product
from pathlib import Path

from tests.benchmarks.app import benchmark_app
from tests.benchmarks.evidence import Evidence, configuration_of, lanes_of, plain, quiet_host
from tuner.domain.configuration import Configuration
from tuner.domain.stats import speedup_over_sittings
from tuner.measure.process import ProcessLanes

TIMES = 5
SECONDS = 2


def lane_rate(lanes: ProcessLanes, one: Configuration, seconds: float) -> float:
    with closing(lanes.open(one)) as lane:
        lane.window(0.1)
        return lane.window(seconds).rate_fps


def measure(name: str, claim: dict, folder: Path) -> dict[str, object]:
    model, lanes = lanes_of(name, folder)
    tools = {"benchmark_app": partial(benchmark_app, model), "lane": partial(lane_rate, lanes)}
    sides = {
        "hint": configuration_of(claim["baseline"]),
        "pick": configuration_of(claim["challenger"]),
    }
    rng, logs = random.Random(0), {tool: [] for tool in tools}
    for _ in range(TIMES):
        order = rng.sample([*product(tools, sides)], 4)
        fps = {(tool, side): tools[tool](sides[side], SECONDS) for tool, side in order}
        for tool in tools:
            logs[tool].append([math.log(fps[tool, "pick"] / fps[tool, "hint"])])
    repeated = {tool: speedup_over_sittings(logs[tool]) for tool in tools}
    return {
        "claimed": claim["speedup"],
        "repeated": plain(repeated["benchmark_app"]),
        "by_a_lane": plain(repeated["lane"]),
        "repeated_over_claimed": repeated["benchmark_app"].ratio / claim["speedup"]["ratio"],
        "lane_over_claimed": repeated["lane"].ratio / claim["speedup"]["ratio"],
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
