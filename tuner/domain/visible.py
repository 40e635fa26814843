"""Makes texts from outside safe to show."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Mapping
from html import escape

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters, lone surrogates and separators."""


def visible(text: str) -> str:
    """Return a text with its invisible characters escaped, such as those that reverse its direction."""
    return text if text.isprintable() else "".join(map(_visible, text))


def as_line(text: str) -> str:
    """Return a text as one line that does nothing to a terminal: line breaks and tabs are escaped, too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def shell_word(text: str) -> str:
    """Return a text as a shell takes it; what a terminal would act on is escaped as bash reads it."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = (mark if mark.isprintable() and mark not in "'\\" else _bytes_of(mark) for mark in text)
    return f"$'{''.join(escaped)}'"


def on_one_line(text: str) -> str:
    """Return a text without line breaks and with its invisible characters as escapes."""
    return visible(" ".join(text.split()))


def html_table(title: str, rows: Mapping[str, str]) -> str:
    """Return a small table for notebooks, everything in it escaped."""
    cells = (
        f'<tr><th style="text-align:left">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(on_one_line(text))}</td></tr>'
        for name, text in rows.items()
    )
    return f"<table><caption>{escape(on_one_line(title))}</caption>{''.join(cells)}</table>"


def _visible(mark: str) -> str:
    hidden = mark not in "\n\t" and unicodedata.category(mark) in HIDDEN
    return mark.encode("unicode_escape").decode() if hidden else mark


def _bytes_of(mark: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in mark.encode(errors="surrogateescape"))
