"""How figures are written."""

import math

import pytest

from tuner.domain.figures import (
    decimals_apart,
    digits,
    faster,
    gain,
    gain_name,
    gain_of,
    gain_tick,
    gibibytes,
    interval,
    mebibytes,
    milliseconds,
    rate,
    seconds,
    share,
)
from tuner.domain.stats import Speedup


@pytest.mark.parametrize(
    ("ratio", "written", "spoken"),
    [
        (1.0571, "+5.7 %", "5.7 % faster than"),
        (0.94, "-6.0 %", "6.0 % slower than"),
        (0.99999, "+0.0 %", "0.0 % slower than"),
        (2.079, "+107.9 %", "107.9 % faster than"),
        (2.999, "+199.9 %", "199.9 % faster than"),
        (3.0, "3 times", "3 times as fast as"),
        (8.2, "8.2 times", "8.2 times as fast as"),
        (136.9, "137 times", "137 times as fast as"),
    ],
)
def test_a_gain_is_a_percentage_below_a_factor_of_three_and_a_factor_from_there_on(ratio, written, spoken):
    assert gain(ratio) == written
    assert faster(ratio) == spoken


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (1.0321, 1.0826, "+3.2 to +8.3 %"),
        (0.99999, 1.01, "+0.0 to +1.0 %"),
        (2.5, 3.5, "+150.0 to +250.0 %"),
        (7.9, 8.4, "7.9 to 8.4 times"),
        (0.0, math.inf, ""),
        (None, 1.2, ""),
    ],
)
def test_an_interval_is_written_as_its_gain_is(low, high, written):
    assert interval(low, high) == written


@pytest.mark.parametrize(
    ("ratio", "written", "spoken"),
    [
        (1 / 0.73, "-27.0 %", "27.0 % lower p99 latency than"),
        (1.0, "+0.0 %", "0.0 % lower p99 latency than"),
        (0.8, "+25.0 %", "25.0 % higher p99 latency than"),
        (0.1, "10 times", "10 times the p99 latency of"),
        (8.0, "-87.5 %", "87.5 % lower p99 latency than"),
    ],
)
def test_a_gain_of_latency_is_written_as_the_change_of_the_latency(ratio, written, spoken):
    assert gain(ratio, metric="latency_p99") == written
    assert faster(ratio, metric="latency_p99") == spoken


def test_of_a_gain_of_latency_or_cpu_time_it_is_said_of_what_it_is():
    assert interval(1.25, 1.6, "cpu") == "-37.5 to -20.0 %"
    assert interval(0.1, 0.125, "cpu") == "8 to 10 times"
    assert gain_of(Speedup(1.25, 1.25, 1.6, 0.98, 20, 5, "cpu")) == (
        "-20.0 % CPU time of an item, 98 % interval -37.5 to -20.0 %, 20 rounds in 5 sittings"
    )
    assert gain_of(Speedup(0.1, 0.1, 0.125, 0.98, 20, 5, "latency_p99")).startswith(
        "10 times the p99 latency, 98 % interval 8 to 10 times"
    )
    assert gain_name("cpu") == "CPU time of an item against the hint"


@pytest.mark.parametrize(
    ("one", "other", "written"),
    [
        (1.2, 1.05, ("+20.0 %", "+5.0 %")),
        (1.0496, 1.05, ("+4.96 %", "+5.00 %")),
        (1.04999, 1.05, ("+4.999 %", "+5.000 %")),
        (3.0496, 3.05, ("3.0496 times", "3.05 times")),
        (136.9, 137.0, ("136.9 times", "137.0 times")),
        (1.05, 1.05, ("+5.0 %", "+5.0 %")),
    ],
)
def test_ratios_that_differ_look_different_where_they_are_compared(one, other, written):
    decimals = decimals_apart(one, other)
    assert (gain(one, decimals), gain(other, decimals)) == written


def test_an_axis_leaves_out_decimals_that_say_nothing():
    assert [gain_tick(ratio) for ratio in (0.95, 1.0, 1.005, 2.0, 20.0)] == [
        "-5 %", "+0 %", "+0.5 %", "+100 %", "20 times",
    ]  # fmt: skip


def test_a_number_has_three_digits_and_no_exponent():
    assert [digits(value) for value in (0.0736, 1.747, 99.96, 999.7, 12345.6)] == [
        "0.0736", "1.75", "100", "1,000", "12,346",
    ]  # fmt: skip


def test_every_figure_has_its_unit():
    assert (rate(1234.5), milliseconds(999.7), seconds(0.27)) == ("1,234", "1,000 ms", "0.27 s")
    assert (mebibytes(1291.6), gibibytes(24105)) == ("1,292 MiB", "24 GiB")
    assert (share(0.524), share(0.0131)) == ("52 %", "1 %")
