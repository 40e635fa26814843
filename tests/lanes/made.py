"""Landscapes made from a recording: its noise, costs and luck, with gains that are known because they are made."""

import math
import random
from collections.abc import Mapping, Sequence

from tests.lanes.replayed import Entry, Landscape, Recording, Sitting, true_log_ratio
from tuner.domain.configuration import Configuration, Effective

LITTLE_LOSS = 0.02
"""Log-ratio that a configuration of a flattened landscape is behind the hint at most."""


class Made(Landscape):
    """A recording's landscape with other truths."""

    def __init__(self, recording: Recording, truths: Mapping[Configuration, float]) -> None:
        """Play these log-ratios in place of the recorded ones."""
        super().__init__(recording)
        self._made = truths

    @property
    def _truths(self) -> Mapping[Configuration, float]:
        return self._made

    def noise(self, entry: Entry) -> Sequence[Sitting]:
        """Return an entry's sittings, and each with its sides exchanged: else the few of them favour one side."""
        sides = (Sitting(each.at_s, each.rate_fps, each.baseline_fps) for each in entry.sittings)
        return [*entry.sittings, *sides]


def flattened(recording: Recording, gain: float, seed: int) -> Landscape:
    """Return a landscape that gains in one corner only.

    A configuration that the seed draws gains `gain`, its neighbours on the axes half of it. Everything else is as
    fast as the hint or a little slower.
    """
    rng, hint = random.Random(f"corner {seed}"), _hint(recording)
    others = [entry for entry in originals(recording) if entry is not hint]
    corner = rng.choice(others)
    truths = {hint.configuration: 0.0}
    for entry in others:
        loss = -rng.uniform(0.0, LITTLE_LOSS)
        steps = _steps(entry.effective, corner.effective)
        share = 1.0 if entry is corner else 0.5 if gain and steps == 1 else 0.0
        truths[entry.configuration] = math.log1p(gain * share) if gain and share else loss
    return Made(recording, truths)


def mirrored(recording: Recording) -> Landscape:
    """Return a landscape in which every recorded gain is a loss as large: nothing is faster than the hint."""
    truths = {entry.configuration: -abs(true_log_ratio(entry)) for entry in originals(recording)}
    return Made(recording, {**truths, _hint(recording).configuration: 0.0})


def originals(recording: Recording) -> list[Entry]:
    """Return the entries that are programs of their own."""
    return [entry for entry in recording.entries if entry.sittings]


def _hint(recording: Recording) -> Entry:
    (baseline,) = (entry for entry in recording.entries if entry.configuration == recording.baseline)
    return next(entry for entry in originals(recording) if entry.effective == baseline.effective)


def _steps(one: Effective, other: Effective) -> float:
    """Return how many doublings two programs are apart: in streams, batch, and requests a stream."""
    places = [
        (math.log2(streams), math.log2(each.batch), math.log2(each.requests / streams))
        for each in (one, other)
        if (streams := each.streams or 1)
    ]
    return sum(abs(a - b) for a, b in zip(*places, strict=True))
