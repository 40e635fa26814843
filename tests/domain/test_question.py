"""Limits are kept only if that is sure, and what users write becomes limits or one clear sentence."""

import math
import random

import numpy as np
import pytest

from tuner.domain.limit import Limit
from tuner.domain.limit_words import limits_of
from tuner.domain.question import Question
from tuner.domain.sample import Latency, Measured, Round, Window
from tuner.errors import LaneError, UsageError


def measured(p99=10.0, memory_mb=100.0, fps=500.0):
    return Measured(fps, Latency(p99 / 4, p99 / 2, p99, 2 * p99), memory_mb)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("20ms", Limit("p99", 20.0)),
        ("0.5s", Limit("p99", 500.0)),
        ("p50:800us", Limit("p50", 0.8)),
        (" p99.9 : 1 s ", Limit("p99.9", 1000.0)),
    ],
)
def test_a_latency_is_limited_by_percentile_and_unit(text, limit):
    (found,) = limits_of((text,))
    assert found.figure == limit.figure
    assert found.bound == pytest.approx(limit.bound)


def test_memory_and_throughput_are_limited_too():
    memory, throughput = limits_of((), "2GiB", "500")
    assert memory == Limit("memory", 2048.0)
    assert throughput == Limit("throughput", 500.0)
    assert limits_of((), "1GB")[0].bound == pytest.approx(953.67, abs=0.01)
    assert [str(limit) for limit in (memory, throughput)] == [
        "memory <= 2,048 MiB",
        "throughput >= 500 items/s",
    ]


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (
            {"max_latency": ("20",)},
            "max_latency='20' has no unit; the units are us, ms, s: give for example 20ms",
        ),
        ({"max_latency": ("0ms",)}, "max_latency='0ms' is no limit above 0"),
        ({"max_latency": ("-5ms",)}, "max_latency='-5ms' is not a number above 0 with a unit"),
        (
            {"max_latency": ("soon",)},
            "max_latency='soon' is not a number above 0 with a unit; the units are us",
        ),
        ({"max_latency": 20}, "max_latency='20' has no unit"),
        ({"max_memory": "9" * 400 + "GiB"}, "is no limit above 0"),
        (
            {"max_latency": ("p95:5ms",)},
            "begins with 'p95', which is no percentile; give p50, p90, p99 or p99.9",
        ),
        ({"max_latency": ("p99:5ms", "7ms")}, "limits the p99 latency twice"),
        (
            {"max_latency": ("p50:20ms", "p99:10ms")},
            "has 'p50 latency <= 20 ms' beside 'p99 latency <= 10 ms'",
        ),
        ({"max_memory": "2"}, "max_memory='2' has no unit; the units are MB, GB, MiB, GiB"),
        ({"max_memory": "lots"}, "max_memory='lots' is not a number above 0 with a unit; the units are MB"),
        ({"min_throughput": "0"}, "min_throughput='0' is not a number of items per second above 0"),
        ({"min_throughput": "fast"}, "min_throughput='fast' is not a number"),
    ],
)
def test_what_is_no_limit_gets_a_sentence(limits, sentence):
    with pytest.raises(UsageError) as refusal:
        limits_of(**limits)
    assert sentence in str(refusal.value)


def test_a_stricter_limit_of_fewer_requests_is_none_too_many():
    assert len(limits_of(("p50:5ms", "p99:20ms"))) == 2


def test_excess_is_above_zero_where_a_limit_is_broken():
    assert Limit("p99", 20.0).excess(measured(p99=40.0)) == pytest.approx(math.log(2))
    assert Limit("p99.9", 20.0).excess(measured(p99=5.0)) == pytest.approx(-math.log(2))
    assert Limit("throughput", 500.0).excess(measured(fps=250.0)) == pytest.approx(math.log(2))
    assert Limit("memory", 200.0).excess(measured(memory_mb=100.0)) == pytest.approx(-math.log(2))
    assert Question().excess(measured()) is None
    both = Question(limits=(Limit("p99", 20.0), Limit("throughput", 1000.0)))
    assert both.excess(measured(p99=30.0, fps=500.0)) == pytest.approx(math.log(2))
    assert both.broken(measured(p99=30.0, fps=500.0)) == [both.limits[1], both.limits[0]]


def test_a_percentile_that_is_not_known_keeps_nothing():
    unknown = Measured(500.0, Latency(1.0, 2.0, 3.0), 100.0)
    assert Limit("p99.9", 20.0).excess(unknown) == math.inf


def kept(limit, sittings, latencies_ms=(), among=1):
    return limit.is_kept(limit.bounds(sittings, latencies_ms, among))


@pytest.mark.parametrize("sittings", [3, 5, 12])
def test_a_throughput_at_its_limit_is_surely_kept_in_one_of_twenty(sittings):
    rng, limit = random.Random(0), Limit("throughput", 500.0)
    found = [
        kept(limit, [measured(fps=500.0 * math.exp(rng.gauss(0, 0.05))) for _ in range(sittings)])
        for _ in range(4000)
    ]
    assert sum(found) / 4000 == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("requests", "spread"), [(12, 0.1), (25, 0.3), (100, 0.3), (400, 0.3)])
