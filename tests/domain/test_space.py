from dataclasses import replace

import pytest

from tuner.domain.combination import combination_space
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space, gathering_space
from tuner.domain.space import HINT, Bounds, DeviceFacts
from tuner.domain.steps import stream_counts
from tuner.domain.target import target_of

CPU_PROPERTIES = {
    "NUM_STREAMS", "ENABLE_CPU_PINNING", "ENABLE_HYPER_THREADING", "INFERENCE_NUM_THREADS", "SCHEDULING_CORE_TYPE",
}  # fmt: skip
TWO_CORES = DeviceFacts("CPU", 2, frozenset(CPU_PROPERTIES), 2, 2)
SERVER = DeviceFacts("CPU", 64, TWO_CORES.writable, 64, 32)


def configurations(space):
    return [space.configuration(point) for point in space.points()]


def test_the_space_of_a_small_cpu_has_streams_batch_and_requests():
    space = device_space(TWO_CORES, 1, True, Bounds(), hint_requests=2)
    assert space.axes == {
        "streams": (HINT, 1, 2),
        "batch": (1, 2, 4, 8, 16, 32, 64),
        "requests_per_stream": (1, 2, 4),
    }
    assert len(space) == len(configurations(space)) == 63


def test_hyper_threading_pinning_and_core_type_are_searched_only_where_they_can_matter():
    axes = device_space(SERVER, 1, True, Bounds(), 64).axes
    assert axes["hyper_threading"] == ("default", "other")
    assert axes["pinning"] == ("default", "off")
    assert "core_type" not in axes
    assert device_space(replace(SERVER, hybrid=True), 1, True, Bounds(), 64).axes["core_type"] == (
        "default",
        "performance",
    )
    sealed = replace(SERVER, writable=frozenset())
    switches = {"hyper_threading", "pinning", "core_type"}
    assert not switches & set(device_space(sealed, 1, True, Bounds(), 64).axes)
    assert not switches & set(device_space(TWO_CORES, 1, True, Bounds(), 2).axes)


def test_batches_are_those_that_the_device_can_hold_and_its_optimal_batch():
    device = replace(TWO_CORES, optimal_batch=24, max_batch=40)
    assert device_space(device, 1, True, Bounds(), 2).axes["batch"] == (1, 2, 4, 8, 16, 24, 32)
    assert gathering_space(target_of("BATCH:CPU"), device, 1, Bounds(), 2).axes["gathered"] == (
        4,
        8,
        16,
        24,
        32,
    )
    both = combination_space(
        target_of("AUTO:GPU,CPU"),
        [replace(device, target="GPU"), TWO_CORES],
        (),
        1,
        True,
        Bounds(),
        {"GPU": 2, "CPU": 2},
    )
    assert both.axes["batch"] == (1, 2, 4, 8, 16, 24, 32)
    assert device_space(replace(device, max_batch=2), 1, True, Bounds(), 2).axes["batch"] == (1, 2)


@pytest.mark.parametrize(
    ("most", "multiples"), [(None, (1, 2, 4)), (1, (1, 2, 4)), (8, (1, 2, 4)), (5, (1, 2)), (2, (1,))]
)
def test_requests_stay_within_a_range_that_holds_what_the_hint_asks_for(most, multiples):
    space = device_space(replace(TWO_CORES, max_requests=most), 1, True, Bounds(), hint_requests=2)
    assert space.axes["requests_per_stream"] == multiples


def test_requests_are_multiples_of_what_keeps_the_streams_busy():
    space = device_space(SERVER, 1, True, Bounds(), hint_requests=16)
    point = {"batch": 4, "requests_per_stream": 2, "pinning": "default"}
    hint = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 4, 32)
    assert space.configuration({**point, "streams": HINT}) == hint
    assert space.configuration({**point, "streams": 8}) == Configuration.of("CPU", {"NUM_STREAMS": 8}, 4, 16)


def test_a_point_with_switches_becomes_their_properties():
    space = device_space(SERVER, 1, True, Bounds(), 16)
    point = {"streams": 4, "batch": 1, "requests_per_stream": 1, "hyper_threading": "other", "pinning": "off"}
    assert space.configuration(point).plain_properties == {
        "ENABLE_CPU_PINNING": False,
        "ENABLE_HYPER_THREADING": True,
        "NUM_STREAMS": 4,
    }


