"""Where lines about a search go: a live view in a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from tuner.cli import words
from tuner.cli.program import folded

REFRESH_S = 0.5
"""Seconds between two drawings of a live view: 2 ms of one core each, so that measuring hardly notices."""

ECHO_WIDTH = 8
"""Columns at the right that stay free: a terminal shows `^C` behind the last line. If it had to begin another
line for that, the view would lose count of its lines, and one would stay on the screen."""


class LastingConsole(Console):
    """A console that falls silent when nobody reads it any more, where rich would end the program."""

    def on_broken_pipe(self) -> None:
        """Write nothing more."""
        self.quiet = True


class Screen(Protocol):
    """Shows lines that stay, and beneath them what goes on."""

    def say(self, line: str, style: str = "") -> None:
        """Show a line for good."""

    def status(self, *lines: str) -> None:
        """Show what goes on, in place of the status before."""

    def count_down(self, seconds: float) -> None:
        """Show from now on how much of so many seconds is over."""

    def close(self) -> None:
        """Take away all but the lines that stay."""


class NoScreen:
    """Shows nothing."""

    def say(self, line: str, style: str = "") -> None:
        """Show nothing."""

    def status(self, *lines: str) -> None:
        """Show nothing."""

    def count_down(self, seconds: float) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave nothing behind."""


class LineScreen(NoScreen):
    """Plain lines for logs and pipes, never folded; what goes on is left out."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console

    def say(self, line: str, style: str = "") -> None:
        """Write a line as it is."""
        self._console.out(line, style=style or None, highlight=False)


class SecondsLeft(ProgressColumn):
    """The time that is left, in whole seconds."""

    def render(self, task: Task) -> Text:
        """Return what is left of the time, that passes whether or not anything happens."""
        left = words.seconds_left((task.total or 0.0) - (task.elapsed or 0.0))
        return Text(f"{left:>{words.LEFT_WIDTH}}")


class LiveView(Progress):
    """A bar of the time, over lines about what goes on; drawn by a thread of its own."""

    def __init__(self, console: Console, now: Callable[[], float] | None = None) -> None:
        """Draw on a console until `stop`; `now` gives seconds."""
        self.lines: tuple[str, ...] = ()
        super().__init__(
            BarColumn(bar_width=None),
            SecondsLeft(),
            console=console,
            refresh_per_second=1 / REFRESH_S,
            get_time=now,
            transient=True,
            expand=True,
        )

    def get_renderables(self) -> Iterator[RenderableType]:
        """Yield the bar as long as it is by now, and the lines, which leave room for what Ctrl-C shows."""
        for task in self.tasks:
            task.completed = min(task.elapsed or 0.0, task.total or 0.0)
        if self.tasks:
            yield self.make_tasks_table(self.tasks)
        for line in self.lines:
            text = Text(line, style="dim", no_wrap=True)
            text.truncate(self.console.width - ECHO_WIDTH, overflow="ellipsis")
            yield text


class LiveScreen:
    """A terminal: lines scroll by above the live view."""

    def __init__(self, console: Console) -> None:
        """Draw on a console, from the first call on."""
        self._console = console
        self._view: LiveView | None = None

    def say(self, line: str, style: str = "") -> None:
        """Print a line above the live view, folded at the terminal's width."""
        self._console.print(Text(folded(line, self._console.width), style=style))

    def status(self, *lines: str) -> None:
        """Replace the lines beneath the bar; the next drawing shows them."""
        self._opened(lines).lines = lines

    def count_down(self, seconds: float) -> None:
        """Begin the bar."""
        self._opened().add_task("", total=seconds)

    def close(self) -> None:
        """Erase the live view."""
        if self._view:
            self._view.stop()
        self._view = None

    def _opened(self, lines: tuple[str, ...] = ()) -> LiveView:
        """Return the live view; the first time it is drawn at once."""
        if self._view is None:
            self._view = LiveView(self._console)
            self._view.lines = lines
            self._view.start()
        return self._view
