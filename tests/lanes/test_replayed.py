"""Recordings and the lanes that play them, on landscapes made here, whose truth is known."""

import math
import random
from statistics import fmean, pstdev

import pytest

from tests import recordings
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Entry, Landscape, Recording, ReplayedLanes, Sitting, read, write
from tests.simulation import replay
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.host import Host
from tuner.domain.sample import Latency, Measured
from tuner.errors import LaneError
from tuner.measure.lane import ASK_DEVICE

HINT = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
FAST = Configuration.of("CPU", {"NUM_STREAMS": 1}, 4, 2)
SLOW = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 2)
TWIN = Configuration.of("CPU", {"NUM_STREAMS": 2}, 1, 2)
TRUTH = {HINT: 0.0, FAST: math.log(1.2), SLOW: math.log(0.8)}


def effective(configuration: Configuration) -> Effective:
    return Effective(
        ("CPU",),
        1 if configuration in (FAST, SLOW) else 2,
        2,
        True,
        "f32",
        configuration.batch,
        configuration.requests,
    )


def recording(luck: float = 0.0, noise: float = 0.02, sittings: int = 40, rounds: int = 8) -> Recording:
    """A landscape with processes that differ by `luck` and rounds that differ by `noise`."""
    rng = random.Random(0)

    def sit(truth: float, at_s: float) -> Sitting:
        middle = truth + rng.gauss(0, luck)
        return Sitting(
            at_s, (100.0,) * rounds, tuple(100 * math.exp(rng.gauss(middle, noise)) for _ in range(rounds))
        )

    entries = [
        Entry(
            configuration,
            effective(configuration),
            0.2,
            0.4,
            0.25,
            Measured(100.0, Latency(1, 2, 3), 50.0),
            tuple(sit(truth, at) for at in range(sittings)),
        )
        for configuration, truth in TRUTH.items()
    ]
    twin = Entry(TWIN, effective(TWIN), 0.2, 0.4)
    same = tuple(sit(0.0, at) for at in range(sittings))
    host = Host("a CPU", 2, 1000, "an OS", "2026.4", {"CPU": "a CPU"})
    return Recording("made", "here", "today", host, HINT, 2, (*entries, twin), same, 100.0)


def ratios(landscape: Landscape, configuration: Configuration, lanes: int, windows: int) -> list[float]:
    """Mean log-ratio of each of many lanes to the hint, window by window beside it."""
    means = []
    for seed in range(lanes):
        replayed = ReplayedLanes(landscape, seed)
        hint, lane = replayed.open(HINT), replayed.open(configuration)
        means.append(
            fmean(math.log(lane.window(0.1).rate_fps / hint.window(0.1).rate_fps) for _ in range(windows))
        )
    return means


@pytest.mark.parametrize("configuration", [FAST, SLOW])
def test_replayed_windows_tell_the_recorded_truth(configuration):
    landscape = Landscape(recording(luck=0.02))
    assert fmean(ratios(landscape, configuration, 300, 8)) == pytest.approx(
        landscape.log_ratio(configuration), abs=0.005
    )
    assert landscape.log_ratio(configuration) == pytest.approx(TRUTH[configuration], abs=0.01)


@pytest.mark.parametrize("luck", [0.0, 0.03, 0.1])
def test_lanes_differ_by_the_luck_of_processes_and_no_more(luck):
    landscape = Landscape(recording(luck, sittings=200))
    assert landscape.luck_deviation() == pytest.approx(luck, rel=0.15, abs=0.004)
    assert pstdev(ratios(landscape, FAST, 300, 60)) == pytest.approx(luck, rel=0.2, abs=0.006)


def test_windows_of_a_lane_stray_as_they_did():
    landscape = Landscape(recording(noise=0.05))
    lane = ReplayedLanes(landscape).open(FAST)
    assert pstdev([math.log(lane.window(0.1).rate_fps) for _ in range(2000)]) == pytest.approx(0.05, rel=0.1)


def test_a_longer_window_is_the_mean_of_several():
    landscape = Landscape(recording(noise=0.05))
    lane = ReplayedLanes(landscape).open(FAST)
    assert pstdev([math.log(lane.window(0.4).rate_fps) for _ in range(1000)]) == pytest.approx(
        0.025, rel=0.15
    )


def test_time_passes_as_it_did():
    lanes = ReplayedLanes(Landscape(recording()))
    lane = lanes.open(FAST)
    assert lanes.now() == pytest.approx(0.4)
    assert lane.window(0.1).seconds == pytest.approx(0.25)
    assert lanes.now() == pytest.approx(0.65)


def test_a_landscape_of_the_same_everywhere_has_no_gain_anywhere():
    landscape = Landscape(recording(luck=0.02), same=True)
    assert landscape.log_ratio(FAST) == 0.0
    assert fmean(ratios(landscape, FAST, 300, 8)) == pytest.approx(0.0, abs=0.005)


def test_twins_share_rounds():
    landscape = Landscape(recording())
    assert landscape.log_ratio(TWIN) == landscape.log_ratio(HINT)
    assert ReplayedLanes(landscape).open(TWIN).facts.effective == effective(HINT)


def test_the_fastest_is_known():
    assert Landscape(recording()).best().configuration == FAST


def test_what_was_too_dear_to_record_is_its_smaller_neighbour_and_takes_longer():
    lanes = ReplayedLanes(Landscape(recording()))
    dear = Configuration.of("CPU", {"NUM_STREAMS": 1}, 16, 4)
    lane = lanes.open(dear)
    assert (lane.facts.effective.batch, lane.facts.effective.requests) == (16, 4)
    assert lane.window(0.1).seconds == pytest.approx(4 * 16 * 4 / 100)
    assert lanes.landscape.log_ratio(dear) == lanes.landscape.log_ratio(FAST)


def test_what_has_no_neighbour_is_refused():
    with pytest.raises(LaneError, match=r"4 streams.*not recorded"):
        ReplayedLanes(Landscape(recording())).open(Configuration.of("CPU", {"NUM_STREAMS": 4}, 1, 4))


def test_a_seed_gives_the_same_windows_again():
    landscape = Landscape(recording())

    def windows():
        lane = ReplayedLanes(landscape, 7).open(FAST)
        return [lane.window(0.1).rate_fps for _ in range(20)]

    assert windows() == windows()


def test_a_recording_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "made.json.gz"
    write(path, recording())
    first = path.read_bytes()
    assert read(path) == recording()
    write(path, recording())
    assert path.read_bytes() == first


def test_recordings_are_those_of_benchmark_models():
    recorded = {path.name.removesuffix(".json.gz") for path in recordings.FOLDER.glob("*.json.gz")}
    assert len(recorded) >= 8
    assert recorded <= set(MODELS)


@pytest.mark.parametrize("name", sorted(name for name in MODELS if recordings.path_of(name).exists()))
def test_every_recording_can_be_searched(name):
    landscape = Landscape(read(recordings.path_of(name)))
    assert landscape.recording.model == name
    assert landscape.recording.same
    assert (
        ReplayedLanes(landscape)
        .open(Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, ASK_DEVICE))
        .facts.effective.requests
        == landscape.recording.optimal_requests
    )
    found = replay(landscape, budget_s=60)
    assert found.final is not None
    assert landscape.log_ratio(found.outcome.verdict.best.configuration) > math.log(0.95)
