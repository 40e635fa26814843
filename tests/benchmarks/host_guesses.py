"""Chooses guesses in cores a stream from the landscapes of other kinds of models than the one that is searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import product

from tests.benchmarks.guesses_by_cores import HostGuess, host_guesses
from tests.benchmarks.modelled import best_fps, rate_of, space_of
from tests.benchmarks.strategies import share_of_optimum
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import KINDS
from tuner.domain.axes import BATCHES, REQUESTS_PER_STREAM
from tuner.domain.configuration import Configuration
from tuner.domain.space import Point, Space
from tuner.domain.trial import Trial
from tuner.tuning.proposals import GUESSES, Proposer
from tuner.tuning.strategy import Strategy

CHOICES = tuple(HostGuess(*guess) for guess in product((1, 2, 4, 8, 16, 32), BATCHES, REQUESTS_PER_STREAM))
RECORDED = "2 cores"
"""The machine of the recordings: their own rates are used there, not the model's."""

Landscape = tuple[str, str]
"""A machine and a model."""


def share(machine: str, model: str, configuration: Configuration) -> float:
    """Return a configuration's share of the optimum: of the recording where there is one, else of the machine model."""
    if machine == RECORDED:
        return share_of_optimum(model, configuration)
    return rate_of(machine, model, configuration) / best_fps(machine, model)


@cache
def shares(machine: str, model: str) -> tuple[float, ...]:
    """Return the share of the optimum of every choice."""
    space = space_of(machine, model)
    return tuple(share(machine, model, at(space, point)) for point in host_guesses(space, CHOICES))


def at(space: Space, point: Point) -> Configuration:
    nearest = space.nearest({"batch": 1, "requests_per_stream": 1, **point})
    assert nearest is not None
    return space.configuration(nearest)


@cache
def todays(machine: str, model: str) -> float:
    """Return the best share of the guesses that are the same on every host."""
    space = space_of(machine, model)
    return max(share(machine, model, at(space, guess)) for guess in GUESSES)


@cache
def choose(without: str | None, count: int, beside_todays: bool = False) -> tuple[HostGuess, ...]:
    """Choose guesses, each the one that helps most after those before it; each kind counts the same.

    Args:
        without: The kind that is searched, whose landscapes are not looked at; None to choose from all of them.
        count: How many.
        beside_todays: Whether the guesses that are the same on every host are tried, too.
    """
    known = list(landscapes(without))
    reached = {each: todays(*each) if beside_todays else 0.0 for each, _ in known}
    chosen = []
    for _ in range(count):
        gains = [
            sum(weight * max(reached[each], shares(*each)[choice]) for each, weight in known)
            for choice in range(len(CHOICES))
        ]
        choice = max(range(len(CHOICES)), key=gains.__getitem__)
        chosen.append(CHOICES[choice])
        reached = {each: max(best, shares(*each)[choice]) for each, best in reached.items()}
    return tuple(chosen)


def landscapes(without: str | None) -> Iterator[tuple[Landscape, float]]:
    """Yield every landscape of the other kinds with its weight."""
    for machine, (kind, models) in product(MACHINES, KINDS.items()):
        if kind != without:
            yield from (((machine, model), 1 / len(models)) for model in models)


class HostProposer(Proposer):
    """Begins with guesses in cores a stream, before or after those that are the same on every host."""

    def __init__(
        self,
        space: Space,
        own_batch: int,
        seed: int,
        known: Iterable[Trial] = (),
        *,
        guesses: Sequence[HostGuess],
        before: Sequence[Point] = (),
        after: Sequence[Point] = (),
    ) -> None:
        everything = (*before, *host_guesses(space, guesses), *after)
        super().__init__(space, own_batch, seed, known, guesses=everything)


def host_alone(kind: str) -> Strategy:
    return Strategy(proposer=partial(HostProposer, guesses=choose(kind, 5)))


def host_after(kind: str) -> Strategy:
    return Strategy(proposer=partial(HostProposer, guesses=choose(kind, 2, True), before=GUESSES))


def host_before(kind: str) -> Strategy:
    return Strategy(proposer=partial(HostProposer, guesses=choose(kind, 2, True), after=GUESSES))
