"""Arrival times follow from a seed or a recording, and from nothing else."""

import math
from statistics import fmean, pstdev

import pytest

from tuner.domain.load import LEAST_ITEMS, Load, recorded_load
from tuner.domain.units import arrival_rate_of, arrival_times_of
from tuner.errors import UsageError


def gaps(times_s):
    return [later - earlier for earlier, later in zip((0.0, *times_s), times_s, strict=False)]


def test_a_piece_is_the_same_for_everyone_who_asks():
    load = Load(200.0, seed=3)
    assert load.arrivals(2, 0.5) == Load(200.0, seed=3).arrivals(2, 0.5)
    assert load.arrivals(2, 0.5) != load.arrivals(3, 0.5)
    assert load.arrivals(2, 0.5) != Load(200.0, seed=4).arrivals(2, 0.5)


def test_random_arrivals_are_a_poisson_process():
    found = gaps(Load(200.0).arrivals(0, 200.0).times_s)
    assert len(found) == 40_000
    assert fmean(found) == pytest.approx(1 / 200, rel=0.02)
    assert pstdev(found) == pytest.approx(1 / 200, rel=0.02)
    assert sum(gap > 1 / 200 for gap in found) / len(found) == pytest.approx(math.exp(-1), rel=0.03)


def test_a_slow_load_has_windows_of_enough_items():
    assert len(Load(4.0).arrivals(0).times_s) == LEAST_ITEMS
    assert len(Load(200.0).arrivals(0).times_s) == 100


def test_pieces_of_a_recording_follow_each_other_and_begin_again():
    load = recorded_load([5.0, 6.0, 6.5, 7.0, 11.0], "t.csv", "0" * 64)
    assert load.rate == pytest.approx(4 / 6)
    recorded = [1.5, 1.0, 0.5, 0.5, 4.0]
    first, second = (gaps(load.arrivals(number).times_s) for number in (0, 1))
    assert [*first, *second] == pytest.approx(recorded * (2 * LEAST_ITEMS // len(recorded)))


@pytest.mark.parametrize("load", [Load(200.0), recorded_load([5.0, 6.0, 6.5, 7.0, 11.0], "t.csv", "0" * 64)])
def test_a_surplus_follows_the_same_items(load):
    alone, more = load.arrivals(3), load.arrivals(3, surplus=7)
    assert more.times_s[:-7] == alone.times_s
    assert list(more.times_s) == sorted(more.times_s)
    assert (alone.surplus, more.surplus) == (0, 7)


def test_every_stage_has_items_of_its_own():
    load = Load(200.0)
    found = {load.arrivals(number, stage=stage) for number in range(5) for stage in range(5)}
    assert len(found) == 25
    assert load.arrivals(3, stage=0) == load.arrivals(3)
    recorded = recorded_load([5.0, 6.0, 6.5, 7.0, 11.0], "t.csv", "0" * 64)
    assert gaps(recorded.arrivals(0, stage=3).times_s)[:3] == pytest.approx([0.5, 4.0, 1.5])


def test_recorded_times_may_have_a_header_and_ties():
    assert arrival_times_of("time_s\n0\n0.5\n\n 0.5 \n1e1\n", "t.csv") == [0.0, 0.5, 0.5, 10.0]
    assert arrival_times_of("0\n2", "t.csv") == [0.0, 2.0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"'t\.csv' holds no arrival times; give seconds, one a line"),
        ("time\n", "holds no arrival times"),
        ("1\n0.5\n", r"is not in order: line 2 \(0\.5\) is earlier than the line before; sort"),
        ("time\n-1\n2\n", r"has a negative time in line 2 \(-1\)"),
        ("1\nsoon\n", "has 'soon' in line 2, which is no number"),
        ("1,2\n3,4\n", "has '1,2' in line 1, which is no number"),
        ("nan\ninf\n1\n2", "has 'inf' in line 2, which is no number"),
        ("3\n", "holds a single moment, of which no rate follows"),
        ("3\n3\n3\n", "holds a single moment"),
        ("0\n1e-310\n", r"holds 2 arrivals in 1e-310 s, a rate out of range; give .* 0\.000001 to 100,000 a"),
        ("0\n1e308\n", "holds 2 arrivals in 1e\\+308 s, a rate out of range"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(UsageError, match=sentence):
        arrival_times_of(text, "t.csv")


@pytest.mark.parametrize("text", ["0", "-5", "fast", "", "inf", "nan", 0, -1.5, "20/s"])
def test_a_rate_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"arrivals per second above 0; give for example 200"):
        arrival_rate_of(text)


@pytest.mark.parametrize("text", ["1000000000", 100_001, "0.0000001"])
def test_a_rate_that_no_window_can_be_made_of_is_refused_with_the_range(text):
    with pytest.raises(UsageError, match=rf"rate='{text}' is out of range; give 0\.000001 to 100,000 arr"):
        arrival_rate_of(text)
    assert arrival_rate_of(100_000) == 1e5


def test_a_load_is_told_from_every_other():
    recorded = [recorded_load([0, 1, 2], "t.csv", sha256) for sha256 in ("1a2b", "1a2c")]
    assert len({load.key for load in (Load(200.0), Load(200.001), *recorded)}) == 4
    assert Load(200.0, seed=1).key == Load(200.0).key  # another run of the same study may have another seed


def test_a_load_in_words():
    assert str(Load(200.0)) == "200 items/s"
    assert str(Load(1234.5)) != str(Load(1234.6))  # it tells studies apart
    assert (
        str(recorded_load([0, 1, 2], "somewhere/t.csv", "1a2b3c4d5e"))
        == "1 items/s as recorded in 't.csv' (1a2b3c4d)"
    )
