"""Chooses guesses in cores a stream from the landscapes of other kinds of models than the one that is searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, partial
from itertools import product

from tests.benchmarks.modelled import best_fps, rate_of, space_of
from tests.lanes.servers import SERVERS
from tests.lanes.workloads import KINDS
from tuner.domain.axes import BATCHES, REQUESTS_PER_STREAM
from tuner.domain.configuration import Configuration
from tuner.domain.space import Point, Space
from tuner.domain.trial import Trial
from tuner.tuning.guesses import GUESSES, SERVER_GUESSES, HostGuess, host_guesses
from tuner.tuning.proposals import Proposer
from tuner.tuning.strategy import Strategy

CHOICES = tuple(HostGuess(*guess) for guess in product((1, 2, 4, 8, 16, 32), BATCHES, REQUESTS_PER_STREAM))


@cache
def shares(machine: str, model: str) -> tuple[float, ...]:
    """Return the share of the optimum of every choice."""
    space, best = space_of(machine, model), best_fps(machine, model)
    points = host_guesses(space, CHOICES)
    return tuple(rate_of(machine, model, at(space, point)) / best for point in points)


def at(space: Space, point: Point) -> Configuration:
    nearest = space.nearest({"batch": 1, "requests_per_stream": 1, **point})
    assert nearest is not None
    return space.configuration(nearest)


@cache
def choose(without: str | None, count: int) -> tuple[HostGuess, ...]:
    """Choose guesses, each the one that helps most after those before it; each kind counts the same.

    Args:
        without: The kind that is searched, whose landscapes are not looked at; None to choose from all of them.
        count: How many.
    """
    known = list(landscapes(without))
    reached = {(machine, model): 0.0 for machine, model, _ in known}
    chosen = []
    for _ in range(count):
        gains = [
            sum(
                weight * max(reached[machine, model], shares(machine, model)[choice])
                for machine, model, weight in known
            )
            for choice in range(len(CHOICES))
        ]
        choice = max(range(len(CHOICES)), key=gains.__getitem__)
        chosen.append(CHOICES[choice])
        reached = {each: max(best, shares(*each)[choice]) for each, best in reached.items()}
    return tuple(chosen)


def landscapes(without: str | None) -> Iterator[tuple[str, str, float]]:
    """Yield machine and model of every landscape of the other kinds, with its weight."""
    for machine, (kind, models) in product(SERVERS, KINDS.items()):
        if kind != without:
            yield from ((machine, model, 1 / len(models)) for model in models)


class HostProposer(Proposer):
    """Begins with guesses in cores a stream, chosen from other kinds than the one that is searched."""

    def __init__(
        self, space: Space, own_batch: int, seed: int, known: Iterable[Trial] = (), *, kind: str
    ) -> None:
        chosen = choose(kind, len(SERVER_GUESSES))
        super().__init__(space, own_batch, seed, known, guesses=host_guesses(space, chosen))


def of_other_kinds(kind: str) -> Strategy:
    return Strategy(proposer=partial(HostProposer, kind=kind))


def recorded(_: str) -> Strategy:
    """Begin with the guesses of the recordings' 2 cores on every host."""
    return Strategy(proposer=partial(Proposer, guesses=GUESSES))
