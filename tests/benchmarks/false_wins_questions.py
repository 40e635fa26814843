"""How often does a search for something else than throughput find a gain where there is none?

Simulated searches on a noisy host in which every lane secretly runs the hint, whatever configuration it is asked for. The noise
is that of `tests/lanes/simulated.py`: drift, bursts, outliers, and processes that differ by 1 %.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

from tests.benchmarks.evidence import Evidence
from tests.lanes.in_turn import open_in_turn
from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import CPU, MODEL, MemoryStore, space_of
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.measure.lane import ASK_DEVICE
from tuner.tuning.budget import Budget
from tuner.tuning.strategy import strategy_for
from tuner.tuning.tune import Task, tune

BUDGET_S, SEARCHES = 60.0, 500
DEVICE = SimulatedDevice(cores=4, base_fps=600.0)
QUESTIONS = {
    "throughput": Question(),
    "latency": Question("latency"),
    "cpu": Question("cpu"),
    "pareto": Question("pareto"),
    "throughput within a limit": Question(limits=(Limit("p99", 12.0),)),
    "latency at 300 items/s": Question("latency", load=Load(300.0)),
    "cpu at 300 items/s": Question("cpu", load=Load(300.0)),
    "rate": Question.asked("rate", [Limit("p99", 12.0)]),
}


class Disguised:
    """The hint's lane that calls itself another configuration."""

    def __init__(self, lane, effective):
        self._lane, self.facts = lane, replace(lane.facts, effective=effective)

    def __getattr__(self, name):
        return getattr(self._lane, name)


class DisguisedLanes(SimulatedLanes):
    """Opens the hint whatever is asked for; a hint under another name is the same hint."""

    def open(self, configuration):
        name = "LATENCY" if self.one_caller else "THROUGHPUT"
        hint = Configuration.of("CPU", {"PERFORMANCE_HINT": name}, 1, 1 if self.one_caller else ASK_DEVICE)
        return Disguised(super().open(hint), self.device.effective(configuration))

    def open_all(self, configurations):
        return open_in_turn(self, configurations)


def verdict_of(name: str, seed: int) -> str:
    question, lanes = QUESTIONS[name], DisguisedLanes(DEVICE, seed=seed)
    lanes.one_caller = question.one_caller
    task = Task(
        MODEL,
        CPU,
        lanes,
        lambda target, hints: space_of(DEVICE, None, hints[target].requests, False, question),
        MemoryStore(),
        Budget(BUDGET_S, None, lanes.now),
        seed,
        lambda _: None,
        strategy_for(question),
        question=question,
    )
    return tune(task).outcome.verdict.kind


def main() -> None:
    evidence = Evidence("false_wins_questions")
    for name in sys.argv[1:] or QUESTIONS:
        if name not in evidence.items:
            with ProcessPoolExecutor(2) as pool:
                kinds = Counter(pool.map(partial(verdict_of, name), range(SEARCHES), chunksize=10))
            evidence.save(name, verdicts=kinds)
            print(name, kinds, flush=True)


if __name__ == "__main__":
    main()
