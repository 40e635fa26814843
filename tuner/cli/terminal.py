"""Shows a search while it runs: live in a terminal or a notebook, as plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import singledispatchmethod

from tuner import __version__
from tuner.cli import words
from tuner.cli.screens import LastingConsole, LineScreen, LiveScreen, NoScreen, Screen
from tuner.cli.spelling import with_dashes
from tuner.domain.figures import seconds
from tuner.domain.visible import as_line
from tuner.tuning.progress import (
    BaselineReady,
    Began,
    Ended,
    Event,
    Extended,
    FinalBegan,
    FinalRound,
    Observer,
    Started,
    Step,
    TrialBegan,
    TrialEnded,
    Waiting,
    Warned,
)


class Narrator:
    """Turns events into lines; names in them come from files, so nothing in a line acts on a terminal."""

    def __init__(self, screen: Screen, verbose: bool, reword: Callable[[str], str] = str) -> None:
        """Speak through `screen`; `verbose` adds a second line to every trial; `reword` adapts sentences."""
        self._screen, self._verbose, self._reword = screen, verbose, reword
        self._best = ""

    def __call__(self, event: Event) -> None:
        """Show an event; where nothing can be shown any more, as in a closed terminal, the search goes on."""
        with suppress(OSError):
            self._show(event)

    def _say(self, line: str, style: str = "") -> None:
        self._screen.say(as_line(line), style)

    def _doing(self, what: str) -> None:
        self._screen.status(as_line(what), as_line(self._best))

    @singledispatchmethod
    def _show(self, event: Event) -> None:
        raise TypeError(f"no such event: {event}")

    @_show.register
    def _(self, event: Started) -> None:
        self._best = ""
        self._screen.count_down(event.budget_s)

    @_show.register
    def _(self, event: Extended) -> None:
        self._screen.count_down(event.left_s)
        self._say(f"open: {self._reword(event.why)}; going on for {seconds(event.left_s)}")

    @_show.register
    def _(self, event: Step) -> None:
        self._doing(event.doing)

    @_show.register
    def _(self, event: Ended) -> None:
        self._screen.close()

    @_show.register
    def _(self, event: Waiting) -> None:
        self._doing("waiting")
        line = f"waiting: another search runs on this machine ({event.holder}); Ctrl-C stops waiting"
        self._say(line, "yellow")

    @_show.register
    def _(self, event: Began) -> None:
        for line in words.header(event, __version__):
            self._say(line, "bold")
        self._doing("measuring the hint")

    @_show.register
    def _(self, event: Warned) -> None:
        self._say(f"warning: {self._reword(event.notice.text)}", "yellow")

    @_show.register
    def _(self, event: BaselineReady) -> None:
        for line in words.baseline(event):
            self._say(line, "bold")
        self._best = words.best_line(event.best)

    @_show.register
    def _(self, event: TrialBegan) -> None:
        self._doing(f"trying {event.configuration}")

    @_show.register
    def _(self, event: TrialEnded) -> None:
        self._best = words.best_line(event.best)
        reword = self._reword if event.trial.state == "refused" else str
        for line in map(reword, words.trial_lines(event.trial, event.best)):
            self._say(line, "" if event.trial.state == "measured" else "dim")
        if self._verbose:
            for line in words.trial_details(event.trial):
                self._say(line, "dim")

    @_show.register
    def _(self, event: FinalBegan) -> None:
        self._say(self._best)
        for line in words.final(event):
            self._say(line)
        self._doing("final: compiling the hint and the finalists again")

    @_show.register
    def _(self, event: FinalRound) -> None:
        self._doing(f"final: round {event.done}")


def progress(*, verbose: bool = False) -> Observer:
    """Return an observer that shows a search: `tuner.search(..., observer=tuner.progress())`.

    In a terminal and in a notebook there is a bar of the time, the seconds left, what goes on and the best
    so far; elsewhere plain lines. All goes to standard error, in a notebook to the cell's output.

    Args:
        verbose: Whether to show effective settings, latency and memory of each trial.
    """
    return Narrator(_screen(), verbose)


@contextmanager
def narrator(quiet: bool, verbose: bool) -> Iterator[Observer]:
    """Yield what shows a command on standard error, from now until its end."""
    show = Narrator(NoScreen() if quiet else _screen(), verbose, with_dashes)
    try:
        show(Step("loading OpenVINO"))
        yield show
    finally:
        show(Ended())


def _screen() -> Screen:
    console = LastingConsole(stderr=True)
    if console.is_jupyter:
        from tuner.cli.notebook import NotebookScreen

        return NotebookScreen()
    return LiveScreen(console) if console.is_terminal else LineScreen(console)
