import random

import pytest

from tests.lanes.simulated import QUIET, Noise, SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, random_device, simulate, space_of, true_fps
from tests.tuning.test_final import trial
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.sentences import answer
from tuner.domain.space import HINT, Bounds
from tuner.errors import DeviceError
from tuner.tuning.budget import Budget
from tuner.tuning.progress import BaselineReady, FinalBegan, FinalRound, TrialEnded
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import too_expensive

HINT_ALONE = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
NO_GAIN = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)


def short_and_whole(short, whole):
    """Repeat a simulated search a few times in `make test`, and in `make test-slow` as often as the claim needs."""
    return pytest.mark.parametrize("searches", [short, pytest.param(whole, marks=pytest.mark.slow)])


def test_a_search_finds_most_of_what_there_is_to_gain():
    device = SimulatedDevice(base_fps=2000, batch_gain=2.0, one_stream=0.8)
    found = simulate(device)
    best = max(true_fps(device, space_of(device).configuration(point)) for point in space_of(device).points())
    assert found.outcome.verdict.kind == "faster"
    assert true_fps(device, found.outcome.verdict.best.configuration) > 0.93 * best


@short_and_whole(80, 200)
def test_claimed_intervals_hold_the_truth_though_the_winner_was_picked_among_many(searches):
    rng, claims, misses = random.Random(5), 0, 0
    for seed in range(searches):
        device = random_device(rng)
        found = simulate(device, seed=seed)
        if found.outcome.verdict.kind == "faster":
            hint, best = found.outcome.baseline.configuration, found.outcome.verdict.best.configuration
            truth = true_fps(device, best) / true_fps(device, hint)
            claims += 1
            misses += not found.outcome.verdict.speedup.low <= truth <= found.outcome.verdict.speedup.high
    assert claims > 0.75 * searches
    assert misses <= 0.05 * claims + 1  # one by chance


def test_where_nothing_is_faster_the_hint_is_kept():
    found = simulate(NO_GAIN, lanes=SimulatedLanes(NO_GAIN, QUIET), budget_s=240)
    assert found.outcome.verdict.kind == "keep_hint"
    assert found.outcome.verdict.best.configuration == HINT_ALONE
    assert found.outcome.drop_in.configuration == HINT_ALONE


@short_and_whole(100, 300)
def test_a_search_where_all_are_equal_claims_a_gain_in_at_most_one_percent(searches):
    claims = sum(
        simulate(NO_GAIN, seed=seed, budget_s=30).outcome.verdict.kind == "faster" for seed in range(searches)
    )
    assert claims <= searches // 100


@short_and_whole(60, 250)
def test_pruning_discards_no_configuration_that_is_5_percent_better_than_the_one_kept(searches):
    rng, wrong = random.Random(0), 0
    for seed in range(searches):
        device = random_device(rng)
        found = simulate(device, seed=seed)
        kept = true_fps(device, found.outcome.verdict.best.configuration)
        pruned = [trial for trial in found.trials if trial.state == "pruned"]
        wrong += any(true_fps(device, trial.configuration) > 1.05 * kept for trial in pruned)
    assert wrong <= searches // 100


def test_losers_are_pruned_after_a_few_rounds_and_winners_measured_longer():
    device = SimulatedDevice(base_fps=2000, batch_gain=0.4)
    trials = simulate(device).trials
    pruned = [len(trial.rounds) for trial in trials if trial.state == "pruned"]
    assert pruned
    assert max(pruned) <= 6
    assert min(pruned) == 2


def test_the_same_seed_on_the_same_lanes_gives_the_same_result():
    assert simulate(seed=7) == simulate(seed=7)
    assert simulate(seed=7).trials != simulate(seed=8).trials


def test_the_whole_search_final_included_stays_within_its_budget():
    for budget_s in (10, 30, 60, 120):
        lanes = SimulatedLanes(SimulatedDevice(base_fps=1000))
        found = simulate(lanes=lanes, budget_s=budget_s)
        assert found.final.trouble is None
        assert lanes.now() < 1.1 * budget_s


def test_a_search_on_a_trial_limit_leaves_the_rest_of_its_time_to_the_final():
    found = simulate(SimulatedDevice(base_fps=1000), trials=3)
    assert len(found.trials) == 1 + 3
    assert found.final.rounds[-1].sitting > 1.25 * Strategy().sittings


def test_a_small_space_is_exhausted_and_ends_early_on_a_quiet_host():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
    found = simulate(lanes=lanes, bounds=Bounds(streams=(1, 2), batch=(1, 2), requests=(4,)), budget_s=600)
    measured = {trial.configuration for trial in found.trials if trial.rounds}
    assert len(measured) == 4
    assert lanes.now() < 60


def test_what_is_left_of_the_budget_makes_the_answer_surer():
    def half_width(budget_s):
        lanes = SimulatedLanes(NO_GAIN, Noise(luck=0.03))
        bounds = Bounds(streams=(1, 2), batch=(1, 2), requests=(4,))
        return simulate(lanes=lanes, bounds=bounds, budget_s=budget_s).outcome.verdict.speedup.half_width

    assert half_width(300) < 0.6 * half_width(60)


