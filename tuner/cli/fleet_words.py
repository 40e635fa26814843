"""What `tuner fleet` says: a table with a row for each pair, as plain lines that fit the width."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tuner.advice.parsing import CONFIG_NAME
from tuner.advice.writer import make_advice
from tuner.cli.words import seconds_left
from tuner.commands.fleet.problems import as_fields
from tuner.commands.fleet.results import FleetResult, answer_in_short, summary
from tuner.commands.fleet.states import PairState
from tuner.domain.figures import seconds
from tuner.domain.result import Notice
from tuner.domain.support import HOSTS_GONE
from tuner.domain.visible import as_line

NAME_WIDTH, ANSWER_WIDTH = 32, 13
GAP = "  "
STYLES = {"failed": "red", "stopped": "yellow", "searching": "bold", "waiting": "dim", "elsewhere": "dim"}
"""Of a row, by how far its pair is."""


def rows(states: Collection[PairState], width: int | None = None) -> list[tuple[str, str]]:
    """Return a line for each pair, and its style; cut at `width`, if given.

    Names are left out of which the plan has only one, except the model's.
    """
    names = [_names(state, states) for state in states]
    widths = [min(max(map(len, column)), NAME_WIDTH) for column in zip(*names, strict=True)]
    found = []
    for state, words in zip(states, names, strict=True):
        cells = [_shortened(word, room).ljust(room) for word, room in zip(words, widths, strict=True)]
        line = GAP.join([*cells, answer(state).ljust(ANSWER_WIDTH), detail(state)]).rstrip()
        found.append((_cut(line, width) if width else line, STYLES.get(state.stage, _style(state))))
    return found


def _names(state: PairState, states: Collection[PairState]) -> list[str]:
    further = [
        as_line(getattr(state.pair, name))
        for name in ("question", "kind")
        if len({getattr(each.pair, name) for each in states}) > 1
    ]
    return [as_line(state.pair.model), *further]


def _style(state: PairState) -> str:
    verdict = state.result.verdict.kind if state.result else ""
    if state.result and state.result.unmet:
        return "red"
    return {"faster": "green", "meets_limits": "green"}.get(verdict, "")


def answer(state: PairState) -> str:
    """Return the gain that is advised, or what else came of a pair, or how far it is."""
    return answer_in_short(state.result) if state.stage == "answered" and state.result else state.stage


def detail(state: PairState) -> str:
    """Return what to deploy, or what the search does now, or how long it may take."""
    if state.stage == "waiting":
        return f"up to {span(state.pair.seconds)}"
    if state.stage == "searching":
        left_s = seconds_left(state.left_s) if state.is_timed else ""
        best = f"best {state.best}" if state.best else ""
        return as_line(", ".join(part for part in (left_s, best, state.doing) if part))
    if state.stage == "answered" and state.result:
        known = " (known)" * state.is_known
        return as_line(f"{state.result.verdict.best.configuration}{known}")
    return as_line(state.doing)


def left(states: Iterable[PairState]) -> str:
    """Return how long a plan may still take; the hosts of different kinds search at the same time."""
    kinds: dict[str, float] = {}
    for state in states:
        if not state.is_over:
            kinds[state.pair.kind] = kinds.get(state.pair.kind, 0.0) + state.left_s
    return f"up to {span(max(kinds.values()))} left" if kinds else ""


def span(duration_s: float) -> str:
    """Return a duration in words: `90 s`, `5 minutes`, `2.5 hours`."""
    if duration_s < 120:
        return seconds(round(duration_s))
    minutes = math.ceil(duration_s / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def status(states: Sequence[PairState], width: int | None = None) -> str:
    """Return how many pairs are answered, and how long the others may take."""
    line = "; ".join(part for part in (summary(states), left(states)) if part)
    return _cut(line, width) if width else line


def ended(state: PairState) -> str:
    """Return a line about a pair whose search has begun or ended."""
    if state.stage == "searching":
        return as_line(f"searching {state.pair}: up to {span(state.pair.seconds)}")
    found = state.result.sentence if state.result and state.stage == "answered" else as_fields(state.doing)
    return as_line(f"{state.stage} {state.pair}: {found}")


class Further:
    """Says what happened to the hosts of pairs, each thing once; not why a pair has failed."""

    def __init__(self) -> None:
        """Nothing is said yet."""
        self._said: dict[Path, int] = {}

    def __call__(self, state: PairState) -> list[str]:
        """Return a line for each new notice of a pair."""
        said = self._said.get(state.pair.folder, 0)
        self._said[state.pair.folder] = max(said, len(state.notices))
        new = [notice for notice in state.notices[said:] if notice.code != HOSTS_GONE]
        return [as_line(f"warning: {state.pair}: {notice.text}") for notice in new]


def conclusion(done: FleetResult, width: int | None) -> Iterator[str]:
    """Yield the lines of the answer: each pair, what failed and why, and the files."""
    yield summary(done.states)
    plain = [replace(state, doing="") if state.stage == "failed" else state for state in done.states]
    yield from (f"  {line}" for line, _ in rows(plain, width - 2 if width else None))
    failed = [state for state in done.states if state.stage == "failed"]
    for why in dict.fromkeys(state.doing for state in failed):
        those = "; ".join(str(state.pair) for state in failed if state.doing == why)
        yield f"  failed   {those}: {as_fields(why)}"
    yield f"  report   {done.index}"
    if len(done.configs) > 1:
        yield f"  advice   {done.index.parent / '<model>' / '<question>' / CONFIG_NAME}"
    else:
        yield from (f"  advice   {config}" for config in done.configs)


def document(states: Sequence[PairState], index: Path | None = None) -> dict[str, Any]:
    """Return what a plan came to as plain data."""
    return {
        "pairs": [
            {
                "model": state.pair.model,
                "question": state.pair.question,
                "kind": state.pair.kind,
                "stage": state.stage,
                "known": state.is_known,
                "sentence": state.result.sentence if state.result else None,
                "reason": state.doing or None,
                "warnings": [notice.text for notice in _warnings(state)],
                "advice": msgspec.to_builtins(make_advice(state.result)) if state.result else None,
                "command": state.pair.command,
                "folder": str(state.pair.folder),
            }
            for state in states
        ],
        "report": str(index) if index else None,
    }


def _shortened(name: str, width: int) -> str:
    """Return a name without its middle where it is too long: names of hosts end with what differs."""
    if len(name) <= width:
        return name
    return f"{name[: width // 2]}…{name[width // 2 + 1 - width :]}"


def _warnings(state: PairState) -> Sequence[Notice]:
    """Return what makes the figures of a pair worth less, as its own search would say it."""
    return state.result.outcome.notices if state.result else state.notices


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"
