"""Searches on a host that changes its speed: what the sentinel sees is played again, counted and kept."""

from dataclasses import replace
from statistics import median

from tests.faults.disturbing import SAME, two_speeds
from tests.lanes.simulated import SENTINEL, Noise, SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate
from tuner.domain.trial import unsteady_rounds
from tuner.tuning.strategy import Strategy

CALM = Noise(drift=0.02, burst_share=0.0, outlier_share=0.0)


def lanes_of(device, seed, watched=True, every_s=2.0):
    disturbance = two_speeds(every_s=every_s)(device, seed)
    return SimulatedLanes(device, CALM, seed, disturbance=disturbance, watched=watched)


def test_rounds_in_which_the_host_changed_are_played_again_and_counted():
    store = MemoryStore()
    found = simulate(lanes=lanes_of(SimulatedDevice(base_fps=5000), 1), seed=1, store=store)
    unsteady, counted = unsteady_rounds(found.trials, found.final)
    assert 0.05 < unsteady / (unsteady + counted) < 0.3
    assert found.final.unsteady > 0
    assert [trial.unsteady for trial in store.kept] == [trial.unsteady for trial in found.trials]
    unwatched = simulate(lanes=lanes_of(SimulatedDevice(base_fps=5000), 1, watched=False), seed=1)
    assert unsteady_rounds(unwatched.trials, unwatched.final)[0] == 0


def test_the_interval_is_narrower_for_it_where_the_host_changes_often():
    def half_width(watched):
        widths = []
        for seed in range(6):
            lanes = lanes_of(SimulatedDevice(base_fps=5000), seed, watched, every_s=0.5)
            found = simulate(lanes=lanes, seed=seed)
            widths += [finalist.speedup.half_width for finalist in found.final.finalists if finalist.speedup]
        return sorted(widths)[len(widths) // 2]

    assert half_width(watched=True) < 0.7 * half_width(watched=False)


def test_a_final_allows_for_rounds_that_are_played_again():
    searches = [
        simulate(lanes=lanes_of(SimulatedDevice(base_fps=5000), seed), seed=seed) for seed in range(9)
    ]
    assert median(found.final.rounds[-1].sitting + 1 for found in searches) >= Strategy().enough_sittings


def test_nothing_is_faster_where_all_is_the_same():
    verdicts = [simulate(lanes=lanes_of(SAME, seed), seed=seed).outcome.verdict.kind for seed in range(25)]
    assert verdicts.count("faster") <= 1


def test_on_a_host_that_never_stands_still_a_search_ends_in_its_budget_and_has_rounds():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=5000), replace(CALM, sentinel=1.0))
    found = simulate(lanes=lanes, budget_s=30)
    unsteady, counted = unsteady_rounds(found.trials, found.final)
    assert counted > 2 * unsteady > 0
    assert lanes.now() < 32
    assert found.final.rounds[-1].sitting >= 5


def test_what_disturbs_one_configuration_alone_is_not_taken_for_a_change_of_the_host():
    def slow_in_turns(at_s, configuration):
        return 0.7 if configuration is not SENTINEL and configuration.batch > 1 and at_s % 2 < 1 else 1.0

    lanes = SimulatedLanes(SimulatedDevice(base_fps=5000), CALM, disturbance=slow_in_turns)
    found = simulate(lanes=lanes)
    assert unsteady_rounds(found.trials, found.final)[0] == 0
