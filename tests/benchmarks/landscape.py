"""Every configuration of a model's space, duelled against the hint, its rounds kept.

Each configuration gets a duel in each of two passes, in an order of its own and with a baseline
opened anew, and the best few a third time with more rounds; then the hint is duelled against
itself in fresh processes, which shows how far two lanes of one configuration are apart. Configurations
of which a single window would take longer than `DEAREST_S` are left out. The recordings are what
`tests.lanes.replayed` plays, and ship with the tests.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.benchmarks.evidence import HINT, configuration, lanes_of, quiet_host
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Entry, Recording, Sitting, true_log_ratio, write
from tests.recordings import path_of
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.device_space import device_space
from tuner.domain.history import CYCLES_A_WINDOW
from tuner.domain.space import Bounds, Space
from tuner.measure.comparison import Comparison
from tuner.measure.lane import ASK_DEVICE, Lane
from tuner.measure.process import ProcessLanes
from tuner.probe.devices import describe, facts
from tuner.probe.host import describe_host

PASSES = 2
ROUNDS = 8
SITTING_S = 3.0
LEAST_ROUNDS = 3
FAVOURITES = 6
FAVOURITE_ROUNDS = 20
FAVOURITE_S = 10.0
SAME_SITTINGS = 12
DEAREST_S = 2.5


class Recorder:
    """Fills the entries of one model's recording."""

    def __init__(self, lanes: ProcessLanes, space: Space, baseline: Configuration) -> None:
        self._lanes, self._space, self._baseline = lanes, space, baseline
        self._rng = random.Random(0)
        self._began = time.monotonic()
        self.entries: dict[Configuration, Entry] = {}
        self._best_fps = 0.0

    def now(self) -> float:
        return time.monotonic() - self._began

    def pass_over(self) -> None:
        """Give every configuration that is worth its time one more sitting."""
        points = [self._space.configuration(point) for point in self._space.points()]
        with closing(self._lanes.open(self._baseline)) as hint:
            hint.window(0.5)
            for wanted in self._rng.sample(points, len(points)):
                if self._window_s(wanted) <= DEAREST_S and not self._known_twin(wanted):
                    self.sit(wanted, hint, ROUNDS, SITTING_S)

    def favourites(self) -> None:
        """Give the best few a longer sitting, so that the optimum is no lucky number."""
        ranked = sorted(self._originals(), key=true_log_ratio, reverse=True)
        with closing(self._lanes.open(self._baseline)) as hint:
            hint.window(0.5)
            for entry in ranked[:FAVOURITES]:
                self.sit(entry.configuration, hint, FAVOURITE_ROUNDS, FAVOURITE_S)

    def same(self) -> tuple[Sitting, ...]:
        """Duel the hint against itself in fresh pairs of processes."""
        sittings = []
        for _ in range(SAME_SITTINGS):
            with (
                closing(self._lanes.open(self._baseline)) as first,
                closing(self._lanes.open(self._baseline)) as second,
            ):
                comparison = Comparison([first, second], self._rng, self.now)
                sittings.append(self._play(comparison, ROUNDS, SITTING_S))
        return tuple(sittings)

    def sit(self, wanted: Configuration, hint: Lane, rounds: int, seconds: float) -> None:
        """Duel a configuration; if it compiles to a known program, it becomes its twin."""
        began = time.monotonic()
        with closing(self._lanes.open(wanted)) as lane:
            open_s = time.monotonic() - began
            known = self.entries.get(wanted)
            if known is None and self._twin(lane.facts.effective):
                self.entries[wanted] = Entry(wanted, lane.facts.effective, lane.facts.compile_s, open_s)
                return
            comparison = Comparison([hint, lane], self._rng, self.now)
            sitting = self._play(comparison, rounds, seconds)
            measured = comparison.measured(1)
            entry = known or Entry(wanted, lane.facts.effective, lane.facts.compile_s, open_s)
            self.entries[wanted] = replace(
                entry, measured=measured, window_s=comparison.window_s(1), sittings=(*entry.sittings, sitting)
            )
            self._best_fps = max(self._best_fps, measured.throughput_fps)

    def _play(self, comparison: Comparison, rounds: int, seconds: float) -> Sitting:
        comparison.warm_up()
        at_s = self.now()
        while len(comparison.rounds) < rounds:
            comparison.play()
            if len(comparison.rounds) >= LEAST_ROUNDS and self.now() - at_s > seconds:
                break
        pairs = [played.rates_fps for played in comparison.rounds]
        return Sitting(
            round(at_s, 2), tuple(significant(a) for a, _ in pairs), tuple(significant(b) for _, b in pairs)
        )

    def _originals(self) -> Iterator[Entry]:
        return (entry for entry in self.entries.values() if entry.sittings)

    def _twin(self, effective: Effective) -> bool:
        return any(entry.effective == effective for entry in self._originals())

    def _known_twin(self, configuration: Configuration) -> bool:
        return configuration in self.entries and not self.entries[configuration].sittings

    def _window_s(self, configuration: Configuration) -> float:
        return (
            CYCLES_A_WINDOW * configuration.batch * configuration.requests / self._best_fps
            if self._best_fps
            else 0.0
        )


def significant(rate: float) -> float:
    """Keep five digits: the noise is a hundred times as large."""
    return float(f"{rate:.5g}")


def record(name: str, folder: Path) -> Recording:
    model, lanes = lanes_of(name, folder)
    with closing(lanes.open(configuration(HINT, 1, ASK_DEVICE))) as lane:
        optimal = lane.facts.optimal_requests
    space = device_space(facts(describe("CPU")), 1, model.batch_refusal is None, Bounds(), optimal)
    baseline = configuration(HINT, 1, optimal)
    recorder = Recorder(lanes, space, baseline)
    with closing(lanes.open(baseline)) as hint:
        recorder.sit(baseline, hint, ROUNDS, SITTING_S)
    for _ in range(PASSES):
        recorder.pass_over()
    recorder.favourites()
    same = recorder.same()
    return Recording(
        model=name,
        command=f"python -m tests.benchmarks.landscape {name}",
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        host=describe_host(),
        baseline=baseline,
        optimal_requests=optimal,
        entries=tuple(recorder.entries.values()),
        same=same,
        seconds=round(recorder.now(), 1),
    )


def main() -> None:
    wanted = [name for name in sys.argv[1:] or MODELS if not path_of(name).exists()]
    with quiet_host("landscape"), tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            recording = record(name, Path(folder))
            write(path_of(name), recording)
            best = max((entry for entry in recording.entries if entry.sittings), key=true_log_ratio)
            print(
                f"{name}: {len(recording.entries)} in {recording.seconds} s, best {best.configuration}",
                flush=True,
            )


if __name__ == "__main__":
    main()
