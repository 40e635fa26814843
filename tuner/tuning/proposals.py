"""What to try next in a space: good guesses first, then Optuna's TPE, no configuration twice.

TPE has a study of its own in memory, over the space's axes. It learns the fate of everything it proposes,
also where no trial was worth its time; only real trials reach the saved study.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import TrialState

from tuner.domain.configuration import Configuration
from tuner.domain.space import Choice, Point, Space
from tuner.domain.trial import Trial
from tuner.domain.units import GREATEST_SEED
from tuner.tuning.growth import Step
from tuner.tuning.guesses import guesses_for

MISSES = 3
"""After so many closed proposals of TPE in a row, an open point is drawn at random. With 10, replayed
searches found the same (240 of 30 and 60 s), and a simulated one of five targets took 56 s, not 32 s."""

LOOKED_AT = 1000
"""Points among which it is looked for; if all of them are closed, the space counts as searched."""


class Goals(NamedTuple):
    """What the sampler is to make large.

    Attributes:
        figures: How many figures.
        of: Returns them of a trial; None where it has none.
    """

    figures: int
    of: Callable[[Trial], tuple[float, ...] | None]


SPEEDUP = Goals(1, lambda trial: (trial.ratio,) if trial.speedup else None)
BOTH = Goals(2, lambda trial: trial.gains)
"""Throughput, and how low the p99 latency is: the sampler looks for their front."""

Sampling = Callable[[int, int], optuna.samplers.BaseSampler]
"""Makes a sampler from a seed and the number of trials that are not its own."""


def tpe(seed: int, startup: int) -> optuna.samplers.BaseSampler:
    """Return the tree-structured Parzen estimator.

    It is that of Bergstra et al., NIPS 2011; of several goals, that of Ozaki et al., JAIR 2022.
    """
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)


Closed = Callable[[Configuration], bool]
"""Whether a configuration must not be tried (again)."""


class Proposer:
    """Proposes configurations of a space until all are closed."""

    def __init__(
        self,
        space: Space,
        own_batch: int,
        seed: int,
        known: Iterable[Trial] = (),
        guesses: Sequence[Point] | None = None,
        goals: Goals = SPEEDUP,
        sampling: Sampling = tpe,
    ) -> None:
        """Begin with guesses, the host's if None; the sampler learns the known trials at once."""
        self._goals, self._sampling = goals, sampling
        self._rng = random.Random(seed)
        guesses = guesses_for(space) if guesses is None else guesses
        self._seed, self._startup = seed, len(guesses)
        self._values: dict[Configuration, tuple[float, ...]] = {}
        self._excess: dict[Configuration, float] = {}
        self._take(space)
        start: Point = {"batch": own_batch, "requests_per_stream": 1}
        points = [space.nearest({**start, **guess}) for guess in guesses]
        self._guesses = deque(dict.fromkeys(space.configuration(point) for point in points if point))
        for trial in known:
            self.learn(trial)

    def _take(self, space: Space) -> None:
        """Begin a study over the axes of a space, with what is known."""
        self._space, self._axes = space, _Axes(space)
        seed = (self._seed + len(self._values)) % (GREATEST_SEED + 1)  # a continued search adds its trials
        self._study = _study(self._sampling(seed, self._startup), self._goals.figures)
        self._asked: dict[Configuration, optuna.Trial] = {}
        for configuration, values in self._values.items():
            self._teach(configuration, values)

    def lead_to(self, step: Step) -> None:
        """Propose a point next, in its space, which may have grown; what can wait follows the guesses."""
        if step.space is not self._space:
            self._take(step.space)
        elif self._guesses and step.can_wait:
            return
        self.suggest([step.point])

    def suggest(self, points: Sequence[Point]) -> None:
        """Put points before all other guesses."""
        self._guesses.extendleft(self._space.configuration(point) for point in reversed(points))

    def next(self, closed: Closed) -> Configuration | None:
        """Return a configuration for which `closed` is false, or None if none is left."""
        while self._guesses:
            if not closed(guess := self._guesses.popleft()):
                return guess
        for _ in range(MISSES):
            asked = self._study.ask(self._axes.distributions)
            configuration = self._space.configuration(self._axes.point(asked.params))
            if not closed(configuration):
                self._asked[configuration] = asked
                return configuration
            self._study.tell(asked, state=TrialState.PRUNED)
        return next((each for each in self._at_random() if not closed(each)), None)

    def _at_random(self) -> Iterator[Configuration]:
        """Yield configurations in a random order: all of them, or `LOOKED_AT` of a larger space."""
        points = len(self._space)
        for number in self._rng.sample(range(points), min(points, LOOKED_AT)):
            yield self._space.configuration(self._space.nth(number))

    def learn(self, trial: Trial) -> None:
        """Teach the sampler the result of a trial."""
        values = self._goals.of(trial)
        if values is not None:
            self._values[trial.configuration] = values
        if trial.excess is not None:
            self._excess[trial.configuration] = trial.excess
        asked = self._asked.pop(trial.configuration, None)
        if asked is not None:
            for name, excess in self._constraints(trial.configuration).items():
                asked.set_constraint(name, excess)
            unknown = TrialState.PRUNED if trial.state == "pruned" else TrialState.FAIL
            self._study.tell(asked, values, unknown if values is None else None)
        elif values is not None:
            self._teach(trial.configuration, values)

    def _constraints(self, configuration: Configuration) -> dict[str, float]:
        """Return by how much a configuration breaks the limits; empty where there are none."""
        excess = self._excess.get(configuration)
        return {} if excess is None else {"limits": excess}

    def _teach(self, configuration: Configuration, values: Sequence[float]) -> None:
        """Teach the sampler what is known of a configuration, if it is a point of the space."""
        point = self._space.point(configuration)
        if point and not self._space.is_late(point):
            params, distributions = self._axes.params(point), self._axes.distributions
            constraints = self._constraints(configuration)
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=distributions, values=values, constraints=constraints
                )
            )


def _study(sampler: optuna.samplers.BaseSampler, goals: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(directions=["maximize"] * goals, sampler=sampler)


class _Axes:
    """The space's axes in Optuna's terms.

    A count is given by its place on the axis: doublings of batch and requests are then equal steps, and
    TPE knows which are neighbours. Axes with words on them are categories without an order.
    """

    def __init__(self, space: Space) -> None:
        self._choices = space.axes
        self.distributions: dict[str, BaseDistribution] = {
            name: IntDistribution(0, len(axis) - 1) if _counts(axis) else CategoricalDistribution(axis)
            for name, axis in space.axes.items()
        }

    def point(self, params: Mapping[str, Choice]) -> Point:
        """Return the point that Optuna's parameters stand for."""
        return {
            name: axis[int(params[name])] if _counts(axis) else params[name]
            for name, axis in self._choices.items()
        }

    def params(self, point: Point) -> dict[str, Choice]:
        """Return Optuna's parameters for a point."""
        return {
            name: axis.index(point[name]) if _counts(axis) else point[name]
            for name, axis in self._choices.items()
        }


def _counts(axis: Sequence[Choice]) -> bool:
    return all(isinstance(choice, int) for choice in axis)
