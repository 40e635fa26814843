"""Reads what users write: durations, counts and ranges, shapes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from tuner.domain.copies import MOST_COPIES
from tuner.domain.steps import powers_of_two, stream_counts
from tuner.errors import UsageError

SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
SHORTEST_S = 1.0
LEAST_CORES = 0.1
"""CPU time in cores below which nothing is measured any more."""

GREATEST_SEED = (1 << 32) - 1
"""The largest seed that the random generator behind Optuna takes."""

COUNT = r"\d{1,18}"
"""A number that is no larger than OpenVINO's shapes can hold; Python refuses to read thousands of digits."""

MOST = 1 << 20
"""The largest batch, or number of streams or requests, that an advice can hold."""

MOST_NICE = 19
"""The greatest niceness that Linux has."""

LEAST_RATE, MOST_RATE = 1e-6, 1e5
"""Items per second of a load: more are not served one by one, and their arrivals would fill the memory."""

_RATES = f"{LEAST_RATE:f} to {MOST_RATE:,.0f} arrivals per second"


def seconds_of(duration: str | float, name: str = "budget") -> float:
    """Return the seconds of `90s`, `5m`, `1h` or a plain number of seconds, given as parameter `name`.

    Raises:
        UsageError: It is none of these, or below one second.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(duration).strip())
    seconds = float(found[1]) * SECONDS[found[2]] if found else math.nan
    if not SHORTEST_S <= seconds < math.inf:
        raise UsageError(f"{name}='{duration}' is not a duration; give for example 90s or 5m, at least 1s.")
    return seconds


def counts_of(
    text: str,
    option: str,
    word: str | None = None,
    steps: Callable[[int], Sequence[int]] = powers_of_two,
) -> tuple[str | int, ...]:
    """Return the counts of a list or range: `1,2,8`, `1-64`, or with `word` also that word.

    A list is taken as it is. Of a range come its two ends and the `steps` between them; `steps` returns
    those up to a count.

    Raises:
        UsageError: Something in it is no count from 1 to `MOST`.
    """
    counts: list[str | int] = []
    for part in text.split(","):
        if word is not None and part.strip() == word:
            counts.append(word)
            continue
        found = re.fullmatch(rf"\s*({COUNT})(?:\s*-\s*({COUNT}))?\s*", part)
        low = int(found[1]) if found else 0
        high = int(found[2] or low) if found else 0
        if not 1 <= low <= high <= MOST:
            also = f" or {word}" if word else ""
            raise UsageError(
                f"{option} '{text}' is not a list of counts from 1 to {MOST}; "
                f"give for example 1,2,8 or 1-64{also}."
            )
        between = steps(high) if low < high else ()
        counts += sorted({low, high, *(step for step in between if low < step < high)})
    return tuple(dict.fromkeys(counts))


def copies_of(copies: str | int | Sequence[int]) -> tuple[int, ...]:
    """Return numbers of copies as a user gives them: `2`, `"1-4"`, `"1,2,8"`, or several numbers.

    Of a range come all numbers up to 4, and beyond them those that share its larger end evenly, and powers
    of two.

    Raises:
        UsageError: Something in it is no number from 1 to `MOST_COPIES`.
    """
    text = copies if isinstance(copies, str) else ",".join(map(str, _each(copies)))
    try:
        found = counts_of(text, "copies", steps=lambda most: sorted({1, 2, 3, 4, *stream_counts(most)}))
    except UsageError:
        found = ()
    if not found or max(map(int, found)) > MOST_COPIES:
        raise UsageError(
            f"copies='{text}' is not a number of processes from 1 to {MOST_COPIES}; give for example 2 or "
            "1-4."
        )
    return tuple(sorted(map(int, found)))


def _each(numbers: int | Sequence[int]) -> Sequence[int]:
    return (numbers,) if isinstance(numbers, int) else tuple(numbers)


def shapes_of(text: str) -> dict[str, tuple[int, ...]]:
    """Return shapes by input name of `NAME[1,3,224,224],OTHER[1,10]`, or of `[1,3,224,224]` under "".

    Raises:
        UsageError: It does not have that form.
    """
    part = rf"([^\[\],]*)\[\s*({COUNT}(?:\s*,\s*{COUNT})*)?\s*\]"
    if not re.fullmatch(rf"\s*{part}(?:\s*,\s*{part})*\s*", text):
        raise UsageError(f"shapes='{text}' is not a shape; give for example NAME[1,3,224,224].")
    return {name.strip(): _numbers(sizes) for name, sizes in re.findall(part, text)}


def _numbers(sizes: str) -> tuple[int, ...]:
    numbers = tuple(int(size) for size in sizes.split(",")) if sizes else ()
    if 0 in numbers:
        raise UsageError(f"shapes= has a dimension of 0 in [{sizes}]; every dimension is at least 1.")
    return numbers


def cores_of(text: str | float) -> float:
    """Return CPU time in cores as a user writes it: `1.5`.

    Raises:
        UsageError: It is no number, or less than `LEAST_CORES`.
    """
    found = re.fullmatch(r"\d+(?:\.\d+)?", str(text).strip())
    if not found or not LEAST_CORES <= float(found[0]) < math.inf:
        raise UsageError(
            f"cpus='{text}' is not a number of cores; give for example 1.5, at least {LEAST_CORES:g}."
        )
    return float(found[0])


def niceness_of(number: int) -> int:
    """Return by how much processes give way to others; only the system's owner may let them go first.

    Raises:
        UsageError: It is no whole number from 0 to 19.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_NICE:
        raise UsageError(f"nice={number!r} is not a niceness; give a whole number from 0 to {MOST_NICE}.")
    return number


