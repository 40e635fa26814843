"""A final that several hosts hold at the same time: one decides, another tells whether its claim travels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import ray
from ray.exceptions import RayError

from tuner.domain.trial import Final
from tuner.tuning.members import LOOK_S, Member

FINALS = 2
"""Hosts that hold a final, where there are so many."""

STOPPING_S = 10.0
"""Seconds that hosts get to end what they measure, once the user asked to stop."""


class ParallelFinals:
    """The finals of the hosts that were asked for one."""

    def __init__(self) -> None:
        """Nobody holds one yet."""
        self._holding: Sequence[Member] = ()
        self._ended: dict[Member, Final] = {}
        self._rounds = 0

    @property
    def ended(self) -> bool:
        """Whether one of them has ended, and all others that were not lost."""
        return bool(self._ended) and not self._going_on()

    @property
    def say_something(self) -> bool:
        """Whether one of them has ended that says something of a finalist."""
        return any(map(_says, self._ended.values()))

    @property
    def failed(self) -> bool:
        """Whether none is held: none was asked for yet, or all hosts were lost in theirs."""
        return not self._ended and not self._going_on()

    def begin(self, members: Sequence[Member], ask: Callable[[Member], None]) -> None:
        """Have the first members hold a final; `ask` asks one of them for it."""
        self._holding = members[:FINALS]
        for member in self._holding:
            ask(member)

    def take(self, member: Member, final: Final) -> None:
        """Take the final of a member."""
        self._ended[member] = final

    def tell_rounds(self, on_round: Callable[[int], None]) -> None:
        """Tell of the rounds of the first member whose final goes on, if there are more."""
        for member in self._going_on()[:1]:
            with suppress(RayError):
                rounds: int = ray.get(member.actor.rounds.remote(), timeout=LOOK_S)
                if rounds > self._rounds:
                    self._rounds = rounds
                    on_round(rounds)

    def stop(self) -> list[Member]:
        """End the finals that go on; return the members that answer with what they have found so far."""
        stopping = self._going_on()
        for member in stopping:
            member.actor.stop.remote()
        if not stopping:
            return []
        pending = [member.pending for member in stopping]
        answered, _ = ray.wait(pending, num_returns=len(pending), timeout=STOPPING_S)
        return [member for member in stopping if member.pending in answered]

    def decided(self) -> tuple[Final, Sequence[Final]] | None:
        """Return the final that decides, and what others say; None where no final has ended.

        The first member's decides, unless it says less.
        """
        finals = [self._ended[member] for member in self._holding if member in self._ended]
        if not finals:
            return None
        decides = max(finals, key=_says)
        return decides, [final for final in finals if final is not decides and _says(final)]

    def _going_on(self) -> list[Member]:
        return [member for member in self._holding if member.doing == "final"]


def _says(final: Final) -> bool:
    """Return whether a final went to its end and says something of a finalist."""
    return not final.trouble and any(finalist.speedup for finalist in final.finalists)
