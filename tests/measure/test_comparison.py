"""Rounds and duels, on simulated lanes."""

import random

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.domain.pruning import StopRule
from tuner.measure.comparison import Comparison, duel

THROUGHPUT = {"PERFORMANCE_HINT": "THROUGHPUT"}


def test_a_duel_begins_warm_and_counts_no_warming_window():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
    pair = [lanes.open(Configuration.of("CPU", THROUGHPUT, batch, 2)) for batch in (1, 2)]
    comparison = Comparison(pair, random.Random(0), lanes.now)
    before = lanes.now()
    comparison.warm_up()
    assert lanes.now() > before
    assert comparison.rounds == []
    spent = lanes.now()
    duel(comparison, StopRule(), lambda: False)
    warming = lanes.now() - spent - len(comparison.rounds) * comparison.round_s()
    assert warming == pytest.approx(comparison.window_s(1))


def test_a_lane_can_be_left_out_of_the_rounds_played_so_far():
    lanes = SimulatedLanes()
    three = [lanes.open(Configuration.of("CPU", THROUGHPUT, batch, 2)) for batch in (1, 2, 4)]
    comparison = Comparison(three, random.Random(0), lanes.now)
    first = comparison.play()
    comparison.drop(1)
    (left,) = comparison.rounds
    assert left.rates_fps == (first.rates_fps[0], first.rates_fps[2])
    assert sorted(left.order) == [0, 1]
    assert comparison.log_ratios(1) == [first.log_ratio(2)]
    assert len(comparison.play().rates_fps) == 2


def test_rounds_run_every_lane_once_in_shuffled_order():
    lanes = SimulatedLanes()
    three = [lanes.open(Configuration.of("CPU", THROUGHPUT, batch, 2)) for batch in (1, 2, 4)]
    comparison = Comparison(three, random.Random(0), lanes.now)
    orders = [comparison.play().order for _ in range(300)]
    assert all(sorted(order) == [0, 1, 2] for order in orders)
    firsts = [sum(order[0] == lane for order in orders) for lane in range(3)]
    assert min(firsts) > 70
    assert len(set(orders)) == 6