def cpuset_of(text: str | Sequence[int]) -> tuple[int, ...]:
    """Return numbers of cores as control groups list them: `0-1,4`; or given as numbers.

    Raises:
        UsageError: It is no such list, or an empty one.
    """
    if not isinstance(text, str):
        text = ",".join(map(str, text))
    cores: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*", part)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last:
            raise UsageError(f"cpuset='{text}' is not a list of cores; give for example 0-3 or 0,2,4.")
        cores |= {*range(first, last + 1)}
    return tuple(sorted(cores))


def arrival_rate_of(text: str | float) -> float:
    """Return the items per second of a load, as a user writes them: `200`, `0.5`.

    Raises:
        UsageError: It is not a number above 0, or one that no window can be made of.
    """
    found = re.fullmatch(r"\d+(?:\.\d+)?", str(text).strip())
    if not found or not 0 < float(found[0]) < math.inf:
        raise UsageError(
            f"rate='{text}' is not a number of arrivals per second above 0; give for example 200 or 0.5."
        )
    if not LEAST_RATE <= float(found[0]) <= MOST_RATE:
        raise UsageError(f"rate='{text}' is out of range; give {_RATES}.")
    return float(found[0])


def arrival_times_of(text: str, name: str) -> list[float]:
    """Return the arrival times in a text: seconds in order, one a line, after a header or none.

    Args:
        text: The text of the file `name`.
        name: How the file is called, for sentences.

    Raises:
        UsageError: A line is no such time, or there are too few.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    if lines and _time_of(lines[0][1]) is None and re.match(r"[^\W\d]", lines[0][1]):
        del lines[0]
    times: list[float] = []
    for number, line in lines:
        time = _time_of(line)
        if time is None:
            raise UsageError(
                f"arrivals='{name}' has '{line[:40]}' in line {number}, which is no number; "
                "give arrival times in seconds, one a line."
            )
        if time < 0:
            raise UsageError(
                f"arrivals='{name}' has a negative time in line {number} ({line[:40]}); "
                "give seconds from the beginning of the recording on."
            )
        if times and time < times[-1]:
            raise UsageError(
                f"arrivals='{name}' is not in order: line {number} ({line[:40]}) is earlier than the line "
                "before; sort the times."
            )
        times.append(time)
    if not times:
        raise UsageError(f"arrivals='{name}' holds no arrival times; give seconds, one a line.")
    if times[-1] == times[0]:
        raise UsageError(
            f"arrivals='{name}' holds a single moment, of which no rate follows; record arrivals for longer."
        )
    duration_s, gaps = times[-1] - times[0], len(times) - 1
    if not LEAST_RATE * duration_s <= gaps <= MOST_RATE * duration_s:
        raise UsageError(
            f"arrivals='{name}' holds {len(times)} arrivals in {duration_s:g} s, a rate out of range; "
            f"give times in seconds, of {_RATES}."
        )
    return times


def _time_of(text: str) -> float | None:
    """Return a finite number, or None if it is none."""
    try:
        time = float(text)
    except ValueError:
        return None
    return time if math.isfinite(time) else None
