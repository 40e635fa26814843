"""What a gain costs, and what costs less."""

from dataclasses import replace

import pytest

from tests.report.results import searched, won
from tuner.domain.configuration import Configuration
from tuner.domain.price import Price, cheaper_than, price_of
from tuner.domain.sample import Latency, Measured
from tuner.domain.sentences import cheaper_line, headline, price_line
from tuner.domain.stats import Speedup
from tuner.domain.trial import Trial

HINT = Measured(100.0, Latency(1.0, 2.0, 10.0), 200.0, 20.0)
DEAR = Price(speed=1.08, latency=4.0, memory=1.0)


@pytest.mark.parametrize(
    ("speed", "latency", "memory", "high"),
    [
        (1.057, 7.6, 1.1, True),
        (1.057, 1.0, 2.0, True),
        (1.057, 1.9, 1.9, False),
        (1.099, 2.0, 1.0, True),
        (1.10, 7.6, 3.0, False),
        (8.2, 7.6, 3.0, False),
        (1.05, 1.0, 1.0, False),
    ],
)
def test_a_price_is_high_from_twice_the_hints_for_a_gain_below_ten_percent(speed, latency, memory, high):
    assert Price(speed, latency, memory).is_high is high
    assert ("a high price for a gain below 10 %" in price_line(Price(speed, latency, memory))) is high


def test_cpu_time_is_part_of_the_price_where_it_is_known():
    assert Price(1.05, 1.0, 1.0, cpu=2.0).is_high
    assert not Price(1.05, 1.0, 1.0, cpu=1.9).is_high
    assert price_line(Price(1.5, 1.0, 1.0, 0.75)) == "p99 +0.0 %, memory +0.0 %, CPU an item -25.0 %"
    assert "CPU" not in price_line(Price(1.5, 1.0, 1.0))


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


def on_front(speed, p99_ms, memory_mb=200.0, cpu_ms=20.0):
    figures = Measured(100.0 * speed, Latency(1.0, 2.0, p99_ms), memory_mb, cpu_ms)
    configuration = Configuration.of("CPU", {"NUM_STREAMS": 2}, 4, round(p99_ms))
    return Trial(1, configuration, "measured", speedup=Speedup(speed, 0.9, 1.2, 0.95, 6)), figures


def test_what_keeps_most_of_a_small_gain_for_the_lowest_latency_is_the_cheaper_one():
    front = [on_front(1.08, 40.0), on_front(1.06, 15.0), on_front(1.05, 12.0), on_front(1.02, 10.0)]
    found = cheaper_than(DEAR, front, HINT)
    assert (found.price.speed, found.price.latency) == pytest.approx((1.05, 1.2))
    assert cheaper_line(found) == (
        "2 streams, batch 4, 12 requests: throughput +5.0 %, p99 +20.0 %, memory +0.0 %, "
        "CPU an item +0.0 % (by its trial)"
    )


@pytest.mark.parametrize(
    "front",
    [
        [on_front(1.08, 40.0), on_front(1.02, 10.0)],
        [on_front(1.06, 20.0)],
        [on_front(1.06, 11.0, memory_mb=400.0)],
        [on_front(1.06, 11.0, cpu_ms=40.0)],
        [on_front(0.5, 5.0)],
        [],
    ],
)
def test_nothing_is_cheaper_that_loses_the_gain_or_costs_twice_as_much(front):
    assert cheaper_than(DEAR, front, HINT) is None


def test_a_fair_price_needs_nothing_cheaper():
    assert cheaper_than(Price(1.3, 4.0, 1.0), [on_front(1.29, 11.0)], HINT) is None
    assert cheaper_than(Price(1.05, 1.9, 1.0), [on_front(1.05, 11.0)], HINT) is None
