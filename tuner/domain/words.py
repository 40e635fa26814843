"""How figures are said, in the terminal as in reports."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters, lone surrogates and separators."""


def percent(ratio: float) -> str:
    """Return a ratio as a signed percentage: `+4.5 %` of 1.045."""
    gain = 100 * (ratio - 1)
    return f"{gain:+.{0 if gain >= 1000 else 1}f} %"


def interval(low: float | None, high: float | None) -> str:
    """Return an interval of ratios as signed percentages; empty where an end is open."""
    return f"{percent(low)} to {percent(high)}" if low and high else ""


def rate(fps: float) -> str:
    """Return items per second with the digits that a measurement can have."""
    return f"{fps:,.0f}" if fps >= 100 else f"{fps:.3g}"


def switches(tried: Mapping[str, bool]) -> str:
    """Say which switches were tried and which were not; empty where there are none."""
    parts = {"tried": [name for name, done in tried.items() if done]}
    parts["not tried"] = [name for name, done in tried.items() if not done]
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts.items() if names)


def count(number: object, name: str) -> str:
    """Return a number with what it counts: `1 stream`, `2 streams`."""
    return f"{number} {name}" + "s" * (str(number) != "1")


def visible(text: str) -> str:
    """Return a text with its invisible characters as escapes, such as those that turn its direction."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(one: str) -> str:
    hidden = one not in "\n\t" and unicodedata.category(one) in HIDDEN
    return one.encode("unicode_escape").decode() if hidden else one
