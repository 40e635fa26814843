"""A lane that plays what was measured once: real landscapes, real noise, thousands of searches.

A recording holds, for every configuration of a model's space, the rounds of its duels with the
hint, each duel (a *sitting*) in a process of its own. A replayed window's log-ratio is the sum of
the configuration's true log-ratio, the luck of its process, drawn when the lane opens, and a recorded
round's residual; residuals are played in the order in which they were recorded, so that bursts
last as long as they did. All lanes share the recorded course of the host's speed. Time is virtual
and passes as it did in the recording.
"""

from __future__ import annotations

import gzip
import math
import random
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from statistics import fmean, median, pvariance

import msgspec
import numpy as np

from tests.lanes.in_turn import open_in_turn
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.history import CYCLES_A_WINDOW
from tuner.domain.host import Host
from tuner.domain.sample import Measured, Window
from tuner.domain.stats import speedup
from tuner.errors import LaneError
from tuner.measure.lane import ASK_DEVICE, Answers, Lane, LaneFacts

LATENCY_HINT = (("PERFORMANCE_HINT", "LATENCY"),)
ONE_STREAM = (("NUM_STREAMS", 1),)
"""What the hint `LATENCY` makes of a processor."""

LEAST_LATENCIES, MOST_LATENCIES = 3, 400
"""Requests that a replayed window tells of."""

RECORDED_WINDOW_S = 0.1
"""Length of the recorded windows; a longer replayed window is the mean of several."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """One duel with the hint, in one process.

    Attributes:
        at_s: When it began, in seconds since the recording began.
        baseline_fps: The hint's rate in each round.
        rate_fps: The configuration's rate in the same rounds.
    """

    at_s: float
    baseline_fps: tuple[float, ...]
    rate_fps: tuple[float, ...]

    @property
    def log_ratios(self) -> list[float]:
        """Each round's log-ratio to the hint."""
        return [math.log(rate / hint) for hint, rate in zip(self.baseline_fps, self.rate_fps, strict=True)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One configuration.

    Attributes:
        configuration: What was compiled.
        effective: What the device made of it; entries with equal ones are the same program, and
            only the first of them has sittings.
        compile_s: Seconds that compiling took.
        open_s: Seconds from asking for the lane until it was ready.
        window_s: Mean time that a window took.
        measured: Figures of the last sitting.
        sittings: Its duels.
    """

    configuration: Configuration
    effective: Effective
    compile_s: float
    open_s: float
    window_s: float = 0.0
    measured: Measured | None = None
    sittings: tuple[Sitting, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """The landscape of one model on one host.

    Attributes:
        model: Name of the model.
        command: What recorded it.
        date: When, ISO 8601.
        host: Where.
        baseline: The performance hint's configuration.
        optimal_requests: The hint's `OPTIMAL_NUMBER_OF_INFER_REQUESTS`.
        entries: Every configuration that was worth its time.
        same: Duels of the hint with itself.
        seconds: How long recording took.
    """

    model: str
    command: str
    date: str
    host: Host
    baseline: Configuration
    optimal_requests: int
    entries: tuple[Entry, ...]
    same: tuple[Sitting, ...]
    seconds: float


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ValueError: The file is none, or is damaged.
    """
    try:
        return msgspec.json.decode(gzip.decompress(path.read_bytes()), type=Recording)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"'{path}' is no recording ({error}); record it again.") from error


def write(path: Path, recording: Recording) -> None:
    """Write a recording; the same recording gives the same bytes."""
    path.write_bytes(gzip.compress(msgspec.json.encode(recording), mtime=0))


def true_log_ratio(entry: Entry) -> float:
    """Return the best estimate of an entry's log-ratio to the hint: over all its rounds."""
    return math.log(speedup([log for sitting in entry.sittings for log in sitting.log_ratios]).ratio)


