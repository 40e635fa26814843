"""Several hosts in virtual time: each has lanes and a clock of its own, and all of them are asked by one search.

A trial that is started is run at once, with what was known at that moment, as a host of a cluster knows it; the search
is told of it when the virtual time of its end has come.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.result import Notice
from tuner.domain.trial import Final, Trial
from tuner.measure.lane import Lanes
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan
from tuner.tuning.hints import Hints
from tuner.tuning.hosts import ThisHost, Work


class VirtualLanes(Lanes, Protocol):
    """Lanes on which time is virtual."""

    def now(self) -> float:
        """Return the virtual time in seconds."""

    def spend(self, seconds: float) -> None:
        """Let virtual time pass."""


class VirtualHosts:
    """Hosts that measure at the same virtual time."""

    notices: Sequence[Notice] = ()
    elsewhere: Sequence[Final] = ()

    def disturbances(self) -> Sequence[Notice]:
        return ()

    def __init__(self, lanes: Sequence[VirtualLanes]) -> None:
        """Measure in these lanes, those of each host."""
        self._lanes, self._hosts = lanes, [ThisHost(each) for each in lanes]
        self._time_s = 0.0
        self._running: dict[int, tuple[float, Trial]] = {}
        self._joined = False

    def now(self) -> float:
        """Return the virtual time that the search knows of, in seconds."""
        return max(self._time_s, self._lanes[0].now()) if not self._joined else self._time_s

    @property
    def measured_on(self) -> int:
        return len(self._hosts)

    def open_hints(self, work: Work, history: History, budget: Budget) -> Hints:
        self._work, self._history, self._budget = work, history, budget
        self._budgets = [Budget(budget.seconds, None, each.now) for each in self._lanes]
        self._budgets[0].follow(budget.moment())
        return self._hosts[0].open_hints(work, history, self._budgets[0])

    def begin_trials(self) -> None:
        if not self._joined:
            self._time_s, self._joined = self._lanes[0].now(), True
            for number in range(1, len(self._hosts)):
                self._at_the_time_of(number)
                self._hosts[number].open_hints(self._work, self._history, self._budgets[number])
                self._hosts[number].begin_trials()
        self._hosts[0].begin_trials()

    @property
    def free(self) -> bool:
        return len(self._running) < len(self._hosts)

    @property
    def running(self) -> Collection[Configuration]:
        return [trial.configuration for _, trial in self._running.values()]

    def start(self, configuration: Configuration) -> None:
        number = next(each for each in range(len(self._hosts)) if each not in self._running)
        self._at_the_time_of(number)
        self._hosts[number].start(configuration)
        trial = self._hosts[number].ended()
        assert trial
        self._running[number] = self._lanes[number].now(), trial

    def lost(self) -> Configuration | None:
        return None

    def ended(self) -> Trial | None:
        number = min(self._running, key=lambda each: self._running[each][0])
        ends_s, trial = self._running.pop(number)
        self._time_s = max(self._time_s, ends_s)
        return trial

    def why_it_fails(self, configuration: Configuration) -> str | None:
        return self._hosts[0].why_it_fails(configuration)

    def end_trials(self) -> None:
        for host in self._hosts:
            host.end_trials()

    def hold_final(self, plan: Plan, on_round: Callable[[int], None]) -> Final:
        self._at_the_time_of(0)
        try:
            return self._hosts[0].hold_final(plan, on_round)
        finally:
            self._time_s = self._lanes[0].now()

    def available_mb(self) -> float:
        return self._hosts[0].available_mb()

    def close(self) -> None:
        for host in self._hosts:
            host.close()

    def _at_the_time_of(self, number: int) -> None:
        """Let a host wait until the moment of which the search knows, and know what is left of the budget."""
        lanes = self._lanes[number]
        lanes.spend(max(0.0, self._time_s - lanes.now()))
        self._budgets[number].follow(self._budget.moment())
