"""Landscapes that are made from a recording, whose truth is known."""

import math
import random
from itertools import islice
from statistics import fmean, median

import pytest

from tests import recordings
from tests.benchmarks.wrong_keeps import judged
from tests.lanes.made import LITTLE_LOSS, flattened, mirrored, originals
from tests.lanes.replayed import ReplayedLanes, read, residuals

RECORDING = read(recordings.path_of("squeezenet"))


def truths(landscape):
    return [landscape.log_ratio(entry.configuration) for entry in originals(RECORDING)]


@pytest.mark.parametrize("seed", range(5))
def test_a_flattened_landscape_gains_in_one_corner_only(seed):
    found = sorted(truths(flattened(RECORDING, 0.06, seed)), reverse=True)
    assert found[0] == pytest.approx(math.log(1.06))
    beside = [truth for truth in found[1:] if truth > 0]
    assert 1 <= len(beside) <= 5
    assert set(beside) == {math.log1p(0.03)}
    assert found.count(0.0) == 1  # the hint
    assert min(found) >= -LITTLE_LOSS


def test_each_seed_draws_a_corner():
    best = {flattened(RECORDING, 0.06, seed).best().configuration for seed in range(20)}
    assert len(best) > 10
    assert RECORDING.baseline not in best
    assert truths(flattened(RECORDING, 0.06, 1)) == truths(flattened(RECORDING, 0.06, 1))


def test_in_mirrored_and_in_wholly_flat_landscapes_nothing_gains():
    assert max(truths(mirrored(RECORDING))) == max(truths(flattened(RECORDING, 0.0, 3))) == 0.0
    assert min(truths(mirrored(RECORDING))) < -0.2


def test_a_made_landscape_keeps_the_recorded_costs():
    made = flattened(RECORDING, 0.1, 0)
    entry = originals(RECORDING)[5]
    assert made.entry(entry.configuration) == entry
    assert set(entry.sittings) < set(made.noise(entry))
    lanes = ReplayedLanes(made)
    assert lanes.open(entry.configuration).window(0.1).seconds >= entry.window_s
    assert lanes.now() >= entry.open_s + entry.window_s


@pytest.mark.parametrize("at", [3, 20])
def test_noise_favours_no_side(at):
    made = flattened(RECORDING, 0.0, 0)
    draw, entry = random.Random(0), originals(RECORDING)[at]
    short = [median(islice(residuals(made.noise(entry), draw), 4)) for _ in range(2000)]
    assert abs(fmean(short)) < 0.002


@pytest.mark.parametrize(
    ("kind", "picked", "best", "worth"),
    [
        ("keep_hint", 0.0, 0.029, "right keep"),
        ("keep_hint", 0.0, 0.03, "wrong keep"),
        ("faster", 0.04, 0.06, "faster"),
        ("faster", -0.01, 0.06, "wrong win"),
        ("inconclusive", 0.0, 0.1, "inconclusive"),
    ],
)
def test_a_verdict_is_judged_by_the_truth(kind, picked, best, worth):
    assert judged(kind, picked, best) == worth
