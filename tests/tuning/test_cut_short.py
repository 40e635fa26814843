"""Searches that are cut short, whose hint dies, and that go on in another run."""

from dataclasses import replace

import pytest

from tests.cli.test_terminal import FakeScreen
from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate
from tests.tuning.test_tune import HINT_ALONE
from tuner.cli.terminal import Narrator
from tuner.domain.history import History
from tuner.domain.sentences import answer
from tuner.domain.space import Bounds
from tuner.tuning.progress import BaselineReady, FinalRound, TrialBegan, TrialEnded


@pytest.mark.parametrize("stop_at_s", [3, 10, 25, 40, 50])
def test_an_interruption_keeps_what_is_known_and_claims_nothing(stop_at_s):
    store = MemoryStore()
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000), stop_at_s=stop_at_s)
    found = simulate(lanes=lanes, store=store)
    outcome = found.outcome
    assert outcome.interrupted
    assert outcome.verdict.kind == "inconclusive"
    assert outcome.verdict.best.configuration == outcome.drop_in.configuration == HINT_ALONE
    assert "run the same command again to go on" in answer(outcome.verdict)
    assert list(found.trials) == store.kept
    if stop_at_s >= 25:
        leader = History(found.trials).best()
        assert (outcome.verdict.closest, outcome.verdict.speedup) == (leader.configuration, leader.speedup)
        assert "this is not proven" in answer(outcome.verdict)


def test_a_final_that_is_cut_short_proves_nothing_and_names_the_best_so_far():
    rounds = []
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000))

    def broken(configuration):
        return "gone" if rounds and configuration == HINT_ALONE else None

    def take_the_hint_away_in_the_final(event):
        if isinstance(event, FinalRound):
            rounds.append(event)
            lanes.device = replace(lanes.device, broken=broken)

    found = simulate(lanes=lanes, tell=take_the_hint_away_in_the_final)
    verdict = found.outcome.verdict
    assert found.final.trouble == "the hint's lane: gone"
    assert verdict.kind == "inconclusive"
    assert verdict.best.configuration == found.outcome.drop_in.configuration == HINT_ALONE
    history = History(found.trials)
    assert verdict.closest == history.simplest_form(history.best())
    assert "the final was cut short (the hint's lane: gone)" in verdict.why
    assert not found.outcome.interrupted


def test_the_same_search_again_goes_on_where_it_stopped():
    store, device = MemoryStore(), SimulatedDevice(base_fps=2000)
    simulate(lanes=SimulatedLanes(device, stop_at_s=20), store=store)
    before = list(store.kept)
    events = []
    found = simulate(device, store=store, tell=events.append)
    assert store.kept[: len(before)] == before
    assert len(store.kept) > len(before)
    assert [trial.number for trial in store.kept] == list(range(len(store.kept)))
    assert len({trial.configuration for trial in store.kept}) == len(store.kept)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert ready.known == len(before)
    assert found.outcome.verdict.kind == "faster"


def test_going_on_with_nothing_left_to_try_shows_the_best_of_earlier_runs():
    device, store, events = SimulatedDevice(base_fps=2000), MemoryStore(), []
    small = Bounds(streams=(1, 2), batch=(1, 8), requests=(2, 4))
    simulate(device, bounds=small, store=store)
    best = History(store.kept).best()
    simulate(device, bounds=small, store=store, tell=events.append)
    assert not any(isinstance(event, TrialBegan) for event in events)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert ready.best == best
    assert best is not None
    screen = FakeScreen()
    show = Narrator(screen, verbose=False)
    for event in events:
        show(event)
    (shown,) = [line for line in screen.lines if line.startswith("best so far")]
    assert str(best.configuration) in shown


def test_a_baseline_that_dies_is_opened_again_and_the_trial_repeated():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000))
    events = []

    def kill_the_baseline_once(event):
        events.append(event)
        if isinstance(event, TrialBegan) and sum(isinstance(event, TrialBegan) for event in events) == 2:
            lanes.lanes[0].close()

    found = simulate(lanes=lanes, tell=kill_the_baseline_once)
    assert (
        lanes.opened.count(HINT_ALONE) == 1 + found.final.rounds[-1].sitting + 1
    )  # after its death, each sitting
    assert all(trial.state != "failed" for trial in found.trials)
    assert found.outcome.verdict.kind == "faster"


def test_an_interrupted_search_names_what_it_showed_as_best():
    events = []
    found = simulate(lanes=SimulatedLanes(SimulatedDevice(base_fps=2000), stop_at_s=14), tell=events.append)
    shown = [event.best for event in events if isinstance(event, TrialEnded)][-1]
    assert shown is not None
    assert found.outcome.verdict.closest == shown.configuration


def test_a_hint_that_cannot_be_opened_again_ends_the_search_with_what_is_known():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000))
    lanes.device = replace(
        lanes.device, broken=lambda configuration: "gone" if configuration == HINT_ALONE else None
    )
    trials = []

    def kill_the_hint_in_the_third_trial(event):
        trials.append(isinstance(event, TrialBegan))
        if sum(trials) == 3:
            lanes.lanes[0].close()

    store = MemoryStore()
    found = simulate(lanes=lanes, store=store, tell=kill_the_hint_in_the_third_trial)
    assert found.outcome.verdict.kind == "inconclusive"
    assert "cannot be opened again (gone)" in found.outcome.verdict.why
    assert not found.outcome.interrupted
    assert len(store.kept) == 3
