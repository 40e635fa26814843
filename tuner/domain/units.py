"""Reads what users write: durations, counts and ranges, shapes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from tuner.domain.steps import powers_of_two
from tuner.errors import UsageError

SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
SHORTEST_S = 1.0
GREATEST_SEED = (1 << 32) - 1
"""The largest seed that the random generator behind Optuna takes."""

COUNT = r"\d{1,18}"
"""A number that is no larger than OpenVINO's shapes can hold; Python refuses to read thousands of digits."""

MOST = 1 << 20
"""The largest batch, or number of streams or requests, that an advice can hold."""


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
