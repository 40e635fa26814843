"""How long a lane may take for what it is asked to do, before it counts as hung and is killed.

A lane gets many times what earlier lanes of its device took, and what is left of the budget at most: so the
budget holds, whatever a lane does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from tuner.domain.configuration import Configuration
from tuner.domain.history import CYCLES_A_WINDOW
from tuner.domain.sample import Window
from tuner.measure.lane import BudgetOver, LaneTimeout

COMPILE_S = 120.0
"""Seconds that the first lane may compile where the budget is shorter and its device is not known: a GPU
takes 2 to 30, or more for large models."""

BEYOND_S = 60.0
"""Seconds that this may last beyond the budget."""

UNKNOWN_S = (30.0, 300.0)
"""Least and greatest seconds where nothing is known of a device; in between, a quarter of the budget."""

PATIENCE = (0.5, 10.0)
"""What the hint gets beside the limit of others: a share of what is left of the budget, and seconds at least.
Without the hint there is no search, and other programs may block the CPU for a while."""

HINT_WINDOWS = 7
"""Windows of a device in which its hint is measured, before any other configuration."""

TIMES = 10.0
"""A lane may take so many times what is expected of it."""

SLACK_S = (2.0, 5.0)
"""Least and greatest seconds that a lane gets beyond this; in between, a sixth of the budget."""

GRACE_S = 1.0
"""Seconds beyond the budget in which a lane may end what it began."""

LEAST_S = 1.5
"""Seconds that a lane gets for whatever is begun when the budget is over."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a lane may take.

    Attributes:
        seconds: Seconds that it may take.
        by_budget: Whether a larger budget would give it more.
        ends_budget: Whether the budget is over by then.
    """

    seconds: float
    by_budget: bool
    ends_budget: bool = False

    def exceeded(self, what: str) -> LaneTimeout:
        """Return the error of a lane that took longer; `what` says what did not come, like `no answer`."""
        if self.ends_budget:
            return BudgetOver(f"{what} before the budget was over; give a larger budget", self.seconds)
        advice = "; give a larger budget" if self.by_budget else ""
        return LaneTimeout(f"{what} within {self.seconds:.3g} s{advice}", self.seconds)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of each device; all lanes of a command add to it.

    Attributes:
        compile_s: The longest that a lane compiled.
        fastest: The highest rate of a window, and its number of requests.
        windows: How many windows were run.
    """

    compile_s: dict[str, float] = field(default_factory=dict)
    fastest: dict[str, tuple[float, int]] = field(default_factory=dict)
    windows: dict[str, float] = field(default_factory=dict)


class Limits:
    """The time limits of lanes, which learn what the lanes of a device take."""

    def __init__(
        self,
        budget_s: float = 120.0,
        left_s: Callable[[], float] = lambda: math.inf,
        share: float = 1.0,
        known: Known | None = None,
    ) -> None:
        """Begin to learn.

        Args:
            budget_s: Seconds of the whole command.
            left_s: Returns how many of them are left.
            share: How much of what is left a lane may take. Below 1, the first lane has no longer limit for
                compiling than others.
            known: What other lanes of the command have taught; nothing unless given.
        """
        self._left_s, self._share = left_s, share
        self._first_compile_s = max(COMPILE_S, budget_s)
        self._unknown_s = _between(budget_s / 4, UNKNOWN_S)
        self._slack_s = _between(budget_s / 6, SLACK_S)
        self._known = known or Known()
        self._is_first = share == 1.0

    def compiling(self, configuration: Configuration) -> Limit:
        """Return the limit for compiling.

        The first lane may go beyond a short budget, unless its device has compiled before.
        """
        known_s = self._known.compile_s.get(configuration.device)
        if known_s is not None:
            least_s = self._patience_s() if self._is_first else 0.0
            return self._limit(max(self._generous(configuration.copies * known_s), least_s))
        if self._is_first:
            return Limit(min(self._first_compile_s, self._left_s() + BEYOND_S), True)
        return self._limit(self._first_compile_s)

    def window(self, configuration: Configuration, seconds: float) -> Limit:
        """Return the limit for a window, judging by the highest rate on its device so far.

        With fewer requests than that rate had, a request may take as long as it did there. The windows in
        which a device's hint is measured may take longer.
        """
        fps, requests = self._known.fastest.get(configuration.device, (0.0, 0))
        least_s = (
            self._patience_s() if self._known.windows.get(configuration.device, 0) < HINT_WINDOWS else 0.0
        )
        if not fps:
            return self._limit(least_s)
        in_turns = configuration.copies  # one after the other at worst
        cycle_s = in_turns * configuration.batch * max(configuration.requests, requests) / fps
        return self._limit(max(self._generous(seconds + CYCLES_A_WINDOW * cycle_s), least_s))

    def answers(self) -> Limit:
        """Return the limit for the outputs of the whole pool of samples."""
        return self._limit(self._unknown_s)

    def learn_compiling(self, configuration: Configuration, seconds: float) -> None:
        """Learn how long a configuration compiled."""
        device, self._is_first = configuration.device, False
        self._known.compile_s[device] = max(seconds, self._known.compile_s.get(device, 0.0))

    def learn_window(self, configuration: Configuration, window: Window) -> None:
        """Learn from a window."""
        device, fastest = configuration.device, self._known.fastest
        copies = configuration.copies  # each of them tells of the same window
        self._known.windows[device] = self._known.windows.get(device, 0) + 1 / copies
        fastest[device] = max(fastest.get(device, (0.0, 0)), (window.rate_fps, configuration.requests))

    def _patience_s(self) -> float:
        share, least_s = PATIENCE
        return min(self._unknown_s, max(share * self._left_s(), least_s))

    def _generous(self, expected_s: float) -> float:
        return TIMES * expected_s + self._slack_s

    def _limit(self, seconds: float) -> Limit:
        left_s = max(self._share * self._left_s() + GRACE_S, LEAST_S)
        by_budget = left_s < seconds
        return Limit(min(seconds, left_s), by_budget, by_budget and self._share == 1.0)


def _between(seconds: float, ends: tuple[float, float]) -> float:
    least, most = ends
    return min(max(seconds, least), most)
