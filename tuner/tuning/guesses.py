"""What a search tries first: on small devices the hint's streams, on servers streams of so many cores each.

A count of streams means something else on 2 cores than on 64; cores a stream does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuner.domain.device_space import DeviceSpace
from tuner.domain.place import Quota
from tuner.domain.space import HINT, LATENCY_HINT, Point, Space

GUESSES: tuple[Point, ...] = (
    {"streams": HINT, "batch": 64, "requests_per_stream": 4},
    {"streams": HINT, "batch": 4, "requests_per_stream": 2},
    {"streams": HINT, "batch": 16, "requests_per_stream": 2},
    {"streams": HINT, "batch": 2, "requests_per_stream": 2},
    {"streams": HINT, "batch": 8, "requests_per_stream": 4},
)
"""The points that, added one after the other, helped nine models recorded on 2 cores most.

Chosen in the same way for each model from the other models, they brought replayed searches from 0.886 to
0.946 of the optimum in 15 s and from 0.958 to 0.982 in 30 s, and did not change those of 60 s: 0.990 and
0.991 (means of 80; `reports/evidence`). Axes that are left out stand for the model's own batch, one request
for each stream, and the device's defaults."""


class HostGuess(NamedTuple):
    """A point of any server's space.

    Attributes:
        cores: Physical cores that a stream gets.
        batch: Items in one infer request.
        requests_per_stream: Infer requests for each stream.
    """

    cores: int
    batch: int
    requests_per_stream: int


SERVER_GUESSES = (
    HostGuess(cores=2, batch=64, requests_per_stream=4),
    HostGuess(cores=16, batch=32, requests_per_stream=4),
    HostGuess(cores=1, batch=16, requests_per_stream=4),
    HostGuess(cores=1, batch=4, requests_per_stream=4),
    HostGuess(cores=1, batch=64, requests_per_stream=4),
    HostGuess(cores=1, batch=32, requests_per_stream=4),
    HostGuess(cores=8, batch=16, requests_per_stream=1),
    HostGuess(cores=1, batch=2, requests_per_stream=4),
)
"""What helped the recorded models most, one after the other, on modelled machines of 8 to 2 x 32 cores.

Chosen for each kind of models from the other kinds alone, such guesses brought modelled searches of 60 s
from 0.954 of the optimum, with `GUESSES` (24 of each machine and kind), to 0.982 (12 of each); these,
chosen from all kinds, reach 0.990 (200 of each; `reports/evidence`). On the recordings' 2 cores five
guesses of this form lost: replayed searches of 15, 30 and 60 s reached 0.961, 0.983 and 0.986 of the
optimum, and 0.973, 0.987 and 0.992 with `GUESSES` (80 each)."""

SERVER_CORES = 8
"""Physical cores from which guesses count in cores: the fewest of the machines that they were chosen from."""


def guesses_for(space: Space) -> tuple[Point, ...]:
    """Return what to try first in a space.

    Where latency is limited, that is the hint `LATENCY`, and then the fewest items in flight first.
    """
    guesses = _of_copies(space, _within_a_quota(space, _guesses_of_throughput(space)))
    if LATENCY_HINT in space.axes.get("streams", ()):
        guesses = ({"streams": LATENCY_HINT}, *sorted(guesses, key=_items))
    return _with_precisions(space, guesses)


def _within_a_quota(space: Space, guesses: Sequence[Point]) -> tuple[Point, ...]:
    """Return guesses with as many threads as a quota lasts for, rounded down; the hint comes first."""
    if not (isinstance(space, DeviceSpace) and space.quota and "threads" in space.axes):
        return tuple(guesses)
    own: tuple[Point, ...] = ({"streams": HINT}, {"streams": 1}, *guesses)
    share = Quota(space.quota.cores / max(space.question.copies)).counts[0]
    return tuple({**guess, "threads": share} for guess in own)


def _of_copies(space: Space, guesses: Sequence[Point]) -> tuple[Point, ...]:
    """Return guesses for several processes: the hint in each number of them, on all cores and on own ones.

    Then a stream with as many threads as a copy's share of the cores, and the guesses on own cores.
    """
    if not isinstance(space, DeviceSpace) or not space.question.of_copies:
        return tuple(guesses)
    choices = space.axes["copies"]
    hints: list[Point] = [{"streams": HINT, "copies": choice} for choice in choices[1:]]
    own = next((choice for choice in choices if isinstance(choice, str)), choices[0])
    if "threads" in space.axes:
        copies = max(space.question.copies)
        usable = space.quota.cores if space.quota else len(space.own_cores)
        hints.append({"streams": 1, "threads": Quota(usable / copies).counts[0], "copies": copies})
    return (*hints, *({**guess, "copies": own} for guess in guesses))


def _items(guess: Point) -> int:
    return int(guess.get("batch", 1)) * int(guess.get("requests_per_stream", 1))


def _guesses_of_throughput(space: Space) -> tuple[Point, ...]:
    server = space.target == "CPU" and cores_of(space) >= SERVER_CORES
    without_the_hint = HINT not in space.axes.get("streams", (HINT,))
    return host_guesses(space, SERVER_GUESSES) if server or without_the_hint else GUESSES


def _with_precisions(space: Space, guesses: Sequence[Point]) -> tuple[Point, ...]:
    """Add the hint in each further precision of a device after two guesses: it changes all speeds alike."""
    further = space.axes.get("precision", ())[1:]
    return (*guesses[:2], *({"precision": choice} for choice in further), *guesses[2:])


def host_guesses(space: Space, guesses: Sequence[HostGuess]) -> tuple[Point, ...]:
    """Return guesses as points of a space; none where it has no counts of streams of one device."""
    cores = cores_of(space)
    return tuple(
        {
            "streams": max(1, cores // guess.cores),
            "batch": guess.batch,
            "requests_per_stream": guess.requests_per_stream,
        }
        for guess in guesses
        if cores
    )


def cores_of(space: Space) -> int:
    """Return the cores that the streams of a device share: of a processor, whatever streams are asked for.

    Of other devices it is the largest number of streams; 0 where a space has no counts of streams.
    """
    counts = [count for count in space.axes.get("streams", ()) if isinstance(count, int)]
    own = space.cores if isinstance(space, DeviceSpace) else 0
    return (own or max(counts)) if counts else 0
