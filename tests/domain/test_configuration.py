"""Configurations as values and in words."""

from tuner.domain.configuration import Configuration


def test_configurations_compare_by_value_whatever_the_order_of_properties():
    configuration = Configuration.of("CPU", {"A": 1, "B": 2}, 1, 1)
    assert configuration == Configuration.of("CPU", {"B": 2, "A": 1}, 1, 1)
    assert len({configuration, Configuration.of("CPU", {"B": 2, "A": 1}, 1, 1)}) == 1


def test_configurations_read_well():
    assert (
        str(Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 4)) == "hint, batch 1, 4 requests"
    )
    pinned_off = Configuration.of("CPU", {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}, 8, 1)
    assert str(pinned_off) == "1 stream, unpinned, batch 8, 1 request"
