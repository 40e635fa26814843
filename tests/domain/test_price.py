"""What a gain costs, and what costs less."""

from dataclasses import replace

import pytest

from tests.report.results import searched, view_of, won
from tuner.advice.loader import read
from tuner.advice.writer import make_advice, write_advice
from tuner.cli.answers import summary
from tuner.domain.configuration import Configuration
from tuner.domain.price import Price, cheaper_than, price_of
from tuner.domain.sample import Latency, Measured
from tuner.domain.sentences import cheaper_line, headline, price_line
from tuner.domain.space import Bounds
from tuner.domain.stats import Speedup
from tuner.domain.trial import Candidate
from tuner.report.page import page
from tuner.report.text import as_markdown

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
    assert price_line(Price(1.5, 1.0, 1.0, 0.75)) == "p99 +0.0 %, memory +0.0 %, CPU time of an item -25.0 %"
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


def candidate(speed, p99_ms, memory_mb=200.0, cpu_ms=20.0):
    figures = Measured(100.0 * speed, Latency(1.0, 2.0, p99_ms), memory_mb, cpu_ms)
    configuration = Configuration.of("CPU", {"NUM_STREAMS": 2}, 4, round(p99_ms))
    return Candidate(configuration, None, Speedup(speed, 0.9, 1.2, 0.95, 6), figures)


def test_what_keeps_most_of_a_small_gain_for_the_least_is_the_cheaper_one():
    tried = [candidate(1.08, 40.0), candidate(1.06, 15.0), candidate(1.05, 12.0), candidate(1.02, 10.0)]
    found = cheaper_than(DEAR, [], tried, HINT)
    assert (found.price.speed, found.price.latency) == pytest.approx((1.05, 1.2))
    figures = "2 streams, batch 4, 12 requests: throughput +5.0 %, p99 +20.0 %, memory +0.0 %, CPU time of an item +0.0 %"
    assert cheaper_line(found) == f"{figures} (by its trial)"
    assert cheaper_line(cheaper_than(DEAR, tried[2:], tried[:1], HINT)) == f"{figures} (in the final)"


def test_the_greatest_of_its_costs_decides_what_is_cheapest():
    tried = [candidate(1.06, 10.0, memory_mb=380.0), candidate(1.06, 14.0)]
    assert cheaper_than(DEAR, [], tried, HINT).candidate == tried[1]


@pytest.mark.parametrize(
    "tried",
    [
        [candidate(1.08, 40.0), candidate(1.02, 10.0)],
        [candidate(1.06, 20.0)],
        [candidate(1.06, 11.0, memory_mb=400.0)],
        [candidate(1.06, 11.0, cpu_ms=40.0)],
        [candidate(0.5, 5.0)],
        [],
    ],
)
def test_nothing_is_cheaper_that_loses_the_gain_or_costs_twice_as_much(tried):
    assert cheaper_than(DEAR, tried, tried, HINT) is None


def test_cpu_time_that_is_not_known_is_not_cheap():
    dear = replace(DEAR, cpu=3.0)
    assert cheaper_than(dear, [candidate(1.06, 11.0, cpu_ms=None)], [], HINT) is None
    assert cheaper_than(DEAR, [candidate(1.06, 11.0, cpu_ms=None)], [], HINT)


def test_a_fair_price_needs_nothing_cheaper():
    assert cheaper_than(Price(1.3, 4.0, 1.0), [], [candidate(1.29, 11.0)], HINT) is None
    assert cheaper_than(Price(1.05, 1.9, 1.0), [], [candidate(1.05, 11.0)], HINT) is None


def in_the_final():
    """A finalist that costs what the hint does."""
    hint = searched().baseline
    return replace(candidate(1.05, 10.0), measured=hint.measured, effective=replace(hint.effective, batch=4))


def dear_result(others=()):
    """The advice gains 5.7 % for 7.6 times the latency."""
    return won(ratio=1.0571, latency=7.6, memory=1.1, others=others)


def test_the_cheaper_one_of_a_search_is_no_finalist_that_is_out_and_not_the_advice_again():
    lean = in_the_final()
    assert dear_result([lean]).cheaper.candidate == lean
    assert dear_result([lean]).cheaper.in_the_final
    out = dear_result([replace(lean, disqualified="its answers differ")]).cheaper
    assert out is None or not out.in_the_final


def test_only_whole_trials_within_the_bounds_are_named():
    result = dear_result()
    hint = result.baseline.measured
    lean = replace(
        result.trials[1], speedup=Speedup(1.05, 1.0, 1.1, 0.95, 6), measured=hint, state="measured"
    )
    named = replace(result, trials=[result.trials[0], lean]).cheaper
    assert named.candidate.configuration == lean.configuration
    assert not named.in_the_final
    pruned = replace(lean, state="pruned")
    assert replace(result, trials=[result.trials[0], pruned]).cheaper is None
    narrow = replace(result.setting, bounds=Bounds(batch=(lean.configuration.batch + 1,)))
    assert replace(result, trials=[result.trials[0], lean], setting=narrow).cheaper is None
    again = replace(lean, number=2, speedup=Speedup(0.9, 0.8, 1.0, 0.95, 6))
    assert replace(result, trials=[result.trials[0], lean, again]).cheaper is None


def test_the_cheaper_one_is_said_everywhere(tmp_path):
    lean = in_the_final()
    result = dear_result([lean])
    line = cheaper_line(result.cheaper)
    assert f"  cheaper  {line}" in list(summary(result, tmp_path / "config.yaml", tmp_path / "study.db"))
    assert line in page([view_of(result)])
    assert f"- cheaper, with most of the gain: {line}" in as_markdown([view_of(result)])
    write_advice(make_advice(result), tmp_path / "config.yaml")
    (written,) = read(tmp_path / "config.yaml")
    kept = written.cheaper
    assert kept.configuration == lean.configuration
    assert kept.measured.cpu_ms_per_item == pytest.approx(lean.measured.cpu_ms_per_item, rel=1e-4)
