"""How often does a search for something else than throughput find a gain where there is none?

Simulated searches on a noisy host in which every lane secretly runs the hint, whatever configuration it is asked for. The noise
is that of `tests/lanes/simulated.py`: drift, bursts, outliers, and processes that differ by 1 %. As a control, the same searches
where everything but the hints runs on a device that is 20 % faster: how many find that?
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
from tuner.tuning.hosts import ThisHost
from tuner.tuning.strategy import strategy_for
from tuner.tuning.tune import Task, tune

BUDGET_S, SEARCHES, CONTROLS = 60.0, 500, 100
DEVICE = SimulatedDevice(cores=4, base_fps=600.0)
FASTER = replace(DEVICE, base_fps=1.2 * DEVICE.base_fps)
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
    """The hint's lane that calls itself another configuration; on a device of its own."""

    def __init__(self, lane, effective, lanes, device):
        self._lane, self.facts = lane, replace(lane.facts, effective=effective)
        self._lanes, self._device = lanes, device

    def __getattr__(self, name):
        self._lanes.device = self._device
        return getattr(self._lane, name)


class DisguisedLanes(SimulatedLanes):
    """Opens the hint whatever is asked for; a hint under another name is the same hint."""

    one_caller = has_gain = False

    def open(self, configuration):
        name = "LATENCY" if self.one_caller else "THROUGHPUT"
        hint = Configuration.of("CPU", {"PERFORMANCE_HINT": name}, 1, 1 if self.one_caller else ASK_DEVICE)
        gains = self.has_gain and not (configuration.uses_hint and configuration.batch == 1)
        effective = DEVICE.effective(configuration)
        return Disguised(super().open(hint), effective, self, FASTER if gains else DEVICE)

    def open_all(self, configurations):
        return open_in_turn(self, configurations)


def verdict_of(name: str, has_gain: bool, seed: int) -> str:
    question, lanes = QUESTIONS[name], DisguisedLanes(DEVICE, seed=seed)
    lanes.one_caller, lanes.has_gain = question.one_caller, has_gain
    task = Task(
        MODEL,
        CPU,
        ThisHost(lanes),
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
        for item, has_gain, searches in ((name, False, SEARCHES), (f"{name}: control", True, CONTROLS)):
            if item in evidence.items:
                continue
            with ProcessPoolExecutor(2) as pool:
                found = pool.map(partial(verdict_of, name, has_gain), range(searches), chunksize=10)
                kinds = Counter(found)
            evidence.save(item, verdicts=kinds)
            print(item, kinds, flush=True)


if __name__ == "__main__":
    main()
