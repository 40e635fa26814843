import pytest

from tuner.domain.course import disturbed, drift_of
from tuner.domain.sample import Round
from tuner.domain.sentences import stretches


def course(*shares):
    """A course with a moment a second, at these shares of a usual rate of 100 items/s."""
    rounds = [Round((100 * share, 100), (0, 1), float(at_s)) for at_s, share in enumerate(shares)]
    return drift_of([(0.0, rounds)])


USUAL = [1.0] * 30


@pytest.mark.parametrize("share", [0.5, 0.85, 1.2])
def test_a_stretch_in_which_the_hint_ran_otherwise_is_found(share):
    (stretch,) = disturbed(course(*USUAL, *[share] * 8, *USUAL))
    assert stretch == (30.0, 37.0, share)


@pytest.mark.parametrize(
    "strays", [[], [0.5], [0.5, 0.5], [0.92] * 20, [1.08] * 20, [0.8, 1.2] * 10, [0.5, 1.0, 1.0] * 9]
)
def test_windows_that_stray_by_themselves_or_by_little_are_no_stretch(strays):
    assert disturbed(course(*USUAL, *USUAL, *strays, *USUAL)) == []


def test_a_single_usual_window_does_not_end_a_stretch():
    (stretch,) = disturbed(course(*USUAL, *[0.6] * 5, 1.0, *[0.6] * 5, *USUAL))
    assert (stretch.from_s, stretch.to_s) == (30.0, 40.0)


def test_a_clock_that_is_halved_midway_is_one_stretch():
    (stretch,) = disturbed(course(*USUAL, *[0.5] * 25))
    assert stretch == (30.0, 54.0, 0.5)


def test_nothing_is_disturbed_in_an_empty_or_short_course():
    assert disturbed([]) == disturbed(course(1.0, 0.2)) == []
    assert stretches([]) == ""


def test_stretches_are_said_in_words_the_longest_few_of_many():
    two = disturbed(course(*USUAL, *[0.5] * 8, *USUAL, *[1.2] * 6, *USUAL))
    assert stretches(two) == (
        "the hint was off its median speed by more than 10 % from 30 to 37 s (-50.0 %), 68 to 73 s (+20.0 %)"
    )
    many = disturbed(course(*([*USUAL, *[0.5] * 6] * 5), *USUAL))
    assert stretches(many).endswith(" and 2 times more")
