"""Searches for several processes, on simulated lanes."""

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate
from tuner.domain.question import Question
from tuner.errors import UsageError

PAIR = Question(copies=(2,))


def better_on_own_cores(effective):
    return 1.0 if effective.copies == 1 else 1.3 if effective.slices else 0.9


def best_of_three(effective):
    return {1: 1.0, 2: 1.2, 3: 1.5, 4: 1.1}[effective.copies]


def search(beside, question, **options):
    device = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, beside=beside)
    return simulate(lanes=SimulatedLanes(device, QUIET), question=question, grows=False, **options)


def test_copies_on_their_own_cores_are_found_and_compared_with_copies_of_the_hint():
    found = search(better_on_own_cores, PAIR)
    verdict = found.outcome.verdict
    assert found.outcome.baseline.configuration.copies == 2
    assert found.outcome.baseline.configuration.slices == ()
    assert verdict.kind == "faster"
    assert verdict.best.configuration.slices == ((0,), (1,))
    assert verdict.speedup.ratio == pytest.approx(1.3 / 0.9, rel=0.01)
    assert verdict.best.measured.copies_fps == pytest.approx([verdict.best.measured.throughput_fps / 2] * 2)


def test_every_configuration_that_is_tried_runs_in_as_many_processes():
    found = search(better_on_own_cores, PAIR)
    assert {trial.configuration.copies for trial in found.trials} == {2}


def test_the_best_number_of_copies_is_found_and_the_hint_runs_in_the_least():
    found = search(best_of_three, Question(copies=(1, 2, 3, 4)))
    assert found.outcome.baseline.configuration.copies == 1
    assert found.outcome.verdict.best.configuration.copies == 3
    assert found.outcome.verdict.speedup.ratio == pytest.approx(1.5, rel=0.01)


def test_copies_that_do_not_help_are_not_called_faster():
    assert search(lambda _: 1.0, PAIR).outcome.verdict.kind != "faster"


def test_more_copies_than_memory_holds_are_refused_before_they_are_started():
    lanes = SimulatedLanes(SimulatedDevice(), QUIET)
    with pytest.raises(UsageError, match=r"copies=8 would take about 800 MiB on CPU, .*at most 4\."):
        simulate(lanes=lanes, question=Question(copies=(8,)), available_mb=500.0)
    assert {configuration.copies for configuration in lanes.opened} == {1}


def test_numbers_of_copies_that_memory_does_not_hold_are_not_tried():
    found = search(best_of_three, Question(copies=(1, 2, 3, 4)), available_mb=330.0)
    assert max(trial.configuration.copies for trial in found.trials) == 2
    assert "for want of memory" in found.too_large[0]


def test_a_search_goes_on_where_it_was_left():
    store = MemoryStore()
    search(better_on_own_cores, PAIR, store=store, trials=3)
    known = len(store.kept)
    search(better_on_own_cores, PAIR, store=store, trials=3)
    assert len(store.kept) > known
    tried = [trial.configuration for trial in store.kept]
    assert tried.count(tried[0]) == 1  # the copies of the hint are measured once
    assert len(set(tried)) == len(tried)
