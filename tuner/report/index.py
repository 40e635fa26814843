"""The index of a fleet's report: for each question models by kinds of host, with links to their pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.report.page import templates


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of a model on a kind of host."""

    verdict: str  # `faster`, `keep_hint`, `meets_limits`, `inconclusive`; or how far the search is
    unmet: bool  # Whether nothing was found that keeps the limits
    gain: str  # The gain, where there is one to deploy; else the verdict in words
    words: str  # The verdict, and the interval of the gain where there is one; or empty
    configuration: str  # What to deploy, or empty
    sentence: str  # The whole answer, or why there is none
    page: str  # Link to the pair's own page, or empty


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model with a question: a cell for each kind of host."""

    name: str  # In the plan
    advice: str  # Link to the YAML with a profile for each kind, or empty
    cells: Sequence[Cell | None]  # None where the plan does not search it on that kind


@dataclass(frozen=True, slots=True)
class QuestionTable:
    """What came of a question."""

    name: str  # In the plan
    words: str  # What was asked, or empty while nothing is answered
    gains: str  # What the gains are in
    rows: Sequence[ModelRow]


@dataclass(frozen=True, slots=True)
class IndexView:
    """What an index shows."""

    title: str  # The plan's file
    summary: str  # How many pairs are answered, in words
    kinds: Sequence[tuple[str, str]]  # Name of each kind of host, and its processor where that is known
    tables: Sequence[QuestionTable]


def index_page(view: IndexView) -> str:
    """Return the page: one file, without scripts, that needs no network."""
    return templates().get_template("index.html.j2").render(view=view)
