"""Draws a search: live in a terminal, plain lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import singledispatchmethod
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tuner import __version__
from tuner.cli import words
from tuner.cli.options import with_dashes
from tuner.tuning.progress import (
    BaselineReady,
    Began,
    Event,
    FinalBegan,
    FinalRound,
    TrialBegan,
    TrialEnded,
    Waiting,
    Warned,
)

Say = Callable[[str, str], None]


class Screen(Protocol):
    """Where lines go: `say` keeps one, `status` shows one that the next replaces."""

    def say(self, line: str, style: str = "") -> None:
        """Show a line for good."""

    def status(self, line: str) -> None:
        """Show what goes on right now."""


class LineScreen:
    """Plain lines, for logs and pipes; the passing status is left out."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console

    def say(self, line: str, style: str = "") -> None:
        """Write a line as it is, never wrapped."""
        self._console.out(line, style=style or None, highlight=False)

    def status(self, line: str) -> None:
        """Write nothing."""


class LiveScreen:
    """A terminal: lines scroll, the last one is the status."""

    def __init__(self, console: Console, live: Live) -> None:
        """Write to a console under a live region."""
        self._console, self._live = console, live

    def say(self, line: str, style: str = "") -> None:
        """Print a line above the status, folded at the terminal's width."""
        self._console.print(Text(line, style=style), soft_wrap=False)

    def status(self, line: str) -> None:
        """Replace the status; it never takes more than one line."""
        self._live.update(Text(line, style="dim", no_wrap=True, overflow="ellipsis"), refresh=True)


class Narrator:
    """Turns events into lines."""

    def __init__(self, screen: Screen, verbose: bool) -> None:
        """Speak through `screen`; `verbose` adds a second line to every trial."""
        self._screen, self._verbose = screen, verbose
        self._best = "best so far: the hint"

    def __call__(self, event: Event) -> None:
        """Tell an event."""
        self._tell(event)

    @singledispatchmethod
    def _tell(self, event: Event) -> None:
        raise TypeError(f"nothing to say about {event}")

    @_tell.register
    def _(self, event: Waiting) -> None:
        line = f"waiting: another search holds this host ({event.holder}); Ctrl-C gives up"
        self._screen.say(line, "yellow")

    @_tell.register
    def _(self, event: Began) -> None:
        for line in words.header(event, __version__):
            self._screen.say(line, "bold")
        self._screen.status("measuring the hint")

    @_tell.register
    def _(self, event: Warned) -> None:
        self._screen.say(f"warning: {with_dashes(event.notice.text)}", "yellow")

    @_tell.register
    def _(self, event: BaselineReady) -> None:
        for line in words.baseline(event):
            self._screen.say(line, "bold")

    @_tell.register
    def _(self, event: TrialBegan) -> None:
        self._screen.status(f"{event.left_s:.0f} s left · {self._best} · trying {event.configuration}")

    @_tell.register
    def _(self, event: TrialEnded) -> None:
        self._best = words.best_line(event.best)
        self._screen.say(
            words.trial_line(event.trial, event.best), "" if event.trial.state == "measured" else "dim"
        )
        if self._verbose:
            for line in words.trial_details(event.trial):
                self._screen.say(line, "dim")

    @_tell.register
    def _(self, event: FinalBegan) -> None:
        self._screen.say(self._best)
        self._screen.say(f"final: the hint against {'; '.join(map(str, event.finalists))}")

    @_tell.register
    def _(self, event: FinalRound) -> None:
        self._screen.status(f"final: round {event.done} · {event.left_s:.0f} s left")


@contextmanager
def narrator(quiet: bool, verbose: bool) -> Iterator[Callable[[Event], None]]:
    """Yield what shows a search on standard error, fit for whatever that is."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield Narrator(LiveScreen(console, live), verbose)
    else:
        yield Narrator(LineScreen(console), verbose)
