"""A live view in a notebook, as plain HTML: rich's own needs the package ipywidgets and warns without it."""

from __future__ import annotations

import sys
import time
from html import escape
from threading import Event, Thread

from IPython.display import HTML, DisplayHandle, display

from tuner.cli import words
from tuner.cli.screens import REFRESH_S


class NotebookScreen:
    """Shows a bar and what goes on at the top of the cell's output, and prints lines beneath."""

    def __init__(self) -> None:
        """Draw in the cell that runs, from the first status on."""
        self._lines: tuple[str, ...] = ()
        self._seconds, self._ends_at = 0.0, 0.0
        self._view: DisplayHandle | None = None
        self._closed, self._drawing = Event(), Thread()

    def say(self, line: str, style: str = "") -> None:
        """Print a line."""
        sys.stdout.write(f"{line}\n")

    def status(self, *lines: str) -> None:
        """Replace the lines beneath the bar; the next drawing shows them."""
        self._lines = lines
        if self._view is None:
            self._view = display(HTML(self._html()), display_id=True)
            self._closed = Event()
            self._drawing = Thread(target=self._draw, args=(self._view, self._closed), daemon=True)
            self._drawing.start()

    def count_down(self, seconds: float) -> None:
        """Begin the bar."""
        self._seconds, self._ends_at = seconds, time.monotonic() + seconds

    def close(self) -> None:
        """Empty the view."""
        if self._view:
            self._closed.set()
            self._drawing.join()
            self._view.update(HTML(""))
        self._view, self._seconds = None, 0.0

    def _draw(self, view: DisplayHandle, closed: Event) -> None:
        while not closed.wait(REFRESH_S):
            view.update(HTML(self._html()))

    def _html(self) -> str:
        left_s = max(0.0, self._ends_at - time.monotonic())
        over_s = self._seconds - left_s
        bar = f'<progress style="width:70%" max="{self._seconds}" value="{over_s:.1f}"></progress>'
        timed = [f"{bar} {words.seconds_left(left_s)}"] if self._seconds else []
        return "<br>".join([*timed, *map(escape, self._lines)])
