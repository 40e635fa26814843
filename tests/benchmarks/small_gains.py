"""Is the answer right where little or nothing is to be gained? Real searches with the model's own batch.

Batches above one are left out, as for an application that cannot gather items: what is left gains little. Then all
configurations of that space meet in fresh processes. A *wrong keep* keeps the hint although one of them is at least
3 % faster, by the whole interval; a *wrong win* names one that is not faster.
"""

import sys
import tempfile
from pathlib import Path

import tuner
from tests.benchmarks.evidence import Evidence, as_data, lanes_of, plain, quiet_host, watched_host
from tests.benchmarks.meeting import Meeting, meet
from tests.benchmarks.models import MODELS
from tuner.domain.configuration import Configuration
from tuner.domain.sentences import answer
from tuner.domain.verdict import GAIN_WORTH_FINDING

NAMES = ("detector", "squeezenet", "alexnet", "resnet50", "densenet121")
BUDGET_S, SEEDS = 60, 4
STREAMS, REQUESTS_PER_STREAM = ("hint", 1, 2), (1, 2, 4)
BASELINE = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)


def configurations() -> list[Configuration]:
    """Return the configurations of the space on 2 cores, without the switches around the best; the hint first."""
    found = [BASELINE]
    for streams in STREAMS:
        properties = {"PERFORMANCE_HINT": "THROUGHPUT"} if streams == "hint" else {"NUM_STREAMS": streams}
        count = 2 if streams == "hint" else int(streams)
        found += [Configuration.of("CPU", properties, 1, count * each) for each in REQUESTS_PER_STREAM]
    return list(dict.fromkeys(found))


def judged(kind: str, pick: Configuration, met: Meeting) -> str:
    """Name what a verdict is worth, by the meeting of all configurations."""
    hint, picked = met.of_optimum[BASELINE], met.of_optimum.get(pick)
    if kind == "keep_hint":
        return "wrong keep" if hint.high < 1 / (1 + GAIN_WORTH_FINDING) else "right keep"
    if kind == "faster" and picked and picked.ratio <= hint.ratio:
        return "wrong win"
    return kind


def main() -> None:
    evidence = Evidence("small_gains")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NAMES:
            model, met = MODELS[name], None
            for seed in range(SEEDS):
                item = f"{name}: seed {seed}"
                if item in evidence.items:
                    continue
                if met is None:
                    with quiet_host("small_gains"), watched_host() as sentinel:
                        met = meet(lanes_of(name, Path(folder), sentinel)[1], configurations())
                result = tuner.search(
                    model.make(Path(folder)),
                    device="CPU",
                    budget=BUDGET_S,
                    seed=seed,
                    batch=[1],
                    shapes=model.shapes,
                    output=Path(folder) / f"{name}-{seed}",
                )
                verdict = result.verdict
                evidence.save(
                    item,
                    verdict=verdict.kind,
                    sentence=answer(verdict),
                    pick=as_data(verdict.best.configuration),
                    speedup=plain(verdict.speedup) if verdict.speedup else None,
                    optimum=as_data(met.optimum),
                    hint_of_optimum=plain(met.of_optimum[BASELINE]),
                    judged=judged(verdict.kind, verdict.best.configuration, met),
                )
                print(item, evidence.items[item]["judged"], evidence.items[item]["sentence"], flush=True)


if __name__ == "__main__":
    main()
