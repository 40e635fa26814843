"""Rounds on real lanes with sentinels of several kinds, and what each would have kept of them.

A recording holds, for each round of two lanes, both rates, and what every core took for every piece of every kind of
work before, between and after the two windows. Shorter sentinels are the first pieces of longer ones, so one
recording answers for every work, length, reading and threshold. Half of the rounds are the hint against itself (A/A),
half are the hint against a faster configuration (A/B).
"""

import gzip
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from itertools import product
from math import exp, log
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tests import recordings
from tests.benchmarks.evidence import (
    HINT,
    Evidence,
    as_data,
    configuration,
    lanes_of,
    quiet_host,
)
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read
from tuner.domain.configuration import Configuration
from tuner.measure.comparison import WINDOW_S
from tuner.measure.lane import ASK_DEVICE, Lane, Lanes
from tuner.measure.sentinel import APART, BLOCK, SETTLING_S, WORK_S, EveryCore, checksum_s
from tuner.probe.devices import own_cores

FOLDER = recordings.FOLDER / "sentinel"
ROUNDS, SITTINGS, LONGEST_S = 100, 4, 80.0
DEAREST_S = 0.25
"""A candidate whose windows last longer is not compared: its rounds would be few."""

PIECE_S, PIECES = 0.001, 8
LENGTHS = (1, 2, 4, 8)
THRESHOLDS = (0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
LEAST_KEPT = 10
SAID = 20

Pieces = list[list[float]]
"""Seconds of each piece, a list for each core."""


class Played(msgspec.Struct, frozen=True):
    """A round: what was compared, the two rates, and the sentinels before, between and after the windows."""

    kind: str
    sitting: int
    rates_fps: tuple[float, float]
    seconds: tuple[float, float]
    order: tuple[int, int]
    moments: tuple[dict[str, Pieces], ...]

    @property
    def log_ratio(self) -> float:
        """The second lane over the hint."""
        return log(self.rates_fps[1] / self.rates_fps[0])


class Recording(msgspec.Struct, frozen=True):
    """The rounds of one model."""

    model: str
    date: str
    candidate: dict[str, Any]
    rounds: tuple[Played, ...]


def products() -> Callable[[], float]:
    """Products of small matrices, which stay in the core's own cache, and for which NumPy starts no threads."""
    one = np.linspace(0.5, 1.0, 64 * 64, dtype=np.float32).reshape(64, 64)
    left, product = np.broadcast_to(one, (32, 64, 64)), np.zeros((32, 64, 64), np.float32)
    return lambda: _timed(lambda: np.matmul(left, one, out=product))


def hashing() -> Callable[[], float]:
    """Checksums, as the tuner's own sentinel computes them."""
    block = bytearray(BLOCK)
    return lambda: checksum_s(block, 1)


def copying() -> Callable[[], float]:
    """Copies of more memory than a core's cache holds."""
    source, target = np.ones(1 << 20, np.float32), np.ones(1 << 20, np.float32)
    return lambda: _timed(lambda: np.copyto(target, source))


WORKS = {"products": products, "hashing": hashing, "copying": copying}


def _timed(run: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    run()
    return time.perf_counter() - began_s


def prepare_all() -> Callable[[], Callable[[], dict[str, list[float]]]]:
    """Return what prepares, for a core, pieces of every kind of work; each piece takes about `PIECE_S` here and now."""
    trials = {name: make() for name, make in WORKS.items()}
    repeats = {name: max(1, round(PIECE_S / min(run() for _ in range(20)))) for name, run in trials.items()}

    def prepare() -> Callable[[], dict[str, list[float]]]:
        ready = {name: make() for name, make in WORKS.items()}

        def pieces(name: str) -> list[float]:
            settled_s = time.perf_counter() + SETTLING_S  # after a window, or after work of another kind
            while time.perf_counter() < settled_s:
                ready[name]()
            return [sum(ready[name]() for _ in range(repeats[name])) for _ in range(PIECES)]

        return lambda: {name: pieces(name) for name in ready}

    return prepare


def candidate_of(name: str) -> Configuration:
    """Return the fastest recorded configuration of a model whose windows are short."""
    landscape = Landscape(read(recordings.path_of(name)))
    entries = [each for each in landscape.recording.entries if each.sittings and each.window_s <= DEAREST_S]
    return max(entries, key=lambda each: landscape.log_ratio(each.configuration)).configuration


def play(
    lanes: Lanes, candidate: Configuration, rounds: int, sentinel: Callable[[], list[dict[str, list[float]]]]
) -> Iterator[Played]:
    """Yield rounds of both kinds in turn, over sittings with fresh lanes, until there are enough or time is up."""
    hint, rng, began_s = configuration(HINT, 1, ASK_DEVICE), random.Random(0), time.monotonic()
    for sitting in range(SITTINGS):
        with ExitStack() as stack:
            opened = [stack.enter_context(closing(lanes.open(each))) for each in (hint, hint, candidate)]
            for lane in opened:
                lane.window(WINDOW_S)
            for number in range(2 * rounds // SITTINGS):
                if time.monotonic() - began_s > LONGEST_S * (sitting + 1) / SITTINGS:
                    break
                kind = ("A/A", "A/B")[number % 2]
                yield _round(kind, sitting, (opened[0], opened[1 + number % 2]), rng, sentinel)


def _round(
    kind: str,
    sitting: int,
    pair: tuple[Lane, Lane],
    rng: random.Random,
    sentinel: Callable[[], list[dict[str, list[float]]]],
) -> Played:
    order = (0, 1) if rng.random() < 0.5 else (1, 0)
    moments, windows = [_by_work(sentinel())], {}
    for lane in order:
        windows[lane] = pair[lane].window(WINDOW_S)
        moments.append(_by_work(sentinel()))
    rates = (windows[0].rate_fps, windows[1].rate_fps)
    return Played(kind, sitting, rates, (windows[0].seconds, windows[1].seconds), order, tuple(moments))


def _by_work(cores: Sequence[dict[str, list[float]]]) -> dict[str, Pieces]:
    """Return a moment's pieces by work, in seconds to the nearest microsecond."""
    return {name: [[round(piece, 6) for piece in core[name]] for core in cores] for name in WORKS}


def record_all(names: Sequence[str], rounds: int) -> None:
    """Record the rounds of models that are not recorded yet."""
    FOLDER.mkdir(exist_ok=True)
    with quiet_host("sentinel"), tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = FOLDER / f"{name}.json.gz"
            if not path.exists():
                _, lanes = lanes_of(name, Path(folder))
                candidate, date = candidate_of(name), datetime.now().astimezone().isoformat("T", "seconds")
                with closing(EveryCore(own_cores(), prepare_all())) as cores:
                    played = tuple(play(lanes, candidate, rounds, cores.run))
                write(path, Recording(name, date, as_data(candidate), played))
                print(name, len(played), "rounds", flush=True)


def write(path: Path, recording: Recording) -> None:
    """Write a recording; the same recording gives the same bytes."""
    path.write_bytes(gzip.compress(msgspec.json.encode(recording), mtime=0))


def recorded() -> list[Recording]:
    """Return what was recorded, in the models' order."""
    paths = (FOLDER / f"{name}.json.gz" for name in MODELS)
    return [
        msgspec.json.decode(gzip.decompress(path.read_bytes()), type=Recording)
        for path in paths
        if path.exists()
    ]


READINGS: dict[str, Callable[[Pieces], list[float]]] = {
    "slowest core": lambda cores: [max(map(sum, cores))],
    "each core": lambda cores: [sum(core) for core in cores],
    "mean of the cores": lambda cores: [fmean(map(sum, cores))],
    "slowest core, median piece": lambda cores: [max(map(median, cores))],
}
"""What is compared between moments, from the pieces of each core."""


class Rule(NamedTuple):
    """When a round is dropped."""

    work: str
    milliseconds: int
    reading: str
    threshold: float

    def keeps(self, played: Played) -> bool:
        """Return whether the host stood still in a round, as far as the sentinels tell."""
        cores = ([core[: self.milliseconds] for core in moment[self.work]] for moment in played.moments)
        values = zip(*map(READINGS[self.reading], cores), strict=True)
        return all(max(each) <= (1 + self.threshold) * min(each) for each in values)

    def __str__(self) -> str:
        return f"{self.work}, {self.milliseconds} ms, {self.reading}, {100 * self.threshold:g} %"


OWN = Rule("hashing", round(WORK_S / PIECE_S), "slowest core", APART)
"""What the tuner does."""

RULES = [Rule(*each) for each in product(WORKS, LENGTHS, READINGS, THRESHOLDS)]


class Kept(NamedTuple):
    """What a rule makes of the rounds of a model and a kind."""

    rounds: int
    kept: int
    deviation: float  # Of the log-ratios around their sitting's median
    deviation_kept: float
    bias: float  # By how much the mean of the kept differs from that of all
    bias_error: float  # Its standard error
    worth: float  # How many times as many rounds the same time is worth


def kept_by(rule: Rule, rounds: Sequence[Played]) -> Kept | None:
    """Return what a rule makes of rounds of one kind; None where it keeps hardly any."""
    middles = {
        sitting: median(each.log_ratio for each in rounds if each.sitting == sitting)
        for sitting in {each.sitting for each in rounds}
    }
    strays = [(rule.keeps(each), each.log_ratio - middles[each.sitting]) for each in rounds]
    kept = [stray for keeps, stray in strays if keeps]
    dropped = [stray for keeps, stray in strays if not keeps]
    every = kept + dropped
    if len(kept) < LEAST_KEPT:
        return None
    windows_s = fmean(sum(each.seconds) for each in rounds)
    cost = windows_s / (windows_s + 2e-3 * rule.milliseconds)
    worth = cost * len(kept) / len(every) * (stdev(every) / stdev(kept)) ** 2
    of_dropped = fmean(stray**2 for stray in dropped) / len(dropped) if dropped else 0.0
    error = len(dropped) / len(every) * (stdev(kept) ** 2 / len(kept) + of_dropped) ** 0.5
    bias = fmean(kept) - fmean(every)
    return Kept(len(every), len(kept), stdev(every), stdev(kept), bias, error, worth)


def compare_all(say: Callable[[str], None]) -> None:
    """Say what each rule would have kept, and keep it as evidence."""
    evidence, parts = Evidence("sentinel"), {}
    for recording in recorded():
        for kind in ("A/A", "A/B"):
            rounds = [each for each in recording.rounds if each.kind == kind]
            parts[f"{recording.model}: {kind}"] = rounds
            if len(rounds) > LEAST_KEPT and (own := kept_by(OWN, rounds)):
                evidence.save(f"lanes: {recording.model}: {kind}", **_rounded(own))
    rules = []
    for rule in RULES:
        found = [kept_by(rule, rounds) for rounds in parts.values()]
        if found and all(found):
            rules.append((rule, _over_models([each for each in found if each])))
    rules.sort(key=lambda pair: -pair[1]["worth"])
    evidence.save("lanes: rules", rules={str(rule): over for rule, over in rules})
    own_place = next((place for place, (rule, _) in enumerate(rules) if rule == OWN), None)
    for place, (rule, over) in enumerate(rules):
        if place < SAID or place == own_place:
            say(f"{place + 1:>3}  {rule}: {over}")


def _rounded(found: Kept) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found._asdict().items()}


def _over_models(found: Sequence[Kept]) -> dict[str, float]:
    """Return a rule's figures over models and kinds: medians of the first two, the mean logarithm of the worth."""
    return {
        "kept": round(median(each.kept / each.rounds for each in found), 3),
        "deviation": round(median(each.deviation_kept / each.deviation for each in found), 3),
        "worth": round(exp(fmean(log(each.worth) for each in found)), 3),
        "worst": round(min(each.worth for each in found), 3),
        "furthest_bias": round(max(abs(each.bias) / (each.bias_error or 1.0) for each in found), 2),
    }
