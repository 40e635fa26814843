"""What lanes suffer. Lanes 1 and 2 check batches, lane 3 runs the hint, the others try configurations."""

import signal
from random import Random

from tests.faults.inject import Fault, forget_lanes, strikes
from tests.faults.world import World

HINT, TRIED = 3, 4
"""The lanes that run the hint, and first try a configuration."""

EXPLICIT = ("--streams", "1,2")
"""With these choices every lane but the hint's is compiled with its own number of streams."""


def suffer(
    world: World, fault: Fault, *options: object, may_claim: bool = True, exits=frozenset({0})
) -> None:
    """Search while lanes suffer; then search on without.

    On a busy machine the time may be over before a lane suffers; then there is three times as much.
    """
    for _ in range(2):
        attempt = world.start(*options, fault=fault)
        world.end(attempt, exits, may_claim=may_claim)
        if strikes(world.log):
            break
        forget_lanes(world.log)
        world.budget_s *= 3
    world.recovered(attempt)
    if attempt.process.returncode != -signal.SIGKILL:
        world.left_files()
    world.go_on(*options)


def segfault(world: World, rng: Random) -> None:
    suffer(world, Fault("segfault", first=TRIED, last=TRIED))


def abort(world: World, rng: Random) -> None:
    suffer(world, Fault("abort", "inference", TRIED, TRIED, after=rng.randrange(60)))


def killed(world: World, rng: Random) -> None:
    suffer(world, Fault("kill", "inference", TRIED, TRIED, after=rng.randrange(60)))


def hang_compiling(world: World, rng: Random) -> None:
    suffer(world, Fault("hang", first=TRIED, last=TRIED))


def hang_inferring(world: World, rng: Random) -> None:
    suffer(world, Fault("hang", "inference", TRIED, TRIED, after=rng.randrange(60)))


def hang_late(world: World, rng: Random) -> None:
    suffer(world, Fault("hang", "inference", TRIED + 1, after=rng.randrange(60)))


def slow(world: World, rng: Random) -> None:
    suffer(world, Fault("slow", first=TRIED, last=TRIED))


def half_message(world: World, rng: Random) -> None:
    suffer(world, Fault("kill", "message", TRIED, TRIED, after=rng.randrange(2)))


def chatter(world: World, rng: Random) -> None:
    suffer(world, Fault("chatter"))


def nan(world: World, rng: Random) -> None:
    suffer(world, Fault("nan", "outputs", only="NUM_STREAMS"), *EXPLICIT, may_claim=False)


def changing(world: World, rng: Random) -> None:
    suffer(world, Fault("changing", "outputs", only="NUM_STREAMS"), *EXPLICIT, may_claim=False)


def hint_dies(world: World, rng: Random) -> None:
    """While a configuration is compared with it, or in the first final."""
    suffer(world, Fault("abort", "inference", HINT, HINT, after=rng.randrange(5_000, 12_000)))


def hint_dies_first(world: World, rng: Random) -> None:
    """While nothing but it is measured, so that there is nothing to search with."""
    suffer(world, Fault("abort", "inference", HINT, HINT, after=rng.randrange(50)), exits=frozenset({0, 3}))


def all_die_late(world: World, rng: Random) -> None:
    suffer(world, Fault("segfault", first=TRIED + rng.randrange(2)))


def none_compiles(world: World, rng: Random) -> None:
    suffer(world, Fault("segfault"), exits=frozenset({3}))
