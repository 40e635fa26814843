"""Disturbances of a simulated host: another program, in various ways, and a processor that changes its clock."""

import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from tests.lanes.simulated import (
    SENTINEL,
    SENTINEL_S,
    Disturbance,
    Noise,
    SimulatedDevice,
    SimulatedLanes,
    undisturbed,
)
from tests.simulation import simulate
from tuner.domain.configuration import Configuration
from tuner.tuning.tune import Findings

BUDGET_S = 60.0
UNEVEN = Noise(jitter=0.08, sentinel=0.3)
"""Windows beside a program that competes for a core: some get more of it than others, sentinels even more so."""


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


def two_speeds(slow: float = 0.65, every_s: float = 2.0) -> Callable[[SimulatedDevice, int], Disturbance]:
    """The host goes on at one of two speeds for some seconds, then at the other, whatever is measured meanwhile.

    A window gets the mean of the 0.1 s that begin with it, a sentinel the speed of its moment.
    """

    def disturb(_device: SimulatedDevice, seed: int) -> Disturbance:
        draw, ends = random.Random(seed), [0.0]

        def slow_s(at_s: float) -> float:
            """Return for how long the host has been slow by then."""
            while ends[-1] <= at_s:
                ends.append(ends[-1] + draw.expovariate(1 / every_s))
            past = bisect_right(ends, at_s)
            whole = sum(ends[place] - ends[place - 1] for place in range(2, past, 2))
            return whole + (at_s - ends[past - 1] if past % 2 == 0 else 0.0)

        def left(at_s: float, configuration: Configuration) -> float:
            span_s = SENTINEL_S if configuration is SENTINEL else 0.1
            return 1 - (1 - slow) * (slow_s(at_s + span_s) - slow_s(at_s)) / span_s

        return left

    return disturb


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


def searched(device: SimulatedDevice, kind: Kind, seed: int, watched: bool = True) -> Findings:
    """Search a disturbed device, by default with a sentinel."""
    disturbance = kind.disturb(device, seed)
    lanes = SimulatedLanes(device, kind.noise, seed, disturbance=disturbance, watched=watched)
    return simulate(lanes=lanes, seed=seed, budget_s=BUDGET_S)


KINDS = {
    "nothing": Kind(Noise(), lambda *_: undisturbed),
    "a core loaded": Kind(UNEVEN, loaded_core),
    "bursts": Kind(Noise(), bursts),
    "short bursts": Kind(Noise(burst_share=0.4, burst=0.7), lambda *_: undisturbed),
    "frequency halved midway": Kind(Noise(), halved),
}
