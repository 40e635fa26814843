"""What a search knows of its spaces: which configurations may still be faster by a gain worth finding."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.domain.configuration import Configuration


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of all configurations in the spaces of a search.

    Attributes:
        points: How many there are.
        measured: How many were measured, or compile to the same as a measured one.
        unmeasured: Those not measured that may gain, the most promising first.
        doubtful: Those whose trials were too short or too noisy to rule a gain out, the most promising first.
        promising: Those not measured, and the doubtful ones with fewer trials than are expected to be enough,
            the highest bound first.
        unlisted: Further ones not measured, in spaces so large that their points are not listed.
        trials_each: Trials of a configuration that are expected to rule a gain out, by the noise so far.
        gains: Whether several trials of a configuration show that it is faster, as far as trials can.
    """

    points: int
    measured: int
    unmeasured: tuple[Configuration, ...] = ()
    doubtful: tuple[Configuration, ...] = ()
    promising: tuple[Configuration, ...] = ()
    unlisted: int = 0
    trials_each: float = 1.0
    gains: bool = False

    @property
    def open(self) -> int:
        """How many configurations may still gain."""
        return len(self.unmeasured) + len(self.doubtful) + self.unlisted
