import pytest

from tuner.domain.configuration import Configuration
from tuner.domain.space import HINT, Bounds, DeviceFacts, device_space, stream_counts

TWO_CORES = DeviceFacts(
    "CPU", 2, frozenset({"NUM_STREAMS", "ENABLE_CPU_PINNING", "INFERENCE_NUM_THREADS"}), 2, 2
)
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


def test_threads_and_pinning_are_searched_only_where_they_can_matter():
    axes = device_space(SERVER, 1, True, Bounds(), 64).axes
    assert axes["threads"] == ("default", 32)
    assert axes["pinning"] == ("default", "off")
    sealed = DeviceFacts("CPU", 64, frozenset(), 64, 32)
    assert not {"threads", "pinning"} & set(device_space(sealed, 1, True, Bounds(), 64).axes)


def test_requests_are_multiples_of_what_keeps_the_streams_busy():
    space = device_space(SERVER, 1, True, Bounds(), hint_requests=16)
    point = {"batch": 4, "requests_per_stream": 2, "threads": "default", "pinning": "default"}
    hint = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 4, 32)
    assert space.configuration({**point, "streams": HINT}) == hint
    assert space.configuration({**point, "streams": 8}) == Configuration.of("CPU", {"NUM_STREAMS": 8}, 4, 16)


def test_a_point_with_threads_and_pinning_becomes_their_properties():
    space = device_space(SERVER, 1, True, Bounds(), 16)
    point = {"streams": 4, "batch": 1, "requests_per_stream": 1, "threads": 32, "pinning": "off"}
    assert space.configuration(point).compile_properties == {
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_NUM_THREADS": 32,
        "NUM_STREAMS": 4,
    }


def test_what_the_user_bounds_is_all_there_is():
    bounds = Bounds(streams=(2,), batch=(3, 5), requests=(7,))
    found = configurations(device_space(TWO_CORES, 1, True, bounds, 2))
    assert found == [Configuration.of("CPU", {"NUM_STREAMS": 2}, batch, 7) for batch in (3, 5)]


def test_without_a_batch_axis_only_the_models_own_batch_is_left():
    assert {one.batch for one in configurations(device_space(TWO_CORES, 4, False, Bounds(), 2))} == {4}


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


def test_configurations_compare_by_value_whatever_the_order_of_properties():
    one = Configuration.of("CPU", {"A": 1, "B": 2}, 1, 1)
    assert one == Configuration.of("CPU", {"B": 2, "A": 1}, 1, 1)
    assert len({one, Configuration.of("CPU", {"B": 2, "A": 1}, 1, 1)}) == 1


def test_configurations_read_well():
    assert (
        str(Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 4)) == "hint, batch 1, 4 requests"
    )
    pinned_off = Configuration.of("CPU", {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}, 8, 1)
    assert str(pinned_off) == "1 stream, unpinned, batch 8, 1 request"
