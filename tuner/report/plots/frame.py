"""The ranges of a plot over the throughput, with place for labels around everything that is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tuner.report.plots.labels import Place
from tuner.report.view import Bound

LOGARITHMIC_FROM = 8
"""Heights that differ by more than this many times get a logarithmic axis."""

MARGIN = 0.12
"""Share of an axis left free at each end, for labels."""

LINE_POINTS = 40
"""Points that stand for a line where labels are placed."""


class Point(NamedTuple):
    """A point of the plot: items per second, and a latency or CPU time."""

    fps: float
    height: float


class Frame(NamedTuple):
    """The ranges of both axes; the upward one in logarithms where it is logarithmic."""

    across: tuple[float, float]
    upwards: tuple[float, float]
    logarithmic: bool

    def height(self, value: float) -> float:
        """Return where a value lies on the upward axis."""
        return math.log10(value) if self.logarithmic else value

    @property
    def ends_upwards(self) -> tuple[float, float]:
        """The values at both ends of the upward axis."""
        low, high = self.upwards
        return (10.0**low, 10.0**high) if self.logarithmic else (low, high)

    def places(self, points: Iterable[Point]) -> list[Place]:
        """Return points as shares of the plot."""
        return [
            Place(_share(point.fps, self.across), _share(self.height(point.height), self.upwards))
            for point in points
        ]

    def lines(self, bounds: Iterable[Bound]) -> list[Place]:
        """Return points along the lines of limits."""
        shares = [part / LINE_POINTS for part in range(LINE_POINTS + 1)]
        return [
            Place(_share(bound.value, self.across), share)
            if bound.of_throughput
            else Place(share, _share(self.height(bound.value), self.upwards))
            for bound in bounds
            for share in shares
        ]


def frame_of(points: Sequence[Point], bounds: Sequence[Bound]) -> Frame:
    """Return ranges that hold all points and limits."""
    rates = [*(point.fps for point in points), *(bound.value for bound in bounds if bound.of_throughput)]
    values = [*(point.height for point in points), *(each.value for each in bounds if not each.of_throughput)]
    logarithmic = max(values) > LOGARITHMIC_FROM * min(values)
    heights = [math.log10(value) for value in values] if logarithmic else values
    return Frame(_range(rates), _range(heights), logarithmic)


def round_numbers(low: float, high: float) -> list[float]:
    """Return the 1, 2 and 5 of every decade between two decimal logarithms."""
    decades = range(math.floor(low), math.ceil(high) + 1)
    return [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = MARGIN * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _share(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])
