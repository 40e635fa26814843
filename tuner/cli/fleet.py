"""`tuner fleet` on the command line: a table while it runs, the answer at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tuner.cli import fleet_words
from tuner.cli.program import PROGRAM, folded, print_lines, width
from tuner.cli.screens import ECHO_WIDTH, REFRESH_S, LastingConsole
from tuner.cli.spelling import with_dashes
from tuner.commands.fleet.fleet import fleet, planned
from tuner.commands.fleet.mixed import search_kinds
from tuner.commands.fleet.results import FleetResult
from tuner.commands.fleet.states import PairObserver, PairState, Stage
from tuner.domain.visible import as_line
from tuner.errors import PlanError, UsageError

FURTHER_LINES = 4
"""Lines of the terminal that the table leaves free: the one about all pairs, and a command line around it."""


class LiveTable:
    """A terminal: a row for each pair, redrawn while they are searched."""

    def __init__(self, console: Console) -> None:
        """Draw on a console until `close`."""
        self._console = console
        self._states: dict[Path, tuple[PairState, float]] = {}
        self._further = fleet_words.Further()
        self._view = Live(
            console=console,
            refresh_per_second=1 / REFRESH_S,
            transient=True,
            get_renderable=self._drawn,
        )
        self._is_open = False

    def __call__(self, state: PairState) -> None:
        """Take in how far a pair is; failures and warnings are said for good."""
        self._states[state.pair.folder] = state, time.monotonic()
        for line in self._further(state):
            self._console.print(Text(folded(line, self._console.width), style="yellow"))
        if state.stage == "failed":
            self._console.print(Text(folded(fleet_words.ended(state), self._console.width), style="red"))
        if not self._is_open:
            self._is_open = True
            self._view.start()

    def close(self) -> None:
        """Take the table away."""
        if self._is_open:
            self._view.stop()

    def _drawn(self) -> Group:
        now = time.monotonic()
        states = [
            replace(state, left_s=max(0.0, state.left_s - (now - at_s) * state.is_timed))
            for state, at_s in list(self._states.values())
        ]
        width = self._console.width - ECHO_WIDTH
        shown = most_telling(states, self._console.height - FURTHER_LINES)
        lines = [Text(line, style=style, no_wrap=True) for line, style in fleet_words.rows(shown, width)]
        return Group(*lines, Text(fleet_words.status(states, width), style="dim", no_wrap=True))


class Lines:
    """Plain lines for logs and pipes: one when a search begins, one when it ends."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._stages: dict[Path, str] = {}
        self._further = fleet_words.Further()

    def __call__(self, state: PairState) -> None:
        """Write a line if the pair has come further, and one for each warning."""
        for line in self._further(state):
            with suppress(OSError):
                self._console.out(line, highlight=False)
        before = self._stages.get(state.pair.folder)
        self._stages[state.pair.folder] = state.stage
        if before not in {None, state.stage}:
            with suppress(OSError):
                self._console.out(fleet_words.ended(state), highlight=False)


def most_telling(states: Sequence[PairState], most: int) -> list[PairState]:
    """Return as many pairs as fit, in their order: first those that are searched or failed."""
    longest = sorted(range(len(states)), key=lambda at: -states[at].pair.seconds)
    at_stage = {stage: [at for at in longest if states[at].stage == stage] for stage in get_args(Stage)}
    around = zip_longest(at_stage["waiting"], reversed(at_stage["answered"]))
    telling = [
        *(at for stage in ("searching", "failed", "stopped") for at in at_stage[stage]),
        *(at for pair in around for at in pair if at is not None),
        *at_stage["elsewhere"],
    ]
    chosen = set(telling[: max(1, most)])
    return [state for at, state in enumerate(states) if at in chosen]


def run(
    plan: Path, again: bool, kind: str | None, output: Path | None, dry_run: bool, quiet: bool, as_json: bool
) -> int:
    """Search the pairs of a plan, print what came of it, and return the exit code."""
    try:
        if dry_run:
            states = planned(plan, again=again, kind=kind, output=output)
            if as_json:
                click.echo(json.dumps(fleet_words.document(states), indent=2, allow_nan=False))
            else:
                lines = (f"  {line}" for line, _ in fleet_words.rows(states, width()))
                print_lines([fleet_words.status(states), *lines])
            return 0
        with _shown(quiet) as observer:
            done = fleet(plan, again=again, kind=kind, output=output, observer=observer)
    except PlanError as error:
        for problem in error.problems:
            click.echo(f"{PROGRAM}: {as_line(problem)}", err=True)
        return error.exit_code
    return _answer(done, as_json)


def run_kinds(model: str, quiet: bool, as_json: bool, asked: dict[str, Any]) -> int:
    """Search a model on each kind of host of a cluster, print what came of it, and return the exit code."""
    if asked["ray"] is None:
        raise UsageError(
            "--mixed-hosts searches each kind of host of a Ray cluster; give its address with --ray, too."
        )
    if not quiet:
        click.echo("looking at the hosts of the cluster", err=True)
    with _shown(quiet) as observer:
        done = search_kinds(model, observer=lambda state: observer(_spelled(state)), **asked)
    return _answer(done, as_json)


def _spelled(state: PairState) -> PairState:
    """Return a pair whose reasons name options."""
    return replace(state, doing=with_dashes(state.doing))


def _answer(done: FleetResult, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(fleet_words.document(done.states, done.index), indent=2, allow_nan=False))
    else:
        print_lines(fleet_words.conclusion(done, width()))
    return done.exit_code


@contextmanager
def _shown(quiet: bool) -> Iterator[PairObserver]:
    """Yield what shows the pairs on standard error, until their end."""
    console = LastingConsole(stderr=True)
    if quiet:
        yield lambda _: None
    elif not console.is_terminal:
        yield Lines(console)
    else:
        table = LiveTable(console)
        try:
            yield table
        finally:
            table.close()
