"""Reads the limits that users write: latencies, memory, throughput."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence

from tuner.domain.limit import FIGURES, Limit
from tuner.errors import UsageError

MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
MEBIBYTES = {"MB": 1e6 / 2**20, "GB": 1e9 / 2**20, "MiB": 1.0, "GiB": 1024.0}
NUMBER = r"\d+(?:\.\d+)?"


def limits_of(
    max_latency: str | Sequence[str] | None = None,
    max_memory: str | None = None,
    min_throughput: str | float | None = None,
) -> tuple[Limit, ...]:
    """Return the limits that a user writes: `20ms` or `p90:5ms`, `2GiB`, `500`.

    Raises:
        UsageError: One of them has no such form or no unit, or two contradict each other.
    """
    several = isinstance(max_latency, Sequence) and not isinstance(max_latency, str)
    texts = () if max_latency is None else max_latency if several else (max_latency,)
    limits = [_latency_limit(str(text)) for text in texts]
    for slow, fast in itertools.permutations(limits, 2):
        if slow.figure == fast.figure:
            raise UsageError(
                f"max_latency= limits the {FIGURES[slow.figure].name} twice; limit each percentile once."
            )
        if _percent(slow) < _percent(fast) and slow.bound >= fast.bound:
            raise UsageError(
                f"max_latency= has '{slow}' beside '{fast}', which is as strict and of more requests; "
                "leave the former out."
            )
    if max_memory is not None:
        limits.append(Limit("memory", _with_unit(max_memory, "max_memory", MEBIBYTES, "2GiB or 500MiB")))
    if min_throughput is not None:
        limits.append(Limit("throughput", _rate_of(min_throughput)))
    return tuple(limits)


def _latency_limit(text: str) -> Limit:
    percentile, colon, bound = text.rpartition(":")
    figure = percentile.strip() if colon else "p99"
    if not re.fullmatch(PERCENTILES, figure):
        raise UsageError(
            f"max_latency='{text}' begins with '{figure}', which is no percentile; give p50, p90, p99 or "
            "p99.9, for example p90:5ms."
        )
    return Limit(figure, _with_unit(bound, "max_latency", MILLISECONDS, "20ms or p90:5ms"))


PERCENTILES = r"p50|p90|p99|p99\.9"


def _percent(limit: Limit) -> float:
    return float(limit.figure.removeprefix("p"))


def _with_unit(text: str, name: str, units: Mapping[str, float], example: str) -> float:
    """Return a number in the first unit of 1, as it was given as parameter `name`."""
    found = re.fullmatch(rf"({NUMBER})\s*({'|'.join(units)})", str(text).strip())
    if found and 0 < float(found[1]) < math.inf:
        return float(found[1]) * units[found[2]]
    lone = re.fullmatch(NUMBER, str(text).strip())
    missing = "is not a number above 0 with a unit"
    if found or (lone and not 0 < float(lone[0]) < math.inf):
        missing = "is no limit above 0"
    elif lone:
        missing = "has no unit"
    raise UsageError(
        f"{name}='{text}' {missing}; the units are {', '.join(units)}: give for example {example}."
    )


def _rate_of(text: str | float) -> float:
    found = re.fullmatch(NUMBER, str(text).strip())
    if not found or not 0 < float(found[0]) < math.inf:
        raise UsageError(
            f"min_throughput='{text}' is not a number of items per second above 0; give for example 500."
        )
    return float(found[0])
