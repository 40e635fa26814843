"""The answer of a search in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tuner.domain.course import APART, Stretch
from tuner.domain.figures import (
    NAMES,
    TIMES_FROM,
    better,
    digits,
    faster,
    gain,
    gain_of,
    interval_of,
    seconds,
    share,
)
from tuner.domain.price import LITTLE_GAIN, Cheaper, Price
from tuner.domain.settling import LONGEST_TRIED_S
from tuner.domain.verdict import GAIN_WORTH_FINDING, Verdict

SECONDS_UP_TO = 120
"""Longer predictions are given in minutes."""

HIGH = f"a high price for a gain below {share(LITTLE_GAIN - 1)}"


def answer(verdict: Verdict, interrupted: bool = False) -> str:
    """Return the verdict in one sentence."""
    return ("stopped early; " if interrupted else "") + _answer(verdict)


def _answer(verdict: Verdict) -> str:
    found = verdict.speedup
    if verdict.kind == "faster" and found:
        return f"{faster(found.ratio, metric=found.metric)} the hint, {interval_of(found)}"
    if verdict.kind == "meets_limits" and found:
        return f"{verdict.why}; {verdict.best.configuration} does: {gain_of(found)}"
    closest = f"the closest is {verdict.closest}, {gain_of(found)}" if found else ""
    if verdict.kind == "inconclusive":
        why = (
            verdict.why if verdict.more_s is None else f"{verdict.why}; {_what_would_settle(verdict.more_s)}"
        )
        return f"inconclusive: {why}" + (f" ({closest}; this is not proven)" if closest else "")
    if not closest:
        return f"keep the hint: {verdict.why}"
    ruled_out = f"{_none_of(verdict)}; {closest}"
    return f"keep the hint: {verdict.why}; {ruled_out}" if verdict.why else f"keep the hint: {ruled_out}"


def _none_of(verdict: Verdict) -> str:
    """Return of which configurations a gain is ruled out, and how."""
    metric = verdict.speedup.metric if verdict.speedup else "throughput"
    worth, within = share(GAIN_WORTH_FINDING), " within the limits" * verdict.limited
    faster_by = f"has {worth} {better(metric)}{within}" if metric in NAMES else f"is {worth} faster{within}"
    if not verdict.points:
        return f"no configuration in the final {faster_by}"
    if verdict.measured == verdict.points:
        return f"none of the {verdict.points} configurations {faster_by}"
    which = f"{verdict.measured} of {verdict.points} configurations that were measured"
    return f"none of the {which} {faster_by}, and their trend rules it out for the others"


def _what_would_settle(more_s: float) -> str:
    """Return what to do about an open answer, and after how much longer half of such answers are settled."""
    if math.isinf(more_s):
        return "give a larger budget"
    if more_s > LONGEST_TRIED_S:
        minutes = math.floor(LONGEST_TRIED_S / 60)
        return f"it may take more than {minutes} minutes: give a larger budget"
    tens = max(10, 10 * math.ceil(more_s / 10))
    span, budget = (f"{tens} s", f"{tens}s")
    if tens > SECONDS_UP_TO:
        minutes = math.ceil(tens / 60)
        span, budget = f"{minutes} minutes", f"{minutes}m"
    settled = f"half of such answers are settled after about {span} more on this host"
    return f"{settled}: run the same command again with budget={budget}"


def price_line(price: Price) -> str:
    """Return a price in short words: `p99 7.64 times as long, memory +13.5 %`; and whether it is high."""
    return _costs(price) + f" ({HIGH})" * price.is_high


def headline(price: Price) -> str:
    """Return a gain with its price: `throughput +5.7 %, p99 7.64 times as long, memory +13.5 %`."""
    return f"{_change('throughput', price.speed, 'high')}, {_costs(price)}"


def limits_line(verdict: Verdict, unmet: bool) -> str:
    """Return what became of limits that the hint does not keep, in short words; empty where it does."""
    if unmet:
        return "nothing was found that keeps the limits"
    found = verdict.speedup
    if verdict.kind != "meets_limits" or not found:
        return ""
    change = f"{NAMES.get(found.metric, 'throughput')} {gain(found.ratio, metric=found.metric)}"
    return f"keeps the limits, which the hint does not keep: {change}"


def cheaper_line(cheaper: Cheaper) -> str:
    """Return what keeps most of a gain at a lower price, in short words."""
    by = "in the final" if cheaper.in_the_final else "by its trial"
    return f"{cheaper.candidate.configuration}: {headline(cheaper.price)} ({by})"


def _costs(price: Price) -> str:
    costs = [_change("p99", price.latency, "long"), _change("memory", price.memory, "much")]
    costs += [_change("CPU time of an item", price.cpu, "much")] if price.cpu else []
    return ", ".join(costs)


def _change(name: str, ratio: float, how: str) -> str:
    return f"{name} {gain(ratio)}" + f" as {how}" * (ratio >= TIMES_FROM)


def switches(tried: Mapping[str, bool]) -> str:
    """Return which switches were tried and which were not; empty where there are none."""
    parts = {"tried": [name for name, done in tried.items() if done]}
    parts["not tried"] = [name for name, done in tried.items() if not done]
    return "; ".join(f"{word} {', '.join(names)}" for word, names in parts.items() if names)


def played_again(unsteady: int, counted: int) -> str:
    """Return how many rounds were played again; empty where none was."""
    if not unsteady:
        return ""
    return f"{unsteady} of {unsteady + counted} were played again, because the host changed its speed in them"


MOST_STRETCHES = 3
"""Stretches that are named; on a host with more of them, the rest is counted."""


def stretches(disturbed: Sequence[Stretch]) -> str:
    """Return when a host was disturbed and how far; empty where it was not."""
    if not disturbed:
        return ""
    longest = sorted(disturbed, key=lambda stretch: stretch.from_s - stretch.to_s)[:MOST_STRETCHES]
    named = ", ".join(
        f"{digits(stretch.from_s)} to {seconds(stretch.to_s)} ({gain(stretch.share)})"
        for stretch in sorted(longest)
    )
    more = f" and {len(disturbed) - len(longest)} times more" if len(disturbed) > len(longest) else ""
    return f"the hint was off its median speed by more than {share(APART)} from {named}{more}"
