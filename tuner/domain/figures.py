"""How figures are written, the same in the terminal, in reports and in messages.

A gain is a percentage below a factor of three and a factor from there on: `+107.9 %`, `8.2 times`. A gain of
latency or CPU time is written as what it is less: `-27.0 %` of 1.37 times as good.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tuner.domain.stats import Metric, Speedup

LESS: dict[Metric, str] = {"latency_p99": "p99 latency", "cpu": "CPU time of an item"}
"""What a gain is less of, by metric."""

MORE: dict[Metric, str] = {"throughput_per_latency": "throughput for its p99 latency", "rate": "arrival rate"}
"""What a gain is more of, by metric, where that is not simply speed."""

NAMES = LESS | MORE

TIMES_FROM = 3.0
"""From this ratio on, a factor reads better than a percentage."""


def gain(ratio: float, decimals: int = 1, metric: Metric = "throughput") -> str:
    """Return a ratio as a gain with its sign: `+4.5 %` of 1.045, `8.2 times` of 8.2, or what it is less."""
    change = figure_ratio(ratio, metric)
    return f"{times(change, decimals)} times" if change >= TIMES_FROM else f"{_percent(change, decimals)} %"


def figure_ratio(ratio: float, metric: Metric = "throughput") -> float:
    """Return how large a figure is in times the hint's, of how many times as good it is.

    They are the same of throughput; half the latency or CPU time is twice as good.
    """
    return 1 / ratio if metric in LESS and ratio else ratio


def gain_name(metric: Metric = "throughput", against: str = "the hint") -> str:
    """Return the name of a column or axis of gains: `gain over the hint`, `p99 latency against the hint`."""
    return f"{NAMES[metric]} against {against}" if metric in NAMES else f"gain over {against}"


def _percent(ratio: float, decimals: int = 1) -> str:
    return f"{round(100 * (ratio - 1), decimals) + 0.0:+.{decimals}f}"  # the sum turns -0.0 into 0.0


def faster(ratio: float, decimals: int = 1, metric: Metric = "throughput") -> str:
    """Return a ratio as the beginning of a sentence: `4.5 % faster than`, `8.2 times as fast as`.

    Of other figures than speed it is `27.0 % lower p99 latency than`, `8.1 % higher arrival rate than`.
    """
    if metric in NAMES:
        change = figure_ratio(ratio, metric)
        if change >= TIMES_FROM:
            return f"{times(change, decimals)} times the {NAMES[metric]} of"
        return f"{100 * abs(change - 1):.{decimals}f} % {better(metric, ratio >= 1)} than"
    if ratio >= TIMES_FROM:
        return f"{times(ratio, decimals)} times as fast as"
    return f"{100 * abs(ratio - 1):.{decimals}f} % {'faster' if ratio >= 1 else 'slower'} than"


def better(metric: Metric, is_gain: bool = True) -> str:
    """Return what a gain is, or a loss: `lower p99 latency`, `higher arrival rate`, `higher throughput`."""
    is_lower = (metric in LESS) == is_gain
    return f"{'lower' if is_lower else 'higher'} {NAMES.get(metric, 'throughput')}"


def decimals_apart(one: float, other: float) -> int:
    """Return how many decimals two ratios need to look different, if they are."""
    return next((count for count in range(1, 9) if gain(one, count) != gain(other, count)), 1)


def interval(low: float | None, high: float | None, metric: Metric = "throughput") -> str:
    """Return the two ends of an interval of ratios as gains of one form; empty where an end is open."""
    if not low or not high or math.isinf(high):
        return ""
    if metric in LESS:
        low, high = figure_ratio(high, metric), figure_ratio(low, metric)
    if math.sqrt(low * high) >= TIMES_FROM:
        return f"{times(low)} to {times(high)} times"
    return f"{_percent(low)} to {_percent(high)} %"


def interval_of(speedup: Speedup) -> str:
    """Return a speedup's interval with its confidence, and the rounds behind it."""
    ends = interval(speedup.low, speedup.high, speedup.metric)
    span = f"{100 * speedup.confidence:.0f} % interval {ends}" if ends else "too short for an interval"
    rounds = count(speedup.rounds, "round")
    return f"{span}, {rounds}" + (f" in {speedup.sittings} sittings" if speedup.sittings > 1 else "")


def gain_of(speedup: Speedup) -> str:
    """Return a speedup as a gain with its interval and rounds; it says of what, unless that is speed."""
    written = gain(speedup.ratio, metric=speedup.metric)
    if speedup.metric in NAMES:
        written += (" the " if written.endswith("times") else " ") + NAMES[speedup.metric]
    return f"{written}, {interval_of(speedup)}"


def gain_tick(ratio: float, metric: Metric = "throughput") -> str:
    """Return a ratio as the label of an axis: a gain, without decimals that say nothing (`+5 %`)."""
    return gain(ratio, metric=metric).replace(".0 %", " %")


def times(ratio: float, decimals: int = 1) -> str:
    """Return a factor without a word: `8.2`."""
    return digits(ratio, decimals - 1)


def digits(value: float, more: int = 0) -> str:
    """Return a number with the three digits that a measurement can have, or more: `0.27`, `19.9`, `1,234`."""
    return f"{value:,.{more}f}" if abs(value) >= 100 else f"{value:.{3 + more}g}"


def share(part: float) -> str:
    """Return a part of a whole as a percentage: `52 %` of 0.52."""
    return f"{100 * part:.0f} %"


def rate(fps: float) -> str:
    """Return items per second, without the unit."""
    return digits(fps)


def milliseconds(value: float) -> str:
    """Return a latency with its unit."""
    return f"{digits(value)} ms"


def seconds(value: float) -> str:
    """Return a duration with its unit."""
    return f"{digits(value)} s"


def mebibytes(value: float) -> str:
    """Return memory with its unit."""
    return f"{value:,.0f} MiB"


def gibibytes(mebibytes: float) -> str:
    """Return the memory of a host, given in MiB, with its unit."""
    return f"{mebibytes / 1024:,.0f} GiB"


def or_empty(say: Callable[[float], str], value: float | None) -> str:
    """Return a figure as `say` writes it; empty where it is not known."""
    return "" if value is None else say(value)


def count(number: object, name: str) -> str:
    """Return a number with what it counts: `1 stream`, `2 streams`."""
    return f"{number} {name}" + "s" * (str(number) != "1")