class Landscape:
    """What a recording says of every configuration, ready to be drawn from.

    Attributes:
        recording: The recording.
        same: Whether every configuration secretly runs the hint: then each true ratio is 1, and
            luck and residuals are those of the hint's duels with itself.
    """

    def __init__(self, recording: Recording, same: bool = False) -> None:
        """Look at `recording`."""
        self.recording, self.same = recording, same
        self._entries = {entry.configuration: entry for entry in recording.entries}
        self._originals = {entry.effective: entry for entry in recording.entries if entry.sittings}

    def entry(self, wanted: Configuration) -> Entry:
        """Return a configuration as a lane plays it.

        A configuration that was left out because it is dear is played as the largest recorded configuration with the same
        properties and neither more batch nor more requests; its windows are as long as its cycles need at that rate.

        Raises:
            LaneError: There is none.
        """
        if wanted.requests == ASK_DEVICE:
            wanted = replace(wanted, requests=self.recording.optimal_requests)
        original = self._original(wanted)
        window_s = original.window_s
        if original.measured and _in_flight(wanted) > _in_flight(original.configuration):
            window_s = max(window_s, CYCLES_A_WINDOW * _in_flight(wanted) / original.measured.throughput_fps)
        return replace(
            original,
            configuration=wanted,
            effective=replace(original.effective, batch=wanted.batch, requests=wanted.requests),
            window_s=window_s,
        )

    def _original(self, wanted: Configuration) -> Entry:
        """Return the entry whose rounds a configuration plays: its own, its twin's or its neighbour's."""
        if wanted.properties == LATENCY_HINT:
            wanted = replace(wanted, properties=ONE_STREAM)
        if wanted in self._entries:
            return self._originals[self._entries[wanted].effective]
        smaller = [
            entry
            for entry in self._entries
            if entry.properties == wanted.properties
            and entry.batch <= wanted.batch
            and entry.requests <= wanted.requests
        ]
        if not smaller:
            raise LaneError(f"{wanted} was not recorded")
        return self._original(
            max(smaller, key=lambda configuration: (configuration.batch, configuration.requests))
        )

    def log_ratio(self, configuration: Configuration) -> float:
        """Return a configuration's true log-ratio to the hint."""
        return 0.0 if self.same else self._truths[self._original(configuration).configuration]

    def p99_ms(self, configuration: Configuration) -> float:
        """Return a configuration's true p99 latency: as it was recorded, at the median speed of the host."""
        entry = self.entry(configuration)
        assert entry.measured
        median_fps = median(self.course[1]) * math.exp(self.log_ratio(entry.configuration))
        return entry.measured.at_rate(median_fps).latency_ms.p99

    def best(self) -> Entry:
        """Return the fastest configuration."""
        return max(self._originals.values(), key=lambda entry: self._truths[entry.configuration])

    @cached_property
    def _truths(self) -> dict[Configuration, float]:
        return {entry.configuration: true_log_ratio(entry) for entry in self._originals.values()}

    def noise(self, entry: Entry) -> Sequence[Sitting]:
        """Return the sittings whose noise an entry's lanes play."""
        return self.recording.same if self.same else entry.sittings

    @cached_property
    def luck(self) -> tuple[float, ...]:
        """How far two processes of one configuration are apart: log-ratios, the rounds' own noise taken out.

        They are the medians of the hint's duels with itself, shrunk to the variance that is left
        when the variance of a median of so many rounds (pi / 2 times that of their mean) is taken off.
        """
        sittings = self.recording.same
        medians = [median(sitting.log_ratios) for sitting in sittings]
        middle = fmean(medians)
        between = sum((value - middle) ** 2 for value in medians) / (len(medians) - 1)
        rounds = fmean(len(sitting.rate_fps) for sitting in sittings)
        left = between - math.pi / 2 * _spread(sittings) ** 2 / rounds
        shrink = math.sqrt(max(0.0, left) / between) if between else 0.0
        return tuple(shrink * (value - middle) for value in medians)

    def luck_deviation(self) -> float:
        """Return the deviation between processes of one configuration, on the logarithmic scale."""
        return math.sqrt(pvariance(self.luck))

    def noise_deviation(self) -> float:
        """Return a round's robust deviation from its sitting's median, on the logarithmic scale."""
        return _spread([sitting for entry in self._originals.values() for sitting in entry.sittings])

    @cached_property
    def course(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The moments of the recording and the hint's median rate at each, in items per second."""
        sittings = [sitting for entry in self._originals.values() for sitting in entry.sittings]
        ordered = sorted([*sittings, *self.recording.same], key=lambda sitting: sitting.at_s)
        return tuple(sitting.at_s for sitting in ordered), tuple(
            median(sitting.baseline_fps) for sitting in ordered
        )


def residuals(sittings: Sequence[Sitting], rng: random.Random) -> Iterator[float]:
    """Yield what rounds strayed from their sitting's median, without end, from a random place on.

    They are widened by as much as a median of so few rounds has hugged them.
    """
    while True:
        logs = rng.choice(sittings).log_ratios
        widen = math.sqrt(len(logs) / (len(logs) - 1))
        middle = median(logs)
        yield from (widen * (log - middle) for log in logs[rng.randrange(len(logs)) :])


def _spread(sittings: Sequence[Sitting]) -> float:
    """Return the robust deviation (1.4826 * MAD) of rounds from their sitting's median."""
    logs = [sitting.log_ratios for sitting in sittings]
    return 1.4826 * median(
        abs(log - median(each)) * math.sqrt(len(each) / (len(each) - 1)) for each in logs for log in each
    )


class ReplayedLanes:
    """Opens replayed lanes that share one virtual clock and one course of the host."""

    reference = None
    sentinel = None  # recordings tell nothing of the time between windows

    def __init__(self, landscape: Landscape, seed: int = 0) -> None:
        """Replay `landscape`; the seed draws luck, residuals and the moment of the recording."""
        self.landscape, self.rng = landscape, random.Random(seed)
        self._time_s = 0.0
        self._from_s = self.rng.uniform(0.0, landscape.recording.seconds)

    def open(self, configuration: Configuration) -> ReplayedLane:
        """Compile, which takes as long as it did."""
        entry = self.landscape.entry(configuration)
        self.spend(entry.open_s)
        return ReplayedLane(self, entry)

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Compile several, one after the other."""
        return open_in_turn(self, configurations)

    def now(self) -> float:
        """Return the virtual time in seconds."""
        return self._time_s

    def spend(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._time_s += seconds

    def baseline_fps(self) -> float:
        """Return the hint's rate at this moment."""
        moments, rates = self.landscape.course
        at_s = (self._from_s + self._time_s) % self.landscape.recording.seconds
        return rates[max(0, bisect_right(moments, at_s) - 1)]


class ReplayedLane:
    """One configuration of a recording."""

    def __init__(self, lanes: ReplayedLanes, entry: Entry) -> None:
        """Draw the luck of this process."""
        landscape, rng = lanes.landscape, lanes.rng
        self._lanes, self._entry = lanes, entry
        self._is_hint = entry.effective == landscape.entry(landscape.recording.baseline).effective
        self._log = (
            0.0 if self._is_hint else landscape.log_ratio(entry.configuration) + rng.choice(landscape.luck)
        )
        self._residuals = residuals(landscape.noise(entry), rng)
        self._facts = LaneFacts(
            entry.effective, landscape.recording.optimal_requests, entry.compile_s, entry.compile_s
        )
        self._closed = False

    @property
    def facts(self) -> LaneFacts:
        """What the device compiled."""
        return self._facts

    def window(self, seconds: float) -> Window:
        """Return a window's figures; virtual time passes as it did in the recording."""
        self._require_open()
        rounds = max(1, round(seconds / RECORDED_WINDOW_S))
        noise = 0.0 if self._is_hint else fmean(islice(self._residuals, rounds))
        rate = self._lanes.baseline_fps() * math.exp(self._log + noise)
        spent = max(seconds, self._entry.window_s)
        self._lanes.spend(spent)
        assert self._entry.measured
        latency = self._entry.measured.at_rate(rate).latency_ms
        requests = min(
            MOST_LATENCIES, max(LEAST_LATENCIES, round(rate * spent / self._entry.effective.batch))
        )
        slow, slowest = round(0.1 * requests), max(1, round(0.02 * requests))
        latencies = chain(
            [latency.p50] * (requests - slow - slowest), [latency.p90] * slow, [latency.p99] * slowest
        )
        return Window(rate, tuple(latencies), spent, self._entry.measured.memory_mb)

    def answers(self) -> Answers:
        """Return two fixed answers: a recording holds rates alone."""
        self._require_open()
        return (np.asarray([2.0]),), (np.asarray([3.0]),)

    def alive(self) -> bool:
        """Return whether the lane is open."""
        return not self._closed

    def close(self) -> None:
        """End the lane."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise LaneError("the lane is closed")


def _in_flight(configuration: Configuration) -> int:
    return configuration.batch * configuration.requests
