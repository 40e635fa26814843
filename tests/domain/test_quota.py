"""What a quota of CPU time suggests is part of the space."""

from dataclasses import replace

import pytest

from tests.domain.test_space import SERVER, TWO_CORES
from tuner.domain.combination import member_settings
from tuner.domain.device_space import device_space
from tuner.domain.place import Quota
from tuner.domain.question import Question
from tuner.domain.space import HINT, Bounds, DeviceFacts
from tuner.tuning.guesses import guesses_for
from tuner.tuning.proposals import Proposer
from tuner.tuning.strategy import PERIODS, strategy_for, within


def space_within(cores, facts=TWO_CORES, **options):
    return device_space(replace(facts, quota=Quota(cores)), 1, True, Bounds(), 2, **options)


def test_threads_near_a_quota_are_an_axis_and_so_is_pinning():
    space = space_within(1.0)
    assert space.axes["threads"] == ("default", 1)
    assert space.axes["pinning"] == ("default", "off")
    assert "threads" not in device_space(TWO_CORES, 1, True, Bounds(), 2).axes


@pytest.mark.parametrize(
    ("cores", "threads", "streams"),
    [(0.5, (1,), (1, 2)), (6.5, (6, 7), (1, 2, 4, 6, 7)), (24.0, (24,), (1, 2, 24))],
)
def test_it_is_rounded_down_and_up(cores, threads, streams):
    space = space_within(cores, SERVER)
    assert space.axes["threads"] == ("default", *threads)
    assert set(streams) <= set(space.axes["streams"])
    assert space.axes["streams"][0] == HINT


def test_as_many_threads_as_there_are_cores_are_no_choice():
    assert "threads" in space_within(1.5).axes
    assert space_within(1.5).axes["threads"] == ("default", 1)  # 2 are the default


def test_the_first_guesses_take_no_more_threads_than_the_quota_lasts_for():
    space = space_within(1.0)
    first, second, *others = guesses_for(space)
    assert first == {"streams": HINT, "threads": 1}
    assert second == {"streams": 1, "threads": 1}
    assert {guess["threads"] for guess in others} == {1}
    asked = Proposer(space, 1, 0).next(lambda _: False)
    assert asked.plain_properties == {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": 1}
    assert space.point(asked)["threads"] == 1


def test_a_search_for_cpu_time_tries_the_other_counts_as_well():
    space = space_within(6.5, SERVER, question=Question("cpu"))
    assert {1, 2, 4, 6, 7, 8} <= set(space.axes["threads"])


def test_windows_last_several_periods():
    usual = strategy_for(Question())
    assert within(usual, None) == usual
    limited = within(usual, Quota(1.0, 0.1))
    assert limited.window_s == limited.final_window_s == pytest.approx(PERIODS * 0.1)
    assert within(usual, Quota(1.0, 0.001)).window_s == usual.window_s


def test_in_a_combination_the_processor_is_tried_with_what_the_quota_lasts_for():
    facts = replace(SERVER, quota=Quota(6.5))
    other = DeviceFacts("GPU", 2, frozenset({"NUM_STREAMS"}), 0, 0)
    threads = {
        dict(own).get("INFERENCE_NUM_THREADS")
        for own in member_settings(facts, [other, facts], Bounds()).values()
    }
    assert {6, 7} < threads
    assert 6 not in {
        dict(own).get("INFERENCE_NUM_THREADS")
        for own in member_settings(SERVER, [other, SERVER], Bounds()).values()
    }
