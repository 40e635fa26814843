"""Texts from outside, made safe to show."""

from __future__ import annotations

import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters, lone surrogates and separators."""


def visible(text: str) -> str:
    """Return a text with its invisible characters as escapes, such as those that turn its direction."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(mark: str) -> str:
    hidden = mark not in "\n\t" and unicodedata.category(mark) in HIDDEN
    return mark.encode("unicode_escape").decode() if hidden else mark
