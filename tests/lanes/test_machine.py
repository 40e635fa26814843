"""The machine model: the plugin's rules, sane rates, and agreement with what was recorded and published."""

import math
from dataclasses import replace
from statistics import median

import pytest
from scipy.stats import spearmanr

from tests import recordings
from tests.benchmarks.workloads import HOST, errors, rates_of
from tests.lanes.machine import MachineDevice, MachineLanes, placed_rate, rate
from tests.lanes.placement import place
from tests.lanes.published import FIGURES
from tests.lanes.replayed import Landscape, read
from tests.lanes.servers import MACHINES, Machine
from tests.lanes.simulated import QUIET
from tests.lanes.workloads import KINDS, WORKLOADS
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds

SERVER = MACHINES["2 x 32 cores"]
LOW, HIGH = WORKLOADS["squeezenet"], WORKLOADS["resnet50"]


def streams(count: int, batch: int = 1, requests: int = 0, **properties) -> Configuration:
    return Configuration.of("CPU", {"NUM_STREAMS": count, **properties}, batch, requests)


def hint(**properties) -> Configuration:
    return Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT", **properties}, 1, 0)


def placed(machine, workload, configuration):
    found = place(machine, workload, configuration)
    return found.streams, found.threads


@pytest.mark.parametrize(
    ("machine", "workload", "configuration", "expected"),
    [
        (
            SERVER,
            LOW,
            streams(999),
            (64, 1),
        ),  # reduced to the cores: the default hint leaves second threads out
        (SERVER, LOW, streams(999, ENABLE_HYPER_THREADING=True), (128, 1)),
        (MACHINES["16 cores"], LOW, streams(999), (16, 1)),
        (SERVER, LOW, streams(4), (4, 16)),
        (SERVER, LOW, streams(1), (1, 32)),  # one socket
        (SERVER, LOW, hint(), (64, 1)),  # several sockets: no second threads
        (MACHINES["16 cores"], LOW, hint(), (16, 2)),
        (MACHINES["16 cores"], LOW, hint(ENABLE_HYPER_THREADING=False), (16, 1)),
        (SERVER, HIGH, hint(), (16, 4)),
        (Machine(15, 2), HIGH, hint(), (6, 5)),
        (Machine(9, threads_per_core=1), HIGH, hint(), (3, 3)),
        (MACHINES["2 cores"], HIGH, hint(), (2, 1)),
    ],
)
def test_configurations_are_placed_as_the_plugin_does(machine, workload, configuration, expected):
    assert placed(machine, workload, configuration) == expected


def test_the_recorded_hints_are_placed_as_they_were():
    for name, workload in WORKLOADS.items():
        entry = Landscape(read(recordings.path_of(name))).recording.entries[0]
        assert placed(HOST, workload, entry.configuration) == (entry.effective.streams, 1), name


@pytest.mark.parametrize("name", WORKLOADS)
def test_it_agrees_with_the_recording_of_2_cores(name):
    measured = list(rates_of(Landscape(read(recordings.path_of(name)))))
    off = errors(HOST, WORKLOADS[name], measured)
    model = [math.log(fps) + error for (_, fps), error in zip(measured, off, strict=True)]
    ranks = spearmanr(model, [math.log(fps) for _, fps in measured]).statistic
    assert median(map(abs, off)) < 0.05  # 1.1 % to 4.4 %
    assert ranks > (0.25 if name == "resnet50" else 0.8)  # all of resnet50's rates lie within 13 %


def test_published_machines_of_4_to_64_cores_agree_roughly():
    """One stream on 4 to 32 cores, from a fit to two threads: half of the latencies within 30 %."""
    off = [abs(math.log(figure.predicted_ms() / figure.latency_ms)) for figure in FIGURES]
    gains = [(each.fps * each.latency_ms, each.fps * each.predicted_ms()) for each in FIGURES]
    assert median(off) < 0.35
    assert spearmanr(*zip(*gains, strict=True)).statistic > 0.85


@pytest.mark.parametrize("name", WORKLOADS)
def test_more_cores_are_not_slower_where_every_core_has_a_stream(name):
    rates = [
        rate(Machine(cores, socket_gbs=200.0), WORKLOADS[name], streams(cores, 4, 4 * cores))
        for cores in (1, 2, 4, 8, 32, 64)
    ]
    assert rates == sorted(rates)
    assert rates[-1] < 64.01 * rates[0]


