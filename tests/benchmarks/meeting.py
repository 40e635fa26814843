"""Which of several configurations is the fastest, and how near the others come to it: all of them in each round.

The fastest is chosen by the even sittings, and the odd ones judge: the highest of noisy figures is partly luck, which
would make all others look worse.
"""

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median

from tuner.domain.configuration import Configuration
from tuner.domain.sample import Round
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.errors import LaneError
from tuner.measure.comparison import Comparison
from tuner.measure.lane import Lane, Lanes

SITTINGS, LEAST_SITTINGS = 12, 10
ROUNDS = 2
LONGEST_S = 60.0
"""Seconds after which no further sitting begins."""


@dataclass(frozen=True)
class Meeting:
    """What came of it.

    Attributes:
        optimum: The fastest configuration.
        of_optimum: The speed of each configuration over the optimum's; without rounds for the same program.
    """

    optimum: Configuration
    of_optimum: dict[Configuration, Speedup]


def meet(lanes: Lanes, configurations: Sequence[Configuration]) -> Meeting:
    """Let configurations meet, each program once, in fresh processes for each sitting."""
    programs = _programs(lanes, configurations)
    distinct = list(programs)
    sittings: list[list[Round]] = []
    rng, began_s = random.Random(0), time.monotonic()
    while len(sittings) < SITTINGS:
        if len(sittings) >= LEAST_SITTINGS and time.monotonic() > began_s + LONGEST_S:
            break
        sittings.append(_sitting(lanes, distinct, rng))
    chosen = [played for sitting in sittings[::2] for played in sitting]
    fastest = max(range(len(distinct)), key=lambda lane: median(played.log_ratio(lane) for played in chosen))
    of_optimum: dict[Configuration, Speedup] = {}
    for lane, program in enumerate(distinct):
        judged = [[played.log_ratio(lane, to=fastest) for played in sitting] for sitting in sittings[1::2]]
        itself = Speedup(1.0, 1.0, 1.0, confidence=0.95, rounds=0)
        speedup = itself if lane == fastest else speedup_over_sittings(judged)
        of_optimum |= dict.fromkeys(programs[program], speedup)
    return Meeting(distinct[fastest], of_optimum)


def _programs(
    lanes: Lanes, configurations: Sequence[Configuration]
) -> dict[Configuration, list[Configuration]]:
    """Return the first configuration of each program, with all that compile to it."""
    firsts: dict[object, Configuration] = {}
    programs: dict[Configuration, list[Configuration]] = {}
    for configuration in dict.fromkeys(configurations):
        with closing(lanes.open(configuration)) as lane:
            first = firsts.setdefault(lane.facts.effective, configuration)
        programs.setdefault(first, []).append(configuration)
    return programs


def _sitting(lanes: Lanes, programs: Sequence[Configuration], rng: random.Random) -> list[Round]:
    """Play a sitting's rounds."""
    opened: list[Lane] = []
    with ExitStack() as stack:
        for lane in lanes.open_all(programs):
            if isinstance(lane, LaneError):
                raise lane
            opened.append(stack.enter_context(closing(lane)))
        comparison = Comparison(opened, rng, time.monotonic, sentinel=lanes.sentinel)
        comparison.warm_up()
        while len(comparison.rounds) < ROUNDS:
            comparison.play()
        return comparison.rounds
