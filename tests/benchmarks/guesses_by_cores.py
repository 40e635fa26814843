"""Guesses that depend on the host: streams that get one core each, or several.

A count of streams means something else on 2 cores than on 64; cores a stream does not. The space says how
many cores there are: its streams end at the hardware threads, and it has an axis for hyper-threading where a
core has two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuner.domain.space import Point, Space


class HostGuess(NamedTuple):
    """A point of any host's space.

    Attributes:
        cores: Physical cores that a stream gets.
        batch: Items in one infer request.
        requests_per_stream: Infer requests for each stream.
    """

    cores: int
    batch: int
    requests_per_stream: int


HOST_GUESSES = (
    HostGuess(cores=1, batch=64, requests_per_stream=4),
    HostGuess(cores=16, batch=32, requests_per_stream=4),
    HostGuess(cores=1, batch=4, requests_per_stream=4),
    HostGuess(cores=1, batch=16, requests_per_stream=4),
    HostGuess(cores=1, batch=2, requests_per_stream=2),
)
"""What helped the recorded models most, one after the other, on modelled machines of 2 to 2 x 32 cores.

Chosen for each kind of models from the other kinds alone, they brought modelled searches of 60 s on 8 to 64
cores from 0.978 to 0.986 of the optimum, those of 120 s from 0.992 to 0.994 (192 searches each), and changed
nothing on 2 cores (`reports/evidence`). The search does not use them yet."""


def host_guesses(space: Space, guesses: Sequence[HostGuess] = HOST_GUESSES) -> tuple[Point, ...]:
    """Return guesses as points of a space; none where it has no counts of streams of one device.

    Args:
        space: The space of a target.
        guesses: What to try, in this order.
    """
    cores = _cores(space)
    return tuple(
        {
            "streams": max(1, cores // guess.cores),
            "batch": guess.batch,
            "requests_per_stream": guess.requests_per_stream,
        }
        for guess in guesses
        if cores
    )


def _cores(space: Space) -> int:
    """Return the physical cores of a space's device; 0 where it has no counts of streams."""
    threads = max((count for count in space.axes.get("streams", ()) if isinstance(count, int)), default=0)
    return threads // 2 if "hyper_threading" in space.axes else threads
