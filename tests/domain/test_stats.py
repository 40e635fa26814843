import math
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tests.lanes.simulated import Noise, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.domain.stats import (
    EXACT_UP_TO,
    FEW_SITTINGS,
    LEAST_SITTINGS,
    signed_rank_quantile,
    speedup,
    speedup_over_sittings,
    spread,
    walsh_averages,
)
from tuner.measure.comparison import Comparison

LOGS = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


def test_the_estimate_is_the_median_of_all_pairwise_means():
    assert list(walsh_averages([1.0, 2.0, 6.0])) == [1.0, 1.5, 2.0, 3.5, 4.0, 6.0]
    assert math.log(speedup([1.0, 2.0, 6.0]).ratio) == pytest.approx(2.75)


@pytest.mark.parametrize("count", [6, 10, 25, 50])
def test_the_interval_rejects_exactly_what_the_signed_rank_test_rejects(count):
    logs = np.random.default_rng(count).normal(0.05, 0.1, count)
    found = speedup(list(logs))
    for bound, inward in ((math.log(found.low), 1), (math.log(found.high), -1)):
        inside = scipy.stats.wilcoxon(logs - bound - inward * 1e-9, method="exact").pvalue
        outside = scipy.stats.wilcoxon(logs - bound + inward * 1e-9, method="exact").pvalue
        assert outside <= 0.05 < inside


def test_five_rounds_cannot_carry_95_percent_and_six_can():
    assert speedup([0.1] * 5).low == 0.0
    assert math.isinf(speedup([0.1] * 5).high)
    assert speedup([0.1] * 6).low == pytest.approx(math.exp(0.1))


def test_comparing_more_candidates_widens_the_interval():
    logs = list(np.random.default_rng(0).normal(0, 0.1, 30))
    assert speedup(logs, among=4).half_width > speedup(logs).half_width


def test_the_normal_approximation_takes_over_smoothly():
    exact, normal = signed_rank_quantile(EXACT_UP_TO, 0.05), signed_rank_quantile(EXACT_UP_TO + 1, 0.05)
    assert exact is not None
    assert normal is not None
    assert 0 <= normal - exact <= 35


@given(LOGS, st.floats(-1, 1))
def test_scaling_the_candidate_scales_estimate_and_interval(logs, shift):
    plain, shifted = speedup(logs), speedup([log + shift for log in logs])
    assert shifted.ratio == pytest.approx(plain.ratio * math.exp(shift))
    assert shifted.low == pytest.approx(plain.low * math.exp(shift))


@given(LOGS)
def test_swapping_the_sides_inverts_the_ratio(logs):
    there, back = speedup(logs), speedup([-log for log in logs])
    assert there.ratio * back.ratio == pytest.approx(1.0)
    if there.low:
        assert there.low * back.high == pytest.approx(1.0)


@given(LOGS)
def test_the_estimate_lies_in_its_interval(logs):
    found = speedup(logs)
    assert found.low <= found.ratio * (1 + 1e-9)
    assert found.ratio <= found.high * (1 + 1e-9)


def coverage(estimate, noise, runs, sittings, rounds):
    """How often the interval of a noisy comparison of two configurations holds the truth."""
    hint = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
    better = Configuration.of("CPU", {"NUM_STREAMS": 2}, 4, 4)
    covered = 0
    for seed in range(runs):
        lanes, logs = SimulatedLanes(noise=noise, seed=seed), []
        for _ in range(sittings):
            pair = [lanes.open(hint), lanes.open(better)]
            comparison = Comparison(pair, random.Random(seed), lanes.now)
            for _ in range(rounds):
                comparison.play()
            logs.append(comparison.log_ratios())
        truth = lanes.device.fps(pair[1].facts.effective) / lanes.device.fps(pair[0].facts.effective)
        found = estimate(logs)
        covered += found.low <= truth <= found.high
    return covered / runs


def test_95_percent_intervals_of_one_sitting_hold_where_processes_are_alike():
    alike = replace(Noise(), luck=0.0)
    assert 0.93 <= coverage(lambda logs: speedup(logs[0]), alike, 1000, sittings=1, rounds=20) <= 0.97


@pytest.mark.parametrize("sittings", [FEW_SITTINGS + 1, 8, 12])
def test_95_percent_intervals_over_sittings_hold_where_processes_differ(sittings):
    assert 0.93 <= coverage(speedup_over_sittings, Noise(), 1000, sittings, rounds=4) <= 0.97


def test_rounds_of_one_pair_of_processes_that_differ_cannot_carry_a_claim():
    assert coverage(lambda logs: speedup(logs[0]), Noise(), 500, sittings=1, rounds=20) < 0.7


