"""How figures are written, and what a gain costs."""

import math
from dataclasses import replace

import pytest

from tests.report.results import searched, won
from tuner.domain.figures import (
    decimals_apart,
    digits,
    faster,
    gain,
    gain_tick,
    gibibytes,
    interval,
    mebibytes,
    milliseconds,
    rate,
    seconds,
    share,
)
from tuner.domain.price import Price, price_of
from tuner.domain.sentences import headline, price_line


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


@pytest.mark.parametrize(
    ("speed", "latency", "memory", "high"),
    [
        (1.057, 7.6, 1.1, True),
        (1.057, 1.0, 2.0, True),
        (1.057, 1.9, 1.9, False),
        (1.099, 2.0, 1.0, True),
        (1.10, 7.6, 3.0, False),
        (8.2, 7.6, 3.0, False),
    ],
)
def test_a_price_is_high_from_twice_the_hints_for_a_gain_below_ten_percent(speed, latency, memory, high):
    assert Price(speed, latency, memory).is_high is high
    assert ("a high price for a gain below 10 %" in price_line(Price(speed, latency, memory))) is high


def test_a_price_is_said_with_its_gain():
    assert headline(Price(1.0571, 7.638, 1.135)) == (
        "throughput +5.7 %, p99 7.64 times as long, memory +13.5 %"
    )
    assert headline(Price(8.2, 0.97, 3.1)) == (
        "throughput 8.2 times as high, p99 -3.0 %, memory 3.1 times as much"
    )


def test_only_what_is_faster_and_measured_has_a_price():
    result = won(ratio=1.0571, latency=7.6, memory=1.1)
    price = price_of(result.verdict, result.baseline)
    assert (price.speed, price.latency, price.memory) == pytest.approx((1.0571, 7.6, 1.1))
    assert price_of(replace(result.verdict, kind="keep_hint"), result.baseline) is None
    assert price_of(result.verdict, replace(searched().baseline, measured=None)) is None