def test_a_percentile_of_few_requests_is_rarely_sure(requests, spread):
    """The true p99 is 3 % above the limit; the p99 of twelve requests is about the slowest of them, and below it."""
    rng, sittings = np.random.default_rng(0), 6
    limit = Limit("p99", math.exp(2.3263 * spread) / 1.03)
    found = []
    for _ in range(400):
        drawn = np.exp(rng.normal(0, spread, (sittings, requests)))
        each = [Measured(1.0, Latency.of(list(latencies)), 1.0) for latencies in drawn]
        found.append(kept(limit, each, list(drawn.ravel())))
    assert sum(found) / 400 <= 0.06


def test_bounds_of_several_are_wider():
    limit = Limit("throughput", 500.0)
    sittings = [measured(fps=fps) for fps in (500.0, 520.0, 540.0, 560.0)]
    one, nine = limit.bounds(sittings, ()), limit.bounds(sittings, (), among=9)
    assert nine.low < one.low < 530.0 < one.high < nine.high


def test_nothing_is_sure_of_two_sittings_and_a_peak_is_the_highest_of_any():
    assert not kept(Limit("throughput", 1.0), [measured()] * 2)
    assert kept(Limit("throughput", 1.0), [measured()] * 3)
    peaks = [measured(memory_mb=100.0)] * 11
    assert kept(Limit("memory", 110.0), peaks)
    assert not kept(Limit("memory", 110.0), [*peaks, measured(memory_mb=111.0)])
    assert Limit("memory", 110.0).is_broken(
        Limit("memory", 110.0).bounds([*peaks, measured(memory_mb=111.0)], ())
    )


def test_a_p99_is_not_sure_of_fewer_than_299_requests():
    limit, sittings = Limit("p99", 20.0), [measured(p99=10.0)] * 5
    assert not kept(limit, sittings, [10.0] * 298)
    assert kept(limit, sittings, [10.0] * 299)
    assert limit.standing(sittings[0], limit.bounds(sittings, [10.0] * 298)) == "not sure (10 ms)"
    assert (
        limit.standing(sittings[0], limit.bounds(sittings, [10.0] * 299))
        == "kept (10 ms, surely below 10 ms)"
    )
    assert (
        limit.standing(measured(p99=30.0), limit.bounds([measured(p99=30.0)] * 5, [30.0] * 299))
        == "broken (30 ms)"
    )
    assert limit.standing(measured(p99=30.0), None) == "over it (30 ms)"


@pytest.mark.parametrize("bound", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_is_a_number_above_0(bound):
    with pytest.raises(UsageError, match="is no limit of p99 latency; give a number above 0"):
        Limit("p99", bound)


def test_a_question_is_the_same_in_any_order_and_to_the_last_digit():
    one, other = Limit("p99", 20.04), Limit("memory", 500.0)
    assert Question(limits=(one, other)).key == Question(limits=(other, one)).key
    assert Question(limits=(one,)).key != Question(limits=(Limit("p99", 20.0),)).key
    assert Question().key == "throughput"


@pytest.mark.parametrize("cpu_ms", [None, 0.0, -0.1])
def test_without_cpu_time_there_is_no_score_of_it(cpu_ms):
    with pytest.raises(LaneError, match="CPU time is not known"):
        Question("cpu").score(Window(1.0, (1.0,), 1.0, 1.0, cpu_ms))


def test_a_duel_is_over_a_limit_when_every_window_is():
    question = Question(limits=(Limit("p99", 20.0),))
    assert not question.surely_broken([measured(p99=30.0)] * 2)
    assert question.surely_broken([measured(p99=30.0)] * 3)
    assert not question.surely_broken([*[measured(p99=30.0)] * 3, measured(p99=21.0)])
    assert Question(limits=(Limit("memory", 50.0),)).surely_broken([measured(memory_mb=51.0)])
    assert not Question().surely_broken([measured()] * 9)


def test_too_little_throughput_is_not_outgrown():
    question = Question(limits=(Limit("p99", 20.0), Limit("throughput", 1000.0)))
    assert question.outgrown(measured(p99=23.0))
    assert not question.outgrown(measured(p99=21.0))
    assert not question.outgrown(measured(p99=5.0, fps=1.0))


def test_a_score_is_higher_where_a_window_is_better():
    slow = Window(100.0, (5.0,) * 100, 0.1, 100.0, 8.0)
    fast = Window(100.0, (4.0,) * 100, 0.1, 100.0, 6.0)
    for objective in ("latency", "cpu"):
        question = Question(objective)
        assert question.score(fast) > question.score(slow)
    assert Question("cpu").score(fast) / Question("cpu").score(slow) == pytest.approx(8 / 6)
    assert Question().score(fast) == 100.0


def test_rounds_compare_scores_where_there_are_any():
    played = Round((100.0, 50.0, 200.0), (2, 0, 1), 0.0, scores=(0.25, 0.5, 1.0))
    assert played.log_ratio() == pytest.approx(math.log(2))
    assert played.pair(1, 2).log_ratio() == pytest.approx(math.log(2))
    assert played.without(1).log_ratio() == pytest.approx(math.log(4))
    assert played.without(1).rates_fps == (100.0, 200.0)


def test_a_question_is_said_in_words():
    assert str(Question()) == "throughput"
    limits = (Limit("p99", 20.0), Limit("memory", 2048.0))
    assert (
        str(Question("cpu", limits))
        == "CPU time of an item, with p99 latency <= 20 ms and memory <= 2,048 MiB"
    )
