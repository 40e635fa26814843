"""What to try next, until time, space or devices run out.

Most of the time the proposer says it; near the end, switches are tried around the best configuration, each
by itself. A configuration is passed over if it costs too much time or memory, is known to fail, or its device
is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.figures import mebibytes, seconds, share
from tuner.domain.history import History
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.tuning.budget import Budget
from tuner.tuning.growth import Growth, Step
from tuner.tuning.memory import MemoryGuard
from tuner.tuning.proposals import Closed
from tuner.tuning.refusals import GIVEN_UP_AFTER, Refusals, last_failures
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import takes_more_than_its_share, too_expensive

SOON = 4
"""Where latency is limited, so many times the items in flight of what keeps the limits are tried next."""


class Proposing(Protocol):
    """Proposes configurations of one target, or of several in turn."""

    def next(self, closed: Closed) -> Configuration | None:
        """Return a configuration for which `closed` is false, or None if none is left."""

    def learn(self, trial: Trial) -> None:
        """Learn from a trial that ended."""

    def lead_to(self, step: Step) -> None:
        """Propose a point next; its space may have grown."""


class Exploration:
    """The search before the final: proposals, then switches around the best.

    Attributes:
        gone: Why a target was given up on the way, by target.
        growth: Lets spaces grow while the gain goes on at their edge.
        memory: Knows which configurations do not fit into memory.
        vanished: Numbers of the trials of earlier runs that failed because their device had gone.
    """

    def __init__(
        self,
        proposer: Proposing,
        growth: Growth,
        hints: Mapping[Target, Configuration],
        history: History,
        budget: Budget,
        strategy: Strategy,
        memory: MemoryGuard,
        question: Question = THROUGHPUT,
        running: Callable[[], Collection[Configuration]] = tuple,
    ) -> None:
        """Explore the spaces of `growth`; the proposer must have learnt the history's trials already.

        What is `running` is being measured, and not proposed meanwhile.
        """
        self.gone: dict[Target, str] = {}
        self._proposer, self._hints, self._question, self._running = proposer, hints, question, running
        self._history, self._budget, self._strategy, self.memory = history, budget, strategy, memory
        self.growth, self._points = growth, growth.points
        self.vanished = self._before_it_vanished(history.trials)
        self._refusals = Refusals(
            self._points, [trial for trial in history.trials if trial.number not in self.vanished]
        )

    def next(self, left_s: float) -> Configuration | None:
        """Return what to try in the seconds that are left before the final, or None if there is nothing."""
        self.memory.look()
        closed = partial(self._closed, left_s=left_s)
        led = False
        for step in self.growth.steps(self._why_not):
            self._proposer.lead_to(step)
            led = led or not closed(step.space.configuration(step.point))
        switched = next((each for each in self._around_the_best() if not closed(each)), None)
        if switched and not led and left_s <= self._strategy.switch_share * self._budget.seconds:
            return switched
        return self._proposer.next(closed) or switched

    def learn(self, trial: Trial, why_it_fails: Callable[[Configuration], str | None]) -> None:
        """Learn from a trial; if its target keeps failing, find out whether it still runs its hint."""
        self._proposer.learn(trial)
        self._refusals.learn(trial)
        found = self._points.at(trial.configuration)
        failures = len(last_failures(self._history.trials, found[0], self._points)) if found else 0
        if found is None or failures == 0 or failures % GIVEN_UP_AFTER:
            return
        target = target_of(found[0].target)
        if why := why_it_fails(self._hints[target]):
            self.gone[target] = why

    def refused(self) -> list[str]:
        """Return a sentence for each choice that is known to fail."""
        return self._refusals.sentences()

    def switches(self) -> dict[str, bool]:
        """Return the switches around the best configuration, in words, and whether any trial had them on."""
        tried = dict.fromkeys(self._late_choices(trial.configuration for trial in self._history.trials), True)
        left = dict.fromkeys(self._late_choices(self._around_the_best()), False)
        return {**left, **tried}

    def impossible(self, configuration: Configuration) -> bool:
        """Return whether a configuration is no candidate.

        It is known to fail, it is too large, its device is gone, or less of it broke a limit.
        """
        return (
            self._is_gone(configuration)
            or self._is_out_of_reach(configuration)
            or self._refusals.refuses(configuration)
            or self.memory.refuses(configuration)
        )

    def affords(self, configuration: Configuration, left_s: float) -> bool:
        """Return whether a configuration is worth its time, with so many seconds before the final."""
        return (
            not self.is_running(configuration)
            and not self._is_too_soon(configuration)
            and not too_expensive(configuration, self._history, self._budget, self._strategy, left_s)
        )

    def is_running(self, configuration: Configuration) -> bool:
        """Return whether a configuration is being measured now."""
        return configuration in self._running()

    def _closed(self, configuration: Configuration, left_s: float) -> bool:
        return (
            self._is_known(configuration)
            or not self.affords(configuration, left_s)
            or self.impossible(configuration)
        )

    def _why_not(self, configuration: Configuration) -> str | None:
        """Return in words why a space does not grow by a configuration, or None if it may."""
        if self._is_out_of_reach(configuration):
            return "would break a limit: less of it does"
        if self._is_too_soon(configuration):
            return "is far beyond what keeps the limits"
        if self.memory.refuses(configuration):
            return f"would take about {mebibytes(self.memory.predicted_mb(configuration))} of memory"
        if takes_more_than_its_share(configuration, self._history, self._budget, self._strategy):
            window_s, part = self._history.window_s(configuration), self._strategy.window_share
            return f"would take about {seconds(window_s)} a window, more than {share(part)} of the budget"
        return None

    def _is_known(self, configuration: Configuration) -> bool:
        known = self._history.knows(configuration)
        return known is not None and known.number not in self.vanished

    def _before_it_vanished(self, trials: Sequence[Trial]) -> set[int]:
        """Return the numbers of trials that failed because their device had gone: they are tried again.

        An earlier run that gave a target up left it with a row of failures at its end.
        """
        rows = (last_failures(trials, space, self._points) for space in self._points.spaces)
        return {trial.number for row in rows if len(row) >= GIVEN_UP_AFTER for trial in row}

    def _is_gone(self, configuration: Configuration) -> bool:
        devices = target_of(configuration.device).devices
        return any(
            target.covers(configuration.device) or (not target.kind and target.devices[0] in devices)
            for target in self.gone
        )

    def _is_out_of_reach(self, configuration: Configuration) -> bool:
        """Return whether the same with no more items in flight is far over a limit that grows with them."""
        return any(
            broken.device == configuration.device
            and broken.properties == configuration.properties
            and broken.batch <= configuration.batch
            and broken.requests <= configuration.requests
            and broken.copies <= configuration.copies
            and bool(broken.slices) == bool(configuration.slices)
            for broken in self._history.over_a_limit
        )

    def _is_too_soon(self, configuration: Configuration) -> bool:
        """Return whether far more items would be in flight than in anything that keeps the limits."""
        return (
            self._question.limits_latency
            and not self._question.arrives  # then requests need not be in flight
            and configuration.items_in_flight > SOON * self._history.most_in_flight()
        )

    def _around_the_best(self) -> list[Configuration]:
        best = self._history.best() or self._history.trials[0]
        return self._points.variants(best.configuration)

    def _late_choices(self, configurations: Iterable[Configuration]) -> Iterator[str]:
        """Yield the switches of configurations that are not at their default, in words."""
        for configuration in configurations:
            if found := self._points.at(configuration):
                space, point = found
                for axis, choices in space.late.items():
                    if (choice := point.get(axis, choices[0])) != choices[0]:
                        yield f"{axis} {choice}".replace("_", " ").lower()
