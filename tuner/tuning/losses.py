"""What hosts measured when they were lost: it is measured again, or has failed where that goes on."""

from __future__ import annotations

from collections import Counter, deque

from tuner.domain.configuration import Configuration

MOST_LOSSES = 2
"""Hosts that may be lost with a configuration, before it counts as failed."""


class Losses:
    """The configurations that wait to be measured again."""

    def __init__(self) -> None:
        """Nothing is lost yet."""
        self._waiting: deque[Configuration] = deque()
        self._times: Counter[Configuration] = Counter()

    def add(self, configuration: Configuration) -> str | None:
        """Have a configuration measured again whose host was lost; return why not, where that goes on."""
        self._times[configuration] += 1
        if self._times[configuration] >= MOST_LOSSES:
            return f"its host was lost {MOST_LOSSES} times"
        self.repeat(configuration)
        return None

    def repeat(self, configuration: Configuration | None) -> None:
        """Have a configuration measured again, if there is one."""
        if configuration:
            self._waiting.append(configuration)

    def next(self) -> Configuration | None:
        """Return what waits to be measured again, each once; None if nothing does."""
        return self._waiting.popleft() if self._waiting else None

    def started(self, configuration: Configuration) -> None:
        """Forget that a configuration waits, for it is measured now."""
        if configuration in self._waiting:
            self._waiting.remove(configuration)
