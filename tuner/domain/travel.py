"""Whether what is advised after a final on one host holds on another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.trial import Final
from tuner.domain.verdict import DECIDED_FOR_ANOTHER, Verdict, decide


@dataclass(frozen=True, slots=True)
class Travel:
    """On how many hosts a search measured.

    Attributes:
        hosts: Hosts on which trials ended.
        finals: Hosts whose own final says something.
        held: Hosts whose own final says the same of what is advised; 0 where the answer is open.
    """

    hosts: int
    finals: int
    held: int

    def __str__(self) -> str:
        """Return it in words: `3 measured; the final was held on 2, and its answer holds on 2 of them`."""
        held = f"and its answer holds on {self.held} of them" if self.held else "and its answer is open"
        final = f"the final was held on {self.finals}, {held}" if self.finals > 1 else "one held the final"
        return f"{self.hosts} measured; {final}"


def travel_of(
    verdict: Verdict, hosts: int, elsewhere: Sequence[Final], question: Question = THROUGHPUT
) -> Travel:
    """Return on how many hosts a verdict holds; its own final is not among those `elsewhere`."""
    said = verdict.kind != "inconclusive"
    held = sum(_says_the_same(verdict, final, question) for final in elsewhere) + 1 if said else 0
    return Travel(hosts, 1 + len(elsewhere), held)


def _says_the_same(verdict: Verdict, final: Final, question: Question) -> bool:
    """Return whether a final, of what is advised alone, leads to the same verdict."""
    if verdict.kind in DECIDED_FOR_ANOTHER:
        advised = verdict.best.configuration
        own = (finalist for finalist in final.finalists if finalist.configuration == advised)
        final = replace(final, finalists=tuple(own))
    return decide(final, None, question).kind == verdict.kind
