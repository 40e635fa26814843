"""Whole searches on simulated lanes, for tests that need hundreds of them."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.lanes.replayed import Landscape, ReplayedLanes
from tests.lanes.simulated import Noise, SimulatedDevice, SimulatedHost, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.model import Model, ModelInput
from tuner.domain.precision import PRECISIONS
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.space import Bounds, DeviceFacts, Space
from tuner.domain.target import target_of
from tuner.domain.trial import Trial
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.spaces import Layout
from tuner.tuning.strategy import Strategy, strategy_for
from tuner.tuning.targets import targets_for
from tuner.tuning.tune import Findings, Task, tune

CPU = (target_of("CPU"),)
MODEL = Model("m", "m.xml", "0" * 64, (ModelInput("x", (1, 3, 8, 8), "f32", 0),), (0,), 1)


@dataclass
class MemoryStore:
    """A store of trials that forgets nothing until it is forgotten itself."""

    kept: list[Trial] = field(default_factory=list)

    def trials(self) -> list[Trial]:
        return list(self.kept)

    def save(self, trial: Trial) -> None:
        self.kept.append(trial)


def space_of(
    device: SimulatedDevice,
    bounds: Bounds | None = None,
    hint_requests: int | None = None,
    grows: bool = True,
    question: Question = THROUGHPUT,
) -> Space:
    properties = frozenset({"NUM_STREAMS", "INFERENCE_PRECISION_HINT", "EXECUTION_MODE_HINT"})
    facts = DeviceFacts(
        "CPU",
        device.cores,
        properties,
        device.cores,
        device.cores,
        precisions=PRECISIONS,
        default_precision=device.precision,
        cores=tuple(range(device.cores)),
    )
    space = device_space(facts, 1, True, bounds or Bounds(), hint_requests or device.cores, question)
    return space if grows else replace(space, growing={})


def simulate(
    device: SimulatedDevice | None = None,
    *,
    lanes: SimulatedLanes | None = None,
    seed: int = 0,
    budget_s: float = 60.0,
    trials: int | None = None,
    bounds: Bounds | None = None,
    store: MemoryStore | None = None,
    tell=lambda _: None,
    item_mb: float = 0.0,
    available_mb: float = math.inf,
    grows: bool = True,
    up_to_s: float = 0.0,
    question: Question = THROUGHPUT,
) -> Findings:
    """Search a simulated processor; where its space does not grow, windows stay short and trials are many."""
    device = device or (lanes.device if lanes else SimulatedDevice())
    lanes = lanes or SimulatedLanes(device, seed=seed)
    return tune(
        Task(
            MODEL,
            CPU,
            ThisHost(lanes, lambda: available_mb),
            lambda target, hints: space_of(device, bounds, hints[target].requests, grows, question),
            store or MemoryStore(),
            Budget(budget_s, trials, lanes.now, up_to_s=up_to_s),
            seed,
            tell,
            strategy=strategy_for(question),
            bounds=bounds or Bounds(),
            question=question,
            item_mb=item_mb,
        )
    )


def simulate_host(
    host: SimulatedHost,
    *targets: str,
    seed: int = 0,
    budget_s: float = 120.0,
    store: MemoryStore | None = None,
    tell=lambda _: None,
    noise: Noise | None = None,
    facts: Mapping[str, DeviceFacts] | None = None,
    lanes: SimulatedLanes | None = None,
    trials: int | None = None,
) -> Findings:
    """Search several targets of a simulated machine."""
    lanes = lanes or SimulatedLanes(host, noise, seed)
    properties = frozenset({"NUM_STREAMS", "INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"})
    facts = facts or {
        name: DeviceFacts(name, device.cores, properties, device.cores, device.cores)
        for name, device in host.devices.items()
    }
    chosen = targets_for(targets, tuple(host.devices))
    policies = {target: ("ROUND_ROBIN",) for target in chosen if target.combines}
    return tune(
        Task(
            MODEL,
            chosen,
            ThisHost(lanes),
            Layout(MODEL, Bounds(), "explicit", facts, policies),
            store or MemoryStore(),
            Budget(budget_s, trials, lanes.now),
            seed,
            tell,
        )
    )


def replay(
    landscape: Landscape,
    budget_s: float = 60.0,
    seed: int = 0,
    strategy: Strategy | None = None,
    store: MemoryStore | None = None,
    question: Question = THROUGHPUT,
) -> Findings:
    """Search a recorded landscape; with a store that has trials, go on with them."""
    lanes = ReplayedLanes(landscape, seed)
    facts = DeviceFacts("CPU", 2, frozenset({"NUM_STREAMS"}), 2, 2)
    return tune(
        Task(
            MODEL,
            CPU,
            ThisHost(lanes),
            lambda target, hints: device_space(facts, 1, True, Bounds(), hints[target].requests, question),
            store or MemoryStore(),
            Budget(budget_s, None, lanes.now),
            seed,
            lambda _: None,
            strategy or Strategy(),
            question=question,
        )
    )


def random_device(rng: random.Random) -> SimulatedDevice:
    """A device and model of a random kind: small or large, with or without a gain from batch."""
    return SimulatedDevice(
        cores=rng.choice([2, 4, 8]),
        base_fps=10 ** rng.uniform(2, 4.5),
        batch_gain=rng.uniform(0.7, 2.5),
        one_stream=rng.uniform(0.6, 1.1),
        more_requests=rng.uniform(1.0, 1.1),
    )


def true_fps(device: SimulatedDevice, configuration: Configuration) -> float:
    return device.fps(device.effective(configuration))
