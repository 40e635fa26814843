"""What serves fewer items than arrive is refused before its first round, however short windows are."""

import random
from dataclasses import dataclass

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.measure.comparison import Comparison
from tuner.measure.lane import LoadError


@dataclass(frozen=True, slots=True)
class Serves(SimulatedDevice):
    """A device that serves so many items per second, whatever the configuration; the hint twice as many."""

    items_s: float = 100.0

    def fps(self, effective):
        return self.items_s * (1 if effective.streams == 2 else 2)


def pair_under(load, items_s, batch=1, disturbance=lambda at_s, configuration: 1.0):
    """Return a comparison of a candidate with a faster hint, as a trial makes it; and the candidate's lane."""
    lanes = SimulatedLanes(Serves(items_s=items_s), QUIET, disturbance=disturbance)
    hint = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 1)
    candidate = Configuration.of("CPU", {"NUM_STREAMS": 2}, batch, 2, load.fill_ms(batch))
    pair = [lanes.open(hint), lanes.open(candidate)]
    question = Question("cpu", (), load)
    return Comparison(pair, random.Random(0), lanes.now, question=question), pair[1]


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("rate", [10.0, 200.0])
@pytest.mark.parametrize("overload", [1.05, 1.1])
def test_an_overload_is_found_out_that_windows_of_arrivals_do_not_see(rate, batch, overload):
    load = Load(rate)
    blind, _ = pair_under(load, rate / overload, batch)
    for _ in range(4):
        assert blind.play()  # without the look at its capacity
    comparison, lane = pair_under(load, rate / overload, batch)
    with pytest.raises(
        LoadError, match=rf"^cannot follow {rate:g} items/s: it serves {rate / overload:.3g}$"
    ):
        comparison.warm_up(first=1)
    assert comparison.dead() == [1]
    assert not lane.alive()


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("rate", [10.0, 200.0])
@pytest.mark.parametrize("items", [0.98, 1.05])
def test_what_serves_about_as_many_as_arrive_is_measured(rate, batch, items):
    comparison, lane = pair_under(Load(rate), items * rate, batch)
    comparison.warm_up(first=1)
    assert comparison.play()
    assert lane.alive()


def test_a_disturbed_first_look_is_no_overload():
    comparison, lane = pair_under(Load(200.0), 210.0, disturbance=lambda at_s, _: 0.5 if at_s < 0.55 else 1.0)
    comparison.warm_up(first=1)
    assert lane.alive()


@pytest.mark.parametrize(("rate", "may_be_dropped"), [(40.0, True), (15.0, False)])
def test_how_long_items_happen_to_arrive_has_no_say_in_whether_a_round_counts(rate, may_be_dropped):
    comparison, _ = pair_under(Load(rate), 10 * rate)
    looks = iter([1.0, 1.0, 2.0] * 100)  # the host changes in each round
    comparison._sentinel = lambda: next(looks)
    counted, took_s = [], []
    for _ in range(40):
        began_s = comparison._clock()
        comparison._changed = 0  # it has not changed often
        counted.append(comparison.play() is not None)
        took_s.append(comparison._clock() - began_s)
    assert min(took_s) < 1.0 < max(took_s)
    assert not any(counted) if may_be_dropped else all(counted)