def test_configurations_with_the_same_effect_are_measured_once():
    found = simulate(SimulatedDevice(base_fps=5000), budget_s=300)
    measured = [trial.effective for trial in found.trials if trial.rounds]
    assert len(measured) == len(set(measured))
    asked = [trial.configuration for trial in found.trials]
    assert len(asked) == len(set(asked))
    (original,) = [trial for trial in found.trials if trial.number == 0]
    assert all(trial.effective != original.effective for trial in found.trials if trial.rounds)


def test_bounds_that_leave_only_the_hint_keep_it():
    found = simulate(bounds=Bounds(streams=(2,), batch=(1,), requests=(2,)))
    assert found.outcome.verdict.kind == "keep_hint"
    assert [trial.state for trial in found.trials] == ["measured", "duplicate"]
    assert (found.outcome.covered, found.outcome.points) == (1, 1)


def test_a_budget_too_short_for_anything_but_the_hint_is_no_reason_to_keep_it():
    found = simulate(SimulatedDevice(base_fps=1), budget_s=30)
    assert found.outcome.verdict.kind == "inconclusive"
    assert answer(found.outcome.verdict).endswith("give a larger budget")


def test_every_bound_is_respected():
    bounds = Bounds(streams=(HINT, 1), batch=(2, 6), requests=(3, 5))
    found = simulate(SimulatedDevice(base_fps=3000), bounds=bounds)
    for tried in found.trials[1:]:
        assert tried.configuration.batch in (2, 6)
        assert tried.configuration.requests in (3, 5)
        assert tried.configuration.plain_properties.get("NUM_STREAMS", HINT) in (HINT, 1)


@pytest.mark.parametrize(
    "bounds", [Bounds(batch=(1,)), Bounds(streams=(2,)), Bounds(requests=(3,), batch=(4,))]
)
def test_what_an_earlier_run_found_beyond_the_bounds_is_no_candidate(bounds):
    """With other streams it compiles to the same, and is measured again under the name that is allowed."""
    store = MemoryStore()
    simulate(SimulatedDevice(base_fps=2000), store=store, budget_s=120)
    events = []
    found = simulate(SimulatedDevice(base_fps=2000), store=store, bounds=bounds, tell=events.append)
    assert found.final.finalists
    assert all(bounds.allow(finalist.configuration) for finalist in found.final.finalists)
    shown = [event.best for event in events if isinstance(event, TrialEnded) and event.best]
    assert all(bounds.allow(History(found.trials, bounds).simplest_form(best)) for best in shown)
    assert found.outcome.covered <= found.outcome.points


def test_dear_configurations_are_not_tried_on_a_slow_model():
    found = simulate(SimulatedDevice(base_fps=20))
    assert max(trial.configuration.batch * trial.configuration.requests for trial in found.trials) <= 32


def test_a_lane_that_fails_costs_one_trial():
    def broken(configuration):
        return "out of memory" if configuration.batch >= 16 else None

    found = simulate(SimulatedDevice(base_fps=2000, broken=broken))
    failed = [trial for trial in found.trials if trial.state == "failed"]
    assert failed
    assert {trial.reason for trial in failed} == {"out of memory"}
    assert found.outcome.verdict.kind == "faster"


def test_a_configuration_with_other_answers_is_disqualified():
    device = SimulatedDevice(base_fps=2000, wrong=lambda configuration: configuration.batch >= 8)
    found = simulate(device)
    out = [finalist for finalist in found.final.finalists if finalist.disqualified]
    assert out
    assert all("answers differ from the hint's" in finalist.disqualified for finalist in out)
    assert found.outcome.verdict.best.configuration.batch < 8


def test_where_everything_but_the_hint_fails_the_answer_is_open():
    def broken(configuration):
        return (
            None
            if configuration.requests in (0, 2) and configuration.uses_hint and configuration.batch == 1
            else "no"
        )

    found = simulate(SimulatedDevice(broken=broken))
    assert found.outcome.verdict.kind == "inconclusive"
    assert found.outcome.verdict.best.configuration == HINT_ALONE


def test_where_not_even_the_hint_runs_the_device_is_refused():
    with pytest.raises(DeviceError, match=r"does not run on CPU, not even with the performance hint: no"):
        simulate(SimulatedDevice(broken=lambda _: "no"))


def test_progress_is_reported_in_order():
    events = []
    simulate(tell=events.append)
    kinds = [type(event) for event in events]
    assert (
        kinds.index(BaselineReady)
        < kinds.index(TrialEnded)
        < kinds.index(FinalBegan)
        < kinds.index(FinalRound)
    )
    left = [event.left_s for event in events if isinstance(event, TrialEnded | FinalRound)]
    assert left == sorted(left, reverse=True)


def test_a_dear_configuration_is_tried_when_the_trend_leads_to_it():
    dear = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 64, 2)
    budget = Budget(120.0, None, lambda: 0.0)
    assert too_expensive(dear, History([trial(0, 4, 2.0)]), budget, Strategy(), left_s=60.0)
    assert not too_expensive(
        dear, History([trial(0, 4, 2.0), trial(1, 32, 2.5)]), budget, Strategy(), left_s=60.0
    )
    assert too_expensive(
        dear, History([trial(1, 32, 2.5)]), Budget(20.0, None, lambda: 0.0), Strategy(), left_s=60.0
    )
