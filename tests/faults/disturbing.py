"""Disturbances of a simulated host: another program, in various ways, and a processor that changes its clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.lanes.simulated import Disturbance, Noise, SimulatedDevice, SimulatedLanes, undisturbed
from tests.simulation import simulate
from tuner.domain.configuration import Configuration
from tuner.tuning.tune import Findings

BUDGET_S = 60.0
UNEVEN = Noise(jitter=0.08)
"""Windows beside a program that competes for a core: some get more of it than others."""


@dataclass(frozen=True)
class Kind:
    """A kind of disturbance: how windows stray, and what is left of the speed, for a device and a seed."""

    noise: Noise
    disturb: Callable[[SimulatedDevice, int], Disturbance]


def loaded_core(device: SimulatedDevice, _seed: int) -> Disturbance:
    """Another process keeps one core busy: streams on it get half of it, and threads that share work wait for it."""

    def left(_at_s: float, configuration: Configuration) -> float:
        streams = device.effective(configuration).streams or 1
        return 1 - 0.5 / device.cores if streams == device.cores else 0.6

    return left


def bursts(_device: SimulatedDevice, seed: int) -> Disturbance:
    """Something takes a third of the machine for two seconds of every seven."""
    begins_s = random.Random(seed).uniform(0, 7)
    return lambda at_s, _: 0.67 if (at_s + begins_s) % 7 < 2 else 1.0


def halved(_device: SimulatedDevice, _seed: int) -> Disturbance:
    """The processor's clock is halved midway."""
    return lambda at_s, _: 1.0 if at_s < BUDGET_S / 2 else 0.5


def is_hint(configuration: Configuration) -> bool:
    """Whether this is the baseline as a search opens it; 0 requests stand for the device's choice."""
    return configuration.uses_hint and configuration.batch == 1 and configuration.requests in {0, 2}


def against_the_hint(share: float, from_s: float = 0.0) -> Callable[[SimulatedDevice, int], Disturbance]:
    """Something runs only during the baseline's windows, in a share of them, from a moment on."""

    def disturb(_device: SimulatedDevice, seed: int) -> Disturbance:
        draw = random.Random(seed)
        return lambda at_s, configuration: (
            0.8 if at_s >= from_s and is_hint(configuration) and draw.random() < share else 1.0
        )

    return disturb


SAME = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)
"""A device on which nothing is faster than the hint."""


def searched(device: SimulatedDevice, kind: Kind, seed: int) -> Findings:
    """Search a disturbed device."""
    lanes = SimulatedLanes(device, kind.noise, seed, disturbance=kind.disturb(device, seed))
    return simulate(lanes=lanes, seed=seed, budget_s=BUDGET_S)


KINDS = {
    "nothing": Kind(Noise(), lambda *_: undisturbed),
    "a core loaded": Kind(UNEVEN, loaded_core),
    "bursts": Kind(Noise(), bursts),
    "short bursts": Kind(Noise(burst_share=0.4, burst=0.7), lambda *_: undisturbed),
    "frequency halved midway": Kind(Noise(), halved),
}
