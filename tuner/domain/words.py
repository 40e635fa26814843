"""How figures are said, in the terminal as in reports."""

from __future__ import annotations


def percent(ratio: float) -> str:
    """Return a ratio as a signed percentage: `+4.5 %` of 1.045."""
    gain = 100 * (ratio - 1)
    return f"{gain:+.{0 if gain >= 1000 else 1}f} %"


def rate(fps: float) -> str:
    """Return items per second with the digits that a measurement can have."""
    return f"{fps:,.0f}" if fps >= 100 else f"{fps:.3g}"


def count(number: object, name: str) -> str:
    """Return a number with what it counts: `1 stream`, `2 streams`."""
    return f"{number} {name}" + "s" * (str(number) != "1")
