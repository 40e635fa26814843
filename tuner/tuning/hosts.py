"""Where a search measures: on this host one trial after the other, or on several hosts at the same time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.question import Question
from tuner.domain.result import Notice
from tuner.domain.space import Bounds
from tuner.domain.support import HOSTS_GONE
from tuner.domain.target import Target
from tuner.domain.trial import Final, Trial
from tuner.errors import LaneError
from tuner.measure.lane import Lanes
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.tuning.hint import Hint
from tuner.tuning.hints import Hints, open_hints
from tuner.tuning.memory import require_room
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import TrialRunner


@dataclass(frozen=True, slots=True)
class Work:
    """What a host has to know of a search; it can be sent to another one.

    Attributes:
        targets: Single devices first, then combinations of them.
        own_batch: The model's own batch.
        bounds: What the user allows; an earlier run may have tried more.
        question: What the user wants to know.
        strategy: How to spend the budget.
        seed: Seed of the order of windows.
    """

    targets: Sequence[Target]
    own_batch: int
    bounds: Bounds
    question: Question
    strategy: Strategy
    seed: int


OF_HOSTS = ("host-lost", "host-refused", "host-failed", HOSTS_GONE)
"""Codes of the notices of what happened to hosts."""


class HostsGone(LaneError):
    """No host can be asked any more: all are lost, or their cluster is.

    Its text is a clause; whoever catches it makes a sentence of it.
    """


class Hosts(Protocol):
    """Runs the trials and the final of a search.

    All that measures may raise `HostsGone`.
    """

    @property
    def measured_on(self) -> int:
        """On how many hosts trials have ended."""

    @property
    def elsewhere(self) -> Sequence[Final]:
        """What other hosts than the one that decides said in the last final."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What happened to hosts, and what makes figures of each worth less; an observer has heard it."""

    def disturbances(self) -> Sequence[Notice]:
        """Return what has disturbed hosts while they measured; no observer has heard it."""

    def open_hints(self, work: Work, history: History, budget: Budget) -> Hints:
        """Open and measure the hints, and keep the baseline's lane open for the trials.

        Raises:
            DeviceError: No hint runs, or not the hint that earlier trials were compared with.
            UsageError: The copies that are asked for would not fit into memory, or the budget was over.
            Interrupted: The user asked to stop.
        """

    def begin_trials(self) -> None:
        """Make sure that the baseline's lane is open; trials follow.

        Raises:
            LaneError: It does not open any more.
        """

    @property
    def free(self) -> bool:
        """Whether another trial may start now."""

    @property
    def running(self) -> Collection[Configuration]:
        """What is being measured."""

    def start(self, configuration: Configuration) -> None:
        """Start a trial; there has to be a `free` host."""

    def ended(self) -> Trial | None:
        """Wait until a trial that was started has ended, and return it.

        It is None once another host is free, or what was measured is lost.

        Raises:
            LaneError: The baseline's lane died, and does not open again, or the time is over.
            Interrupted: The user asked to stop.
        """

    def lost(self) -> Configuration | None:
        """Return what was lost with a host that measured it, each once; None where nothing was."""

    def why_it_fails(self, configuration: Configuration) -> str | None:
        """Return why a configuration no longer runs, or None if it does."""

    def end_trials(self) -> None:
        """Close the baseline's lane; a final follows, or nothing."""

    def hold_final(self, plan: Plan, on_round: Callable[[int], None]) -> Final:
        """Hold the final; `on_round` is called with the number of rounds after each of them.

        Raises:
            LaneError: The hint's lane kept dying, and no sitting ended before.
        """

    def available_mb(self) -> float:
        """Return the memory that a further lane may take, in MiB."""

    def close(self) -> None:
        """Close every lane; safe to call twice."""


class ThisHost:
    """Measures on this host: a trial runs when its end is waited for."""

    measured_on = 1
    elsewhere: Sequence[Final] = ()

    def __init__(
        self,
        lanes: Lanes,
        available_mb: Callable[[], float] = lambda: math.inf,
        disturbances: Callable[[], Sequence[Notice]] = tuple,
        notices: Sequence[Notice] = (),
    ) -> None:
        """Measure in these lanes; the others are what `Hosts` has under these names."""
        self._lanes, self.available_mb, self.disturbances = lanes, available_mb, disturbances
        self.notices = notices
        self._baseline: Hint | None = None
        self._started: Configuration | None = None

    def open_hints(self, work: Work, history: History, budget: Budget) -> Hints:
        """See `Hosts`."""
        self._work, self._history, self._budget = work, history, budget
        self._rng = random.Random(work.seed + len(history.trials))
        require_room(self._lanes, work.targets, work.own_batch, work.question, self.available_mb)
        self._baseline, hints = open_hints(
            self._lanes,
            work.targets,
            work.own_batch,
            history,
            self._rng,
            budget,
            work.question,
            work.strategy.window_s,
        )
        return hints

    def begin_trials(self) -> None:
        """See `Hosts`."""
        assert self._baseline
        self._runner = TrialRunner(
            self._lanes,
            self._baseline,
            self._history,
            self._budget,
            self._work.strategy,
            self._rng,
            self._work.question,
        )
        self._baseline.reopen_if_dead()

    @property
    def free(self) -> bool:
        """See `Hosts`."""
        return self._started is None

    @property
    def running(self) -> Collection[Configuration]:
        """See `Hosts`."""
        return () if self._started is None else (self._started,)

    def start(self, configuration: Configuration) -> None:
        """See `Hosts`."""
        self._started = configuration

    def ended(self) -> Trial:
        """See `Hosts`."""
        assert self._started
        configuration, self._started = self._started, None
        return self._runner.run(configuration)

    def lost(self) -> Configuration | None:
        """See `Hosts`: nothing is lost here."""
        return None

    def why_it_fails(self, configuration: Configuration) -> str | None:
        """See `Hosts`."""
        return self._runner.why_it_fails(configuration)

    def end_trials(self) -> None:
        """See `Hosts`."""
        if self._baseline:
            self._baseline.close()

    def hold_final(self, plan: Plan, on_round: Callable[[int], None]) -> Final:
        """See `Hosts`."""
        return run_final(
            self._lanes,
            self._history.trials[0].configuration,
            plan,
            self._budget,
            self._work.strategy,
            self._rng,
            on_round,
            self._work.question,
        )

    def close(self) -> None:
        """See `Hosts`."""
        self.end_trials()
