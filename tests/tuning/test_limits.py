"""Limits are part of the search: what breaks them is left early, and only what surely keeps them is advised."""

import math
from dataclasses import replace

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate, space_of
from tuner.domain.history import History
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.sample import Latency, Measured, Round
from tuner.domain.stats import Speedup
from tuner.domain.trial import Trial
from tuner.tuning.final import choose
from tuner.tuning.proposals import Proposer

FAST = SimulatedDevice(base_fps=2000)
"""A batch of 8 gains 25 %; each request of the hint takes 1 ms."""


def search(*limits, device=FAST, objective="throughput", noise=None, seed=0, **options):
    lanes = SimulatedLanes(device, noise, seed)
    question = Question(objective, limits)
    return simulate(device, lanes=lanes, seed=seed, question=question, **options)


def latency_ms(configuration, device=FAST):
    effective = device.effective(configuration)
    return 1e3 * effective.batch * effective.requests / device.fps(effective)


def test_the_fastest_within_a_latency_is_advised():
    within = Limit("p99", 8.0)
    free, limited = search(noise=QUIET), search(within, noise=QUIET)
    best, unlimited = limited.outcome.verdict.best, free.outcome.verdict.best
    assert limited.outcome.verdict.kind == "faster"
    assert latency_ms(best.configuration) <= 8.0 < latency_ms(unlimited.configuration)
    assert 1.05 < best.speedup.ratio < unlimited.speedup.ratio


def test_more_of_what_is_far_over_a_limit_is_not_even_compiled():
    question = Question(limits=(Limit("p99", 8.0),))
    limited = search(*question.limits, noise=QUIET)
    over = []
    for trial in limited.trials:
        tried = trial.configuration
        less = [each for each in over if each.properties == tried.properties]
        assert not any(each.batch <= tried.batch and each.requests <= tried.requests for each in less)
        over += [tried] if trial.measured and question.outgrown(trial.measured) else []
    assert over
    assert max(trial.configuration.items_in_flight for trial in limited.trials) <= 64


def test_a_duel_that_is_surely_over_a_limit_stops():
    limited = search(Limit("p99", 8.0), noise=QUIET)
    over = [trial for trial in limited.trials if not trial.keeps_limits]
    assert over
    for trial in over:
        assert trial.state == "pruned"
        assert len(trial.rounds) <= 3
        assert trial.reason.startswith("breaks p99 latency <= 8 ms (")


def test_where_the_hint_breaks_a_limit_a_slower_configuration_keeps_it():
    """Two requests at a time take 1 ms each, one request takes 0.55 ms, at 0.9 of the speed."""
    verdict = search(Limit("p99", 0.7)).outcome.verdict
    assert verdict.kind == "meets_limits"
    assert verdict.best.effective.requests == 1
    assert 0.8 < verdict.speedup.ratio < 1.0
    assert verdict.why == "the hint does not keep p99 latency <= 0.7 ms"


def test_where_nothing_keeps_a_limit_the_hint_stays_and_the_closest_miss_is_named():
    verdict = search(Limit("p99", 0.2)).outcome.verdict
    assert verdict.kind == "inconclusive"
    assert verdict.best.configuration.uses_hint
    assert verdict.why.startswith("nothing that was measured surely keeps p99 latency <= 0.2 ms: ")
    assert verdict.closest.requests == 1


def test_a_least_throughput_is_a_limit_as_well():
    limits = Limit("p99", 0.7), Limit("throughput", 2300.0)
    verdict = search(*limits).outcome.verdict
    assert verdict.kind == "inconclusive"
    assert "nothing that was measured surely keeps p99 latency <= 0.7 ms and throughput >=" in verdict.why


def test_memory_is_limited_by_its_peak():
    """A simulated lane takes 100 MiB and one for each item in flight."""
    verdict = search(Limit("memory", 130.0)).outcome.verdict
    best = verdict.best.configuration
    assert verdict.kind == "faster"
    assert 8 <= best.batch * best.requests <= 30


@pytest.mark.parametrize("seed", range(4))
def test_a_limit_that_is_kept_is_kept_by_the_truth(seed):
    """With 2 % of luck a process and bursts of the host, whatever is advised is within 3 % of the limit."""
    verdict = search(Limit("p99", 6.0), seed=seed).outcome.verdict
    assert latency_ms(verdict.best.configuration) <= 1.03 * 6.0


def test_a_study_goes_on_with_its_limits():
    store = MemoryStore()
    first = search(Limit("p99", 8.0), store=store, budget_s=20)
    again = search(Limit("p99", 8.0), store=store, budget_s=20)
    assert len(again.trials) > len(first.trials)
    assert again.trials[0].excess == first.trials[0].excess < 0
    assert latency_ms(again.outcome.verdict.best.configuration) <= 8.0


def test_without_limits_nothing_is_over_one():
    assert all(trial.excess is None and trial.keeps_limits for trial in search(budget_s=15).trials)


def test_the_drop_in_keeps_the_limits_as_well():
    """Where the hint breaks one, a drop-in that keeps it is advised, faster or not."""
    found = search(Limit("p99", 0.7))
    assert found.outcome.drop_in.effective.requests == 1
    assert found.outcome.drop_in.bounds[0].high <= 0.7


def test_a_trial_far_from_the_limit_is_invited_beside_those_that_are_right_at_it():
    history = History(
        [
            trial_of(0, 1, 1.0, -1.0),
            trial_of(1, 16, 1.5, -0.01),
            trial_of(2, 8, 1.4, -0.02),
            trial_of(3, 4, 1.2, -0.5),
            trial_of(4, 64, 2.0, 0.5),
        ],
        question=Question(limits=(Limit("p99", BOUND_MS),)),
    )
    assert [configuration.batch for configuration in choose(history, 1, 2)] == [16, 8, 4]


def test_what_breaks_a_limit_teaches_the_sampler_so():
    proposer = Proposer(space_of(FAST), 1, 0)
    proposer.learn(trial_of(1, 8, 1.5, 0.3))
    proposer.learn(trial_of(2, 4, 1.2, -0.3))
    asked = proposer.next(lambda configuration: configuration.batch < 16)
    proposer.learn(replace(trial_of(3, 16, 1.6, 0.9), configuration=asked))
    assert [trial.constraints for trial in proposer._study.trials] == [
        {"limits": 0.3},
        {"limits": -0.3},
        {"limits": 0.9},
    ]


def test_a_duplicate_is_as_far_over_a_limit_as_its_original():
    found = search(Limit("p99", 3.0))
    duplicates = [trial for trial in found.trials if trial.state == "duplicate"]
    assert all(trial.excess is not None for trial in duplicates)


BOUND_MS = 10.0


def trial_of(number, batch, ratio, excess):
    rounds = tuple(Round((100.0, 100.0 * ratio), (0, 1), float(at)) for at in range(5)) if number else ()
    configuration = space_of(FAST).configuration(
        {"streams": "hint", "batch": batch, "requests_per_stream": 1}
    )
    return Trial(
        number,
        configuration,
        "measured",
        rounds=rounds,
        effective=FAST.effective(configuration),
        speedup=Speedup(ratio, ratio, ratio, 0.95, 5),
        measured=Measured(100.0 * ratio, Latency(1.0, 1.0, BOUND_MS * math.exp(excess)), 100.0),
        window_s=0.1,
        excess=excess,
    )
