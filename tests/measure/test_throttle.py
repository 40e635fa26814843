"""What a quota costs: which requests met a moment in which the process was held back."""

import time

import pytest

from tests.measure.test_place import needs_groups
from tuner.measure.place import placed
from tuner.measure.throttle import STALL_S, Stalls, Throttle
from tuner.probe.control_groups import quota

pytestmark = pytest.mark.alone


def stalls_at(*spans):
    stalls = Stalls()
    stalls.end()
    stalls._begins, stalls._ends = [begin for begin, _ in spans], [end for _, end in spans]
    return stalls


@pytest.mark.parametrize(
    ("began", "ended", "touched"),
    [
        (0.0, 0.5, False),
        (0.5, 1.5, True),
        (1.2, 1.3, True),
        (1.9, 2.5, True),
        (2.0, 3.0, False),
        (2.5, 4.5, True),
        (5.5, 9.0, False),
        (0.0, 9.0, True),
    ],
)
def test_a_request_touches_a_stall_that_it_overlaps(began, ended, touched):
    assert stalls_at((1.0, 2.0), (4.0, 5.0)).touch(began, ended) == touched


def test_without_stalls_nothing_is_touched():
    assert not stalls_at().touch(0.0, 9.0)


def test_without_a_quota_there_is_nothing_to_see():
    if quota() is not None:
        pytest.skip("this machine has a quota")
    end = Throttle().watch()
    assert end([(0.0, 1.0)]) is None


@needs_groups
def test_under_a_quota_stalls_are_seen_and_what_ran_between_them_is_free():
    with placed(cores=0.5):
        throttle = Throttle()
        end, requests = throttle.watch(), []
        until = time.perf_counter() + 8 * throttle.period_s
        while time.perf_counter() < until:  # a single thread lasts for half of each period
            began = time.perf_counter()
            while time.perf_counter() < began + 0.001:
                pass
            requests.append((began, 1e3 * (time.perf_counter() - began)))
        found = end(requests)
    assert found.periods > 0.5
    assert 0.1 < found.time < 0.9
    assert found.free_p99_ms < 1e3 * STALL_S  # without them a request takes its millisecond
    assert max(ms for _, ms in requests) > 1e3 * STALL_S
