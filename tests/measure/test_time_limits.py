"""How long a lane may take, and that a hung one costs a search no more than its budget."""

import pytest

from tests import models
from tuner.commands.asked import Asked
from tuner.commands.lanes import CHECK_SHARE, LanesFor
from tuner.domain.configuration import Configuration
from tuner.domain.sample import Window
from tuner.measure.time_limits import BEYOND_S, COMPILE_S, GRACE_S, HINT_WINDOWS, LEAST_S, Limits
from tuner.probe.unchanged import FilesAsRead


def configuration(batch=1, requests=4, device="CPU"):
    return Configuration.of(device, {"NUM_STREAMS": 2}, batch, requests)


def window(rate_fps):
    return Window(rate_fps, (1.0,), 0.1, 100.0)


class Clock:
    """What is left of a budget."""

    def __init__(self, left_s):
        self.left_s = left_s

    def __call__(self):
        return self.left_s


def test_only_the_first_lane_may_compile_longer_than_the_budget_and_a_minute_at_most():
    limits = Limits(12, Clock(11))
    assert limits.compiling(configuration()).seconds == 11 + BEYOND_S
    assert Limits(100, Clock(90)).compiling(configuration()).seconds == COMPILE_S
    limits.learn_compiling(configuration(device="GPU"), 2.0)
    limit = limits.compiling(configuration())
    assert (limit.seconds, limit.by_budget) == (11 + GRACE_S, True)


def test_what_the_lanes_that_prove_the_batch_took_limits_the_lanes_of_the_search(tmp_path):
    path = models.mlp(tmp_path / "m.xml")
    files = FilesAsRead(path)
    lanes_for = LanesFor(Asked(path, tmp_path, budget_s=60), lambda: False, Clock(16), files)
    lanes_for.limits(CHECK_SHARE).learn_compiling(configuration(), 0.2)
    lanes_for.limits(CHECK_SHARE).learn_compiling(configuration(device="SLOW"), 0.7)
    assert lanes_for.limits().compiling(configuration()).seconds == 10  # patience with a pause of the host
    assert lanes_for.limits().compiling(configuration(device="SLOW")).seconds == pytest.approx(5 + 10 * 0.7)
    assert lanes_for.limits().compiling(configuration(device="GPU")).seconds == 16 + BEYOND_S


def test_a_budget_longer_than_that_gives_the_first_lane_all_of_it():
    assert Limits(600, Clock(600)).compiling(configuration()).seconds == 600


def test_compiling_may_take_many_times_what_it_took_on_its_device_and_not_more():
    limits = Limits(600, Clock(500))
    limits.learn_compiling(configuration(), 0.5)
    limits.learn_compiling(configuration(), 0.2)
    limit = limits.compiling(configuration(batch=64))
    assert (limit.seconds, limit.by_budget) == (10.0, False)


def test_where_nothing_is_known_of_a_device_it_gets_a_quarter_of_the_budget():
    limits = Limits(200, Clock(200))
    limits.learn_window(configuration(device="GPU"), window(100.0))
    assert limits.window(configuration(), 0.1).seconds == limits.answers().seconds == 50.0
    assert Limits(60, Clock(60)).answers().seconds == 30.0


def test_a_window_may_take_many_times_what_the_fastest_windows_rate_predicts():
    limits = Limits(600, Clock(500))
    for _ in range(HINT_WINDOWS - 1):
        limits.learn_window(configuration(requests=4), window(50.0))
        assert limits.window(configuration(), 0.1).seconds == 150  # the hint's: half of what is left, or less
    limits.learn_window(configuration(requests=2), window(20.0))
    assert limits.window(configuration(batch=8, requests=16), 0.1).seconds == pytest.approx(
        5 + 10 * (0.1 + 4 * 8 * 16 / 50)
    )
    few = limits.window(configuration(batch=1, requests=1), 0.1).seconds
    assert few == pytest.approx(5 + 10 * (0.1 + 4 * 4 / 50))  # a request may take as long as one of four


def test_nothing_may_take_longer_than_what_is_left_of_the_budget():
    left_s = Clock(7)
    limits = Limits(60, left_s)
    limits.learn_window(configuration(), window(1.0))
    for ends_s, seconds in ((7, 7 + GRACE_S), (0, LEAST_S)):
        left_s.left_s = ends_s
        for limit in (limits.window(configuration(), 0.1), limits.answers()):
            assert (limit.seconds, limit.by_budget) == (seconds, True)


def test_a_check_before_the_search_may_take_a_share_of_what_is_left():
    limits = Limits(12, Clock(12), share=0.5)
    assert limits.compiling(configuration()).seconds == limits.answers().seconds == 6 + GRACE_S