def sittings_of(seed, count=8, most=4, luck=0.0, least=None):
    """Rounds of a busy host, in sittings whose pairs of processes differ by `luck`; the truth is 0."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(least or most, most + 1, count)
    hit = np.log(0.75) * (rng.random((2, count, most)) < 0.12)
    logs = rng.normal(0, 0.015, (count, most)) + hit[0] - hit[1] + luck * rng.normal(0, 1, (count, 1))
    return [list(sitting[:size]) for sitting, size in zip(logs, sizes, strict=True)]


@pytest.mark.parametrize("luck", [0.0, 0.01, 0.03])
@pytest.mark.parametrize(("count", "least", "most"), [(5, 2, 2), (8, 3, 3), (12, 1, 4), (20, 1, 1)])
def test_intervals_over_sittings_hold_whether_processes_differ_or_not(luck, count, least, most):
    found = [speedup_over_sittings(sittings_of(seed, count, most, luck, least)) for seed in range(800)]
    assert 0.93 <= np.mean([gain.low <= 1 <= gain.high for gain in found]) <= 0.98


def test_the_interval_is_wider_where_sittings_differ_than_where_the_same_rounds_are_mixed():
    logs = list(np.sort(np.random.default_rng(0).normal(0, 0.03, 32)))
    apart = speedup_over_sittings([logs[first : first + 4] for first in range(0, 32, 4)])
    mixed = speedup_over_sittings([logs[first::8] for first in range(8)])
    assert apart.ratio == mixed.ratio
    assert apart.half_width > 1.5 * mixed.half_width


def test_rounds_of_sittings_that_do_not_differ_count_each():
    """Student's quantile is 4.6 for five sittings, and 2.9 for their twenty rounds."""
    draws = np.random.default_rng(0).normal(0, 0.03, (200, 5, 4))
    widths = [speedup_over_sittings(list(map(list, logs)), 0.99).half_width for logs in draws]
    of_sittings = scipy.stats.t.ppf(0.995, 4) * draws.mean(axis=2).std(axis=1, ddof=1) / math.sqrt(5)
    assert np.median(widths) < 0.9 * np.median(of_sittings)


def test_a_few_rounds_are_too_uncertain_to_drop_any():
    found = [
        speedup_over_sittings(list(map(list, logs)))
        for logs in np.random.default_rng(3).normal(0, 0.02, (1500, FEW_SITTINGS + 1, 1))
    ]
    assert 0.93 <= np.mean([gain.low <= 1 <= gain.high for gain in found]) <= 0.97


def test_a_round_in_which_something_else_happened_moves_little():
    sittings = [list(logs) for logs in np.random.default_rng(1).normal(0.05, 0.02, (8, 3))]
    before = speedup_over_sittings(sittings)
    sittings[3][1] = -0.6
    after = speedup_over_sittings(sittings)
    assert after.ratio == pytest.approx(before.ratio, abs=0.005)
    assert after.half_width < 1.3 * before.half_width


SITTINGS = st.lists(
    st.lists(st.floats(-1, 1), min_size=1, max_size=4), min_size=FEW_SITTINGS + 1, max_size=12
)


@given(SITTINGS)
def test_swapping_the_sides_of_sittings_inverts_ratio_and_interval(sittings):
    there = speedup_over_sittings(sittings)
    back = speedup_over_sittings([[-log for log in sitting] for sitting in sittings])
    assert math.log(there.ratio) == pytest.approx(-math.log(back.ratio), abs=1e-6)
    assert there.half_width == pytest.approx(back.half_width, rel=1e-4, abs=1e-6)


@given(SITTINGS)
def test_more_confidence_and_more_candidates_widen_an_interval_over_sittings(sittings):
    widths = [
        speedup_over_sittings(sittings, confidence, among).half_width
        for confidence, among in [(0.9, 1), (0.95, 1), (0.98, 1), (0.98, 2)]
    ]
    rounding = 1e-12
    assert all(wider > width - rounding for width, wider in pairwise(widths))
    assert widths[-1] > 1.5 * widths[0] or widths[-1] < rounding


def test_sittings_of_equal_rounds_are_certain():
    found = speedup_over_sittings([[0.1] * 3] * (FEW_SITTINGS + 1))
    assert (found.low, found.high) == (found.ratio, found.ratio)


@pytest.mark.parametrize("sittings", range(1, LEAST_SITTINGS))
def test_a_few_sittings_cannot_carry_an_interval(sittings):
    found = speedup_over_sittings([[0.1] * 50] * sittings)
    assert (found.low, found.high, found.ratio) == (0.0, math.inf, pytest.approx(math.exp(0.1)))


@pytest.mark.parametrize("sittings", range(LEAST_SITTINGS, FEW_SITTINGS + 1))
def test_a_few_sittings_that_agree_have_a_wide_interval_all_the_same(sittings):
    found = speedup_over_sittings([[0.5] * 3] * sittings, 0.98)
    assert found.ratio == pytest.approx(math.exp(0.5))
    assert 0.2 < found.half_width < 0.45


def test_spread_ignores_a_burst_and_sees_an_unsteady_host():
    assert spread([100, 101, 99, 100, 30]) < 0.02
    assert spread([100, 60, 140, 80, 120]) > 0.2
