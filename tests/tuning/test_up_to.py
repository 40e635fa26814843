"""More time than the budget is spent only while the answer is open."""

import pytest

from tests.lanes.simulated import QUIET, Noise, SimulatedDevice, SimulatedLanes
from tests.simulation import simulate
from tuner.domain.sample import log_ratios_by_sitting
from tuner.domain.space import Bounds
from tuner.domain.stats import speedup_over_sittings
from tuner.domain.support import HOSTS_GONE
from tuner.domain.verdict import CONFIDENCE
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import HostsGone, ThisHost
from tuner.tuning.progress import Extended, FinalBegan

GAINING = SimulatedDevice(base_fps=2000, batch_gain=2.0)
FLAT = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)
OVER_S = 2.0


def search(device, noise=None, seed=0, **options):
    lanes, events = SimulatedLanes(device, noise, seed), []
    found = simulate(lanes=lanes, seed=seed, tell=events.append, **options)
    return found, lanes.now(), [event for event in events if isinstance(event, Extended)]


def test_a_settled_answer_takes_no_more_than_the_budget():
    found, took_s, extended = search(GAINING, budget_s=60, up_to_s=600)
    assert found.outcome.verdict.kind == "faster"
    assert took_s < 60 + OVER_S
    assert extended == []


def test_an_open_answer_goes_on_until_it_is_settled():
    bounds = Bounds(batch=(1, 2, 4), requests=(2, 4))
    short, _, _ = search(FLAT, budget_s=15, bounds=bounds)
    assert short.outcome.verdict.kind == "inconclusive"
    found, took_s, extended = search(FLAT, budget_s=15, up_to_s=900, bounds=bounds)
    assert found.outcome.verdict.kind == "keep_hint"
    assert 15 < took_s < 900
    assert extended
    assert all(event.why and event.left_s > 0 for event in extended)


def test_an_answer_that_stays_open_ends_when_all_time_is_spent():
    noisy = Noise(jitter=0.3, burst_share=0.4)
    found, took_s, extended = search(FLAT, noisy, budget_s=15, up_to_s=50)
    assert found.outcome.verdict.kind == "inconclusive"
    assert 40 < took_s < 50 + OVER_S
    assert extended


def test_what_was_found_stands_where_the_hosts_are_gone_in_the_time_beyond_the_budget(monkeypatch):
    def tell(event):
        if isinstance(event, Extended):

            def gone(_):
                raise HostsGone("all are lost")

            monkeypatch.setattr(ThisHost, "begin_trials", gone)

    bounds = Bounds(batch=(1, 2, 4), requests=(2, 4))
    found = simulate(FLAT, budget_s=15, up_to_s=900, bounds=bounds, tell=tell)
    assert found.final
    assert found.final.rounds
    assert "all are lost" not in found.outcome.verdict.why
    assert found.outcome.interrupted
    assert [notice.code for notice in found.outcome.notices] == [HOSTS_GONE]


def test_a_budget_that_was_too_short_for_any_trial_is_extended():
    found, _, extended = search(GAINING, budget_s=1, up_to_s=60)
    assert extended
    assert found.outcome.verdict.kind == "faster"


def test_the_intervals_of_all_finals_of_a_run_hold_together():
    begun = []
    lanes = SimulatedLanes(FLAT, Noise(jitter=0.1))
    tell = lambda event: begun.append(event) if isinstance(event, FinalBegan) else None  # noqa: E731
    found = simulate(lanes=lanes, budget_s=15, up_to_s=100, tell=tell)
    assert found.final.looks == 4 >= len(begun)
    for lane, finalist in enumerate(found.final.finalists, start=1):
        logs = log_ratios_by_sitting(found.final.rounds, lane)
        assert finalist.speedup == speedup_over_sittings(logs, CONFIDENCE, 4 * len(found.final.finalists))


def test_trials_are_counted_over_the_whole_run():
    found, _, _ = search(FLAT, budget_s=15, up_to_s=200, trials=5)
    assert len(found.trials) == 1 + 5


def test_an_interruption_ends_it():
    lanes = SimulatedLanes(FLAT, QUIET, stop_at_s=30)
    found = simulate(lanes=lanes, budget_s=15, up_to_s=600)
    assert found.outcome.interrupted


@pytest.mark.parametrize(("up_to_s", "looks"), [(0, 1), (60, 1), (61, 2), (120, 2), (121, 3), (600, 5)])
def test_a_budget_at_least_doubles_so_that_looks_are_few(up_to_s, looks):
    budget = Budget(60.0, None, lambda: 0.0, up_to_s=up_to_s)
    assert budget.looks == looks
    extensions = 0
    while budget.extend(1.0):
        extensions += 1
    assert extensions == looks - 1
    assert budget.seconds == max(60, up_to_s)


def test_a_budget_grows_as_far_as_is_expected_to_be_needed():
    now = [0.0]
    budget = Budget(60.0, None, lambda: now[0], up_to_s=600)
    now[0] = 58.0
    assert budget.extend(200.0)
    assert budget.seconds == 258.0
    assert budget.left_s() == 200.0
