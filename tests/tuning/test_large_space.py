"""Spaces as large as those of servers: no list of their points is ever made."""

from tests.lanes.simulated import SimulatedDevice
from tests.simulation import simulate
from tuner.domain.space import Bounds, Space

SERVER = SimulatedDevice(cores=128, base_fps=1e5)
LARGE = Bounds(streams=tuple(range(1, 129)), batch=tuple(range(1, 301)))


def test_a_search_does_not_list_the_points_of_its_space(monkeypatch):
    monkeypatch.setattr(Space, "points", lambda self: 1 / 0)
    found = simulate(SERVER, bounds=LARGE, trials=30, budget_s=600)
    assert found.outcome.points > 100_000
    assert 20 < found.outcome.covered <= 3 * 31


def test_where_nothing_gains_new_points_are_tried_and_not_the_same_again():
    flat = SimulatedDevice(cores=128, base_fps=1e5, batch_gain=1.0, one_stream=1.0, more_requests=1.0)
    found = simulate(flat, bounds=LARGE, trials=30, budget_s=600)
    assert len({trial.configuration for trial in found.trials}) == len(found.trials) > 20


def test_points_that_compile_to_the_same_count_as_covered():
    """Two streams are what the hint chooses on two cores."""
    found = simulate(SimulatedDevice(cores=2, base_fps=1e5), budget_s=600, bounds=Bounds(batch=(1, 2)))
    assert found.outcome.covered == found.outcome.points >= 18
    assert any(trial.state == "duplicate" for trial in found.trials)
