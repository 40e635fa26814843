"""Where the labels of a plot go, so that none covers another on a phone or on a wide screen.

A plot is as wide as its page, so a place is good only if it is good on narrow and on wide ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZES_PX = ((290, 260), (800, 350), (1290, 350))
"""Width and height inside the axes on a phone, on a tablet and on a wide screen."""

LETTER_PX, LINE_PX, MARK_PX = 7.2, 18, 9
"""A letter's width, a line's height, and half the width of a mark."""

FAR_PX = 20
"""Distance from its point that costs a label 1."""

COVERED, CROSSED, OVERLAPPING = 3, 50, 10_000
"""What it costs to lie on a mark, on a label's line, and on a label or outside the plot."""


class Place(NamedTuple):
    """A point as shares of a plot's width and height, from its left lower corner."""

    x: float
    y: float


class Offset(NamedTuple):
    """From a point to the middle of its label, in pixels to the right and up."""

    right: float
    up: float


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles overlap."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.high <= other.low or other.high <= self.low)


def offsets(texts: Sequence[str], places: Sequence[Place], marks: Sequence[Place]) -> list[Offset]:
    """Return where each text goes, one after the other, each at the cheapest place that is left.

    Args:
        texts: Labels, the most important first.
        places: The point of each.
        marks: Every point of the plot, which labels had better not cover.
    """
    chosen: list[Offset] = []
    points = np.asarray(marks, dtype=np.float64).reshape(-1, 2)
    for text, place in zip(texts, places, strict=True):
        taken = list(zip(texts, places, chosen, strict=False))
        costs = {
            offset: sum(_cost(text, place, offset, taken, points, size) for size in SIZES_PX)
            for offset in _around(text)
        }
        chosen.append(min(costs, key=costs.__getitem__))  # of equal ones the first, which is the nearest
    return chosen


def _around(text: str) -> list[Offset]:
    """Return the places around a point, nearest first."""
    aside = len(text) * LETTER_PX / 2
    sides = (aside + MARK_PX + 4, -aside - MARK_PX - 4, aside / 2, -aside / 2, 0.0)
    levels = (22, -22, 42, -42, 62, -62, 82, -82)
    return [
        *(Offset(side, 0) for side in sides[:2]),
        *(Offset(side, up) for up, side in product(levels, sides)),
    ]


def _cost(
    text: str,
    place: Place,
    offset: Offset,
    taken: Sequence[tuple[str, Place, Offset]],
    marks: NDArray[np.float64],
    size: tuple[int, int],
) -> int:
    box = box_of(text, place, offset, size)
    outside = box.left < 0 or box.low < 0 or box.right > size[0] or box.high > size[1]
    line = _line(place, offset, size)
    boxes = [box_of(*label, size) for label in taken]
    meeting = sum(box.meets(other) for other in boxes)
    crossed = sum(_crosses(line, other) for other in boxes)
    crossed += sum(_crosses(_line(*label[1:], size), box) for label in taken)
    covered = _covered(box, marks, size)
    away = round(abs(offset.up) / FAR_PX)
    return OVERLAPPING * (outside + meeting) + CROSSED * crossed + COVERED * covered + away


def box_of(text: str, place: Place, offset: Offset, size: tuple[int, int]) -> Box:
    """Return the rectangle that a label takes in a plot of a size."""
    x, y = place.x * size[0] + offset.right, place.y * size[1] + offset.up
    wide, high = len(text) * LETTER_PX / 2, LINE_PX / 2
    return Box(x - wide, y - high, x + wide, y + high)


def _line(place: Place, offset: Offset, size: tuple[int, int]) -> list[Place]:
    """Return points of the line from a point to its label, in pixels."""
    x, y = place.x * size[0], place.y * size[1]
    return [Place(x + offset.right * part / 24, y + offset.up * part / 24) for part in range(25)]


def _crosses(line: Sequence[Place], box: Box) -> bool:
    return any(box.left <= point.x <= box.right and box.low <= point.y <= box.high for point in line)


def _covered(box: Box, marks: NDArray[np.float64], size: tuple[int, int]) -> int:
    """Return how many marks a rectangle touches."""
    x, y = (marks * size).T
    beside = (x < box.left - MARK_PX) | (x > box.right + MARK_PX)
    return int(np.sum(~beside & (y > box.low - MARK_PX) & (y < box.high + MARK_PX)))
