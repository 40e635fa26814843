"""How often does a search find a gain where there is none?

Real searches in which every lane runs the hint itself, whatever configuration was asked for: the
sampler, the pruning, the choice of finalists and the final work on pure noise of this host.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.evidence import Evidence, lanes_of, plain, quiet_host, watched_host
from tests.benchmarks.models import MODELS
from tests.simulation import MemoryStore
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.sentences import answer
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.target import target_of
from tuner.errors import LaneError
from tuner.measure.lane import ASK_DEVICE, Lane
from tuner.measure.process import ProcessLane, ProcessLanes
from tuner.measure.sentinel import Sentinel
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.strategy import strategy_for, within
from tuner.tuning.tune import Task, tune

BUDGET_S = 30.0
SEARCHES = 2


class DisguisedLane:
    """The hint's lane that calls itself another configuration."""

    def __init__(self, lane: ProcessLane, asked: Configuration) -> None:
        self._lane = lane
        requests = asked.requests or lane.facts.optimal_requests
        effective, properties = lane.facts.effective, asked.plain_properties
        effective = replace(
            effective,
            batch=asked.batch,
            requests=requests,
            streams=properties.get("NUM_STREAMS", effective.streams),
            threads=properties.get("INFERENCE_NUM_THREADS", effective.threads),
            pinned=properties.get("ENABLE_CPU_PINNING", effective.pinned),
            slices=asked.slices,
        )
        self.facts = replace(lane.facts, effective=effective)

    def __getattr__(self, name: str):
        return getattr(self._lane, name)


class DisguisedLanes:
    """Opens the hint whatever is asked for."""

    def __init__(self, lanes: ProcessLanes, target: str, copies: int = 1) -> None:
        self._lanes = lanes
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        self._hint = Configuration.of(target, hint, 1, ASK_DEVICE, copies=copies)
        self.sentinel, self.reference = lanes.sentinel, lanes.reference

    def open(self, configuration: Configuration) -> DisguisedLane:
        return DisguisedLane(self._lanes.open(self._hint), configuration)

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        opened = self._lanes.open_all([self._hint] * len(configurations))
        return [
            lane if isinstance(lane, LaneError) else DisguisedLane(lane, asked)
            for lane, asked in zip(opened, configurations, strict=True)
        ]


ALONE = DeviceFacts("CPU", 2, frozenset(), 2, 2)


def search(
    name: str,
    folder: Path,
    seed: int,
    sentinel: Sentinel | None,
    question: Question = THROUGHPUT,
    facts: DeviceFacts = ALONE,
) -> dict[str, object]:
    model, lanes = lanes_of(name, folder, sentinel)
    target, bounds = target_of("CPU"), Bounds(batch=(1, 2))
    task = Task(
        model,
        (target,),
        ThisHost(DisguisedLanes(lanes, "CPU", question.copies[0])),
        lambda target, hints: device_space(facts, 1, True, bounds, hints[target].requests, question),
        MemoryStore(),
        Budget(BUDGET_S, None, time.monotonic),
        seed,
        lambda _: None,
        within(strategy_for(question), facts.quota),
        question=question,
    )
    found = tune(task)
    return {
        "verdict": found.outcome.verdict.kind,
        "sentence": answer(found.outcome.verdict),
        "speedup": plain(found.outcome.verdict.speedup) if found.outcome.verdict.speedup else None,
        "trials": len(found.trials),
    }


def main() -> None:
    evidence = Evidence("false_wins")
    with (
        quiet_host("false_wins"),
        watched_host() as sentinel,
        tempfile.TemporaryDirectory() as folder,
    ):
        for seed in range(SEARCHES):
            for name in sys.argv[1:] or MODELS:
                item = f"{name}: seed {seed}"
                if item not in evidence.items:
                    evidence.save(item, **search(name, Path(folder), seed, sentinel))
                    print(item, evidence.items[item]["sentence"], flush=True)


if __name__ == "__main__":
    main()
