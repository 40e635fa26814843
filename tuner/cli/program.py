"""What the commands share: the program's name, an exit code, and how an answer is printed."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable

import click

from tuner.cli.spelling import with_dashes
from tuner.domain.visible import as_line

PROGRAM = "tuner"
CHECK_FAILED = 1
"""The exit code where a check failed, or nothing keeps the limits."""
LABEL = re.compile(r" {0,4}\S{0,8} {2,7}")
"""What a line begins with before its text: `  best     `, or the number of a trial."""


def width() -> int | None:
    """Return the columns of the terminal; None where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_lines(lines: Iterable[str]) -> None:
    """Print an answer: in a terminal folded between words, elsewhere as it is; names in it do nothing."""
    columns = width()
    for line in map(as_line, map(with_dashes, lines)):
        click.echo(folded(line, columns) if columns else line)


def command_line() -> str:
    """Return how the program was called."""
    return shlex.join([PROGRAM, *sys.argv[1:]])


def folded(line: str, width: int) -> str:
    """Fold a line between words; further lines are indented as far as the text after the label."""
    found = LABEL.match(line)
    indent = " " * (found.end() if found else 2)
    parts = [
        textwrap.fill(part, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for part in line.splitlines()
    ]
    return "\n".join(parts)
