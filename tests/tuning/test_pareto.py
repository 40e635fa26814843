"""A search for the front of throughput and p99 latency: both teach the sampler, and the knee is advised."""

import math

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import simulate, space_of
from tuner.domain.front import is_dominated
from tuner.domain.question import Question
from tuner.domain.sample import Gains, Latency, Window
from tuner.domain.sentences import answer
from tuner.tuning.proposals import BOTH, Proposer

QUESTION = Question("pareto")


class Knee(SimulatedDevice):
    """A batch brings much up to 4 and hardly more from there on; what it costs in latency is the same each time."""

    def fps(self, effective):
        gain = {1: 1.0, 2: 1.7, 4: 2.9}.get(effective.batch, 2.9 * (effective.batch / 4) ** 0.05)
        return self.base_fps * gain * min(1.0, effective.requests / effective.streams)


def search(device, **options):
    return simulate(device, lanes=SimulatedLanes(device), question=QUESTION, grows=False, **options)


def test_the_knee_is_where_throughput_for_its_latency_is_greatest():
    window = Window(200.0, (5.0,) * 98 + (10.0, 10.0), 1.0, 100.0)
    assert QUESTION.score(window) == pytest.approx(20.0, rel=0.01)


def test_both_figures_of_a_trial_are_gains_over_the_hint():
    found = search(SimulatedDevice(cores=2, one_stream=0.9, more_requests=1.0), trials=12)
    trial = next(each for each in found.trials if each.rounds and each.configuration.requests == 4)
    hint = found.trials[0]
    assert hint.gains == Gains(1.0, 1.0)
    assert trial.gains.latency == pytest.approx(
        0.5 * trial.gains.throughput / trial.configuration.batch, rel=0.15
    )
    assert trial.ratio == pytest.approx(trial.gains.throughput * trial.gains.latency, rel=0.15)


def test_a_slow_answer_with_few_in_flight_is_not_pruned_and_neither_is_a_late_one_with_many():
    """Neither the fastest nor the quickest may be lost to the knee."""
    found = search(SimulatedDevice(cores=4, base_fps=400, batch_gain=3.0, one_stream=0.8), budget_s=120.0)
    front = sorted((trial.gains for trial in found.trials if trial.rounds), reverse=True)
    assert front[0].throughput > 1.8
    assert max(gains.latency for gains in front) > 1.5


def test_what_others_clearly_beat_in_both_is_stopped():
    good, bad = Gains(1.5, 1.2), Gains(1.0, 1.0)
    assert is_dominated([bad, bad], [good])
    assert not is_dominated([bad], [good])
    assert not is_dominated([bad, Gains(1.0, 1.5)], [good])
    assert not is_dominated([bad, bad], [Gains(2.0, 1.01)])
    assert not is_dominated([bad, bad], [Gains(2.0, 0.9), Gains(0.9, 2.0)])


def test_the_verdict_is_about_the_knee():
    found = search(Knee(cores=2, base_fps=500), budget_s=120.0)
    verdict = found.outcome.verdict
    words = answer(verdict)
    assert verdict.kind == "faster"
    assert "throughput for its p99 latency" in words
    assert verdict.speedup.metric == "throughput_per_latency"


def test_the_sampler_learns_both():
    space = space_of(SimulatedDevice(), question=QUESTION)
    proposer = Proposer(space, 1, 0, goals=BOTH)
    found = search(SimulatedDevice(), trials=8)
    for trial in found.trials:
        proposer.learn(trial)
    values = [trial.values for trial in proposer._study.get_trials()]
    assert values
    assert all(len(both) == 2 for both in values if both)


def test_the_claim_pools_percentiles_of_each_sitting():
    found = simulate(
        SimulatedDevice(cores=4, one_stream=1.0, base_fps=500),
        lanes=SimulatedLanes(SimulatedDevice(cores=4, one_stream=1.0, base_fps=500), QUIET),
        question=QUESTION,
        grows=False,
    )
    (best, *_) = [each for each in found.final.finalists if each.speedup]
    hint = found.final.baseline

    def score(measured):
        return measured.throughput_fps / measured.latency_ms.p99

    logs = [
        math.log(score(own) / score(other))
        for own, other in zip(best.by_sitting, hint.by_sitting, strict=True)
    ]
    assert math.log(best.speedup.ratio) == pytest.approx(sum(logs) / len(logs), abs=0.01)
    assert isinstance(hint.by_sitting[0].latency_ms, Latency)
