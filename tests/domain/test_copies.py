"""Copies: what they share, and what a space holds for them."""

from dataclasses import replace

import pytest

from tests.domain.test_space import SERVER, TWO_CORES
from tuner.domain.configuration import Configuration
from tuner.domain.copies import slices
from tuner.domain.device_space import device_space
from tuner.domain.place import Quota
from tuner.domain.question import Question
from tuner.domain.sample import Window, figures_of
from tuner.domain.space import HINT, Bounds
from tuner.tuning.guesses import guesses_for

PAIR = Question(copies=(2,))


def space_for(question, facts=TWO_CORES):
    facts = replace(facts, cores=tuple(range(facts.logical_cores)))
    return device_space(facts, 1, True, Bounds(), facts.logical_cores, question)


@pytest.mark.parametrize(
    ("cores", "copies", "shares"),
    [
        ((0, 1), 2, ((0,), (1,))),
        ((0, 1), 4, ((0,), (1,), (0,), (1,))),
        ((0, 4, 1, 5), 2, ((0, 4), (1, 5))),
        ((0, 1, 2, 3, 4), 2, ((0, 1), (2, 3, 4))),
        ((3,), 3, ((3,), (3,), (3,))),
    ],
)
def test_cores_are_shared_evenly_and_neighbours_stay_together(cores, copies, shares):
    assert slices(cores, copies) == shares


def test_a_space_for_copies_holds_their_cores_their_threads_and_pinning():
    space = space_for(PAIR)
    assert space.axes["copies"] == (2, "2 own")
    assert space.axes["threads"] == ("default", 1)
    assert space.axes["pinning"] == ("default", "off")


def test_a_space_for_one_process_has_no_such_axis():
    axes = space_for(Question()).axes
    assert {"copies", "threads", "pinning"}.isdisjoint(axes)


def test_every_point_is_read_back_from_its_configuration():
    space = space_for(Question(copies=(1, 2, 4)))
    seen = set()
    for point in space.points():
        configuration = space.configuration(point)
        seen.add((configuration.copies, configuration.slices))
        read = space.point(configuration)
        assert space.configuration(read) == configuration
        assert read == point
    assert seen == {(1, ()), (2, ()), (2, ((0,), (1,))), (4, ()), (4, ((0,), (1,), (0,), (1,)))}


def test_a_copy_on_half_of_the_cores_has_half_of_the_requests():
    space = space_for(PAIR, SERVER)
    whole, own = (
        space.configuration({axis: choices[0] for axis, choices in space.axes.items()} | {"copies": choice})
        for choice in (2, "2 own")
    )
    assert whole.requests == 2 * own.requests
    assert [len(cores) for cores in own.slices] == [len(own.slices[0])] * 2


def test_under_a_quota_copies_share_what_it_lasts_for():
    facts = replace(SERVER, quota=Quota(6.0), cores=tuple(range(SERVER.logical_cores)))
    assert device_space(facts, 1, True, Bounds(), 4, PAIR).axes["threads"] == ("default", 3)


def test_the_first_guesses_are_hints_in_each_number_and_on_own_cores():
    guesses = guesses_for(space_for(Question(copies=(1, 2, 4))))
    assert guesses[:2] == ({"streams": HINT, "copies": 2}, {"streams": HINT, "copies": 4})
    assert guesses[2] == {"streams": HINT, "copies": "2 own"}


def test_windows_of_copies_add_up():
    fast = Window(300.0, (1.0, 2.0), 0.1, 100.0, 2.0)
    slow = Window(100.0, (5.0,), 0.2, 110.0, 6.0)
    both = Window.of_copies([fast, slow])
    assert both.rate_fps == 400.0
    assert both.latencies_ms == (1.0, 2.0, 5.0)
    assert (both.seconds, both.memory_mb) == (0.2, 210.0)
    assert both.cpu_ms_per_item == pytest.approx(3.0)  # three of four items cost 2 ms
    assert both.copies_fps == (300.0, 100.0)
    measured = figures_of([both, replace(both, copies_fps=(310.0, 90.0)), both])
    assert measured.copies_fps == (300.0, 100.0)
    assert measured.at_rate(200.0).copies_fps == (150.0, 50.0)


def test_a_single_process_has_no_rates_of_copies():
    assert figures_of([Window(300.0, (1.0,), 0.1, 100.0)]).copies_fps == ()


def test_a_configuration_says_how_many_copies_it_has_and_where():
    free = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 2, copies=2)
    own = replace(free, slices=((0,), (1,)))
    assert str(free) == "2 copies, 1 stream, batch 1, 2 requests"
    assert str(own) == "2 copies on own cores, 1 stream, batch 1, 2 requests"
    assert free.complexity < own.complexity
    assert replace(free, copies=1).complexity < free.complexity
    assert free.uses_hint is False


def test_a_question_about_copies_is_another_question():
    assert Question().key != PAIR.key != Question(copies=(1, 2)).key
    assert str(PAIR) == "throughput, 2 copies"
    assert str(Question(copies=(1, 2, 4))) == "throughput, 1 or 2 or 4 copies, the hint in 1"


def test_what_runs_beside_and_how_nice_is_part_of_the_question():
    crowded = Question(beside="sleep 9", niceness=5)
    assert crowded.key != Question().key != Question(niceness=5).key
    assert crowded.circumstances == "beside 'sleep 9', niceness 5"
    assert str(Question("cpu", beside="sleep 9")) == "CPU time of an item, beside 'sleep 9'"
    assert crowded.crowded
    assert not Question(niceness=5).crowded


def test_beside_another_program_fewer_threads_and_no_pinning_are_choices():
    axes = space_for(Question(beside="sleep 9")).axes
    assert axes["threads"] == ("default", 1)
    assert axes["pinning"] == ("default", "off")
    assert "copies" not in axes