def test_hyper_threading_is_the_opposite_of_what_openvino_does_by_itself():
    space = device_space(SERVER, 1, True, Bounds(), 16)
    point = {"streams": HINT, "batch": 1, "requests_per_stream": 1, "hyper_threading": "other"}
    with_hint = space.configuration({**point, "pinning": "default"})
    assert with_hint.plain_properties["ENABLE_HYPER_THREADING"] is False
    assert "no hyper-threading" in str(with_hint)
    with_streams = space.configuration({**point, "pinning": "default", "streams": 8})
    assert with_streams.plain_properties["ENABLE_HYPER_THREADING"] is True
    assert "8 streams, hyper-threading" in str(with_streams)


GPU = DeviceFacts("GPU", 4, frozenset({"NUM_STREAMS", "GPU_QUEUE_PRIORITY", "GPU_QUEUE_THROTTLE"}), 0, 0)
SPACES = {
    "server": device_space(replace(SERVER, hybrid=True), 1, True, Bounds(), 64),
    "bounds": device_space(SERVER, 1, True, Bounds(streams=(4, 8), batch=(3,), requests=(5, 6)), 64),
    "GPU": device_space(GPU, 1, True, Bounds(), 4),
    "gathering": gathering_space(target_of("BATCH:CPU"), TWO_CORES, 1, Bounds(), 2),
    **{
        kind: combination_space(
            target_of(f"{kind}:GPU,CPU"), [GPU, TWO_CORES], ("P",), 1, True, Bounds(), {"GPU": 4, "CPU": 2}
        )
        for kind in ("MULTI", "AUTO")
    },
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_configuration_leads_back_to_its_point(space):
    for number, point in enumerate(space.points()):
        assert space.nth(number) == point
        assert space.point(space.configuration(point)) == point
    for variant in space.variants(point):
        assert space.point(space.configuration(variant)) == variant
        assert space.is_late(variant)


@pytest.mark.parametrize(
    ("properties", "batch", "requests"),
    [
        ({"NUM_STREAMS": 3}, 1, 3),
        ({"NUM_STREAMS": 4}, 5, 4),
        ({"NUM_STREAMS": 4}, 1, 5),
        ({"NUM_STREAMS": 4, "MODEL_PRIORITY": "HIGH"}, 1, 4),
        ({"NUM_STREAMS": "4"}, 1, 4),
    ],
)
def test_what_is_not_in_a_space_has_no_point_there(properties, batch, requests):
    assert SPACES["server"].point(Configuration.of("CPU", properties, batch, requests)) is None


def test_what_the_user_bounds_is_all_there_is():
    bounds = Bounds(streams=(2,), batch=(3, 5), requests=(7,))
    found = configurations(device_space(TWO_CORES, 1, True, bounds, 2))
    assert found == [Configuration.of("CPU", {"NUM_STREAMS": 2}, batch, 7) for batch in (3, 5)]


def test_without_a_batch_axis_only_the_models_own_batch_is_left():
    assert {each.batch for each in configurations(device_space(TWO_CORES, 4, False, Bounds(), 2))} == {4}


def test_the_models_own_batch_is_always_searched():
    assert 3 in device_space(TWO_CORES, 3, True, Bounds(), 2).axes["batch"]


def test_a_guess_moves_to_the_nearest_point_within_the_bounds():
    space = device_space(TWO_CORES, 1, True, Bounds(streams=(1, 2), batch=(4, 24)), 2)
    assert space.nearest({"streams": 1, "batch": 16, "requests_per_stream": 2}) == {
        "streams": 1,
        "batch": 24,
        "requests_per_stream": 2,
    }
    assert space.nearest({"streams": HINT, "batch": 4, "requests_per_stream": 1}) is None


@pytest.mark.parametrize(
    ("most", "counts"), [(1, (1,)), (2, (1, 2)), (6, (1, 2, 3, 4, 6)), (12, (1, 2, 3, 4, 6, 8, 12))]
)
def test_stream_counts_are_divisors_and_powers_of_two(most, counts):
    assert stream_counts(most) == counts