def test_a_second_thread_of_each_core_gains_little_and_may_lose():
    gains = [
        rate(machine, workload, streams(2 * machine.physical, 4, 512, ENABLE_HYPER_THREADING=True))
        / rate(machine, workload, streams(machine.physical, 4, 512))
        for machine in (MACHINES["16 cores"], SERVER)
        for workload in WORKLOADS.values()
    ]
    assert 0.7 < min(gains) < 1 <= max(gains) < 1.1


def test_a_model_whose_weights_do_not_fit_into_the_cache_stops_at_the_bandwidth():
    alexnet = WORKLOADS["alexnet"]
    read_gbs = rate(SERVER, alexnet, streams(64, 1, 256)) * alexnet.weights_mb / 1e3
    assert 0.8 * 490 < read_gbs <= 490
    narrow = replace(SERVER, socket_gbs=SERVER.socket_gbs / 2)
    assert rate(narrow, alexnet, streams(64, 1, 256)) < 0.55 * rate(SERVER, alexnet, streams(64, 1, 256))
    assert rate(SERVER, alexnet, streams(64, 16, 256)) > 4 * rate(SERVER, alexnet, streams(64, 1, 256))


def test_streams_across_sockets_are_slower():
    machine, workload = Machine(24, sockets=2), WORKLOADS["densenet121"]
    five = place(machine, workload, streams(5))
    assert (five.threads, five.crossing) == (9, 1 / 5)
    inside = replace(five, crossing=0.0)
    assert placed_rate(machine, workload, five, 1, 10) < 0.95 * placed_rate(machine, workload, inside, 1, 10)
    narrow, reading = (
        replace(machine, socket_gbs=10.0),
        WORKLOADS["alexnet"],
    )  # waits for memory, some of it remote
    assert placed_rate(narrow, reading, five, 1, 10) == pytest.approx(
        placed_rate(narrow, reading, inside, 1, 10) * (1 - 0.2 * (1 - 34 / 112)), rel=0.02
    )


def test_one_stream_leaves_the_other_socket_idle():
    one, two = (rate(SERVER, WORKLOADS["resnet50"], streams(count, 4, 8)) for count in (1, 2))
    assert 1.9 < two / one < 2.1
    assert place(SERVER, HIGH, streams(1)).sockets == 1


def test_unpinned_threads_lose_more_on_two_sockets():
    def loss(machine):
        return 1 - rate(machine, LOW, streams(16, ENABLE_CPU_PINNING=False)) / rate(machine, LOW, streams(16))

    assert 0 < loss(MACHINES["16 cores"]) < loss(SERVER) < 0.1


def test_efficiency_cores_are_half_as_fast_and_can_be_left_out():
    hybrid = Machine(6, efficient_cores=8, threads_per_core=1)
    only = streams(999, SCHEDULING_CORE_TYPE="PCORE_ONLY")
    assert placed(hybrid, LOW, streams(999))[0] == 14
    assert placed(hybrid, LOW, only)[0] == 6
    assert (
        1.3
        < rate(hybrid, LOW, streams(999, 4, 64)) / rate(hybrid, LOW, replace(only, batch=4, requests=64))
        < 1.7
    )


def test_idle_streams_do_nothing():
    assert rate(SERVER, HIGH, streams(64, 1, 16)) < 0.3 * rate(SERVER, HIGH, streams(64, 1, 64))


def test_a_lane_takes_the_machines_times_and_memory():
    lanes = MachineLanes(MachineDevice(SERVER, HIGH), QUIET)
    few, many = lanes.open(streams(1, 1, 1)), lanes.open(streams(64, 16, 256))
    assert 1.3 * few.facts.compile_s < many.facts.compile_s < 3 * few.facts.compile_s
    assert lanes.now() > few.facts.compile_s + many.facts.compile_s
    light, heavy = few.window(0.1), many.window(0.1)
    assert heavy.seconds >= 3 * 256 * 16 / heavy.rate_fps
    assert light.seconds < 0.2
    assert heavy.memory_mb > 2 * light.memory_mb


def test_every_effective_configuration_has_the_rate_of_what_it_was_made_from():
    for machine in (*MACHINES.values(), Machine(6, efficient_cores=8)):
        device = MachineDevice(machine, HIGH)
        space = device_space(machine.facts(), 1, True, Bounds(), 16)
        for point in list(space.points())[::7]:
            configuration = space.configuration(point)
            assert device.fps(device.effective(configuration)) == rate(machine, HIGH, configuration)


def test_each_recorded_model_is_of_one_kind():
    assert sorted(name for names in KINDS.values() for name in names) == sorted(WORKLOADS)
