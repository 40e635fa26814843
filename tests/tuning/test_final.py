"""The final: who is invited, how long it lasts, and what happens when lanes fail in it."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate
from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.sample import Latency, Measured, Round, log_ratios_by_sitting
from tuner.domain.space import Bounds
from tuner.domain.stats import speedup, speedup_over_sittings
from tuner.domain.trial import Trial
from tuner.domain.verdict import CONFIDENCE
from tuner.tuning.budget import Budget
from tuner.tuning.final import Cost, choose, cost_of, plan_final, reserve_s
from tuner.tuning.progress import FinalRound
from tuner.tuning.strategy import Strategy

HINT_ALONE = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
NO_GAIN = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)


def test_every_lane_of_the_final_is_fresh():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=1000))
    found = simulate(lanes=lanes)
    final = [
        found.final.baseline.configuration,
        *(finalist.configuration for finalist in found.final.finalists),
    ]
    sittings = found.final.rounds[-1].sitting + 1
    assert sittings >= 5
    opened = lanes.opened[-sittings * len(final) :]
    by_sitting = [tuple(opened[at : at + len(final)]) for at in range(0, len(opened), len(final))]
    assert all(set(each) == set(final) for each in by_sitting)
    assert len(set(by_sitting)) > 1  # in random order: none is always the first that is started
    assert {each.sitting for each in found.final.rounds} == set(range(sittings))


def test_a_lane_that_fails_to_open_once_is_opened_again_and_costs_the_final_nothing():
    opened = []

    def fails_the_fifth_time(configuration):
        opened.append(configuration)
        return "busy" if opened.count(configuration) == 5 else None

    found = simulate(SimulatedDevice(base_fps=2000, broken=fails_the_fifth_time))
    assert found.outcome.verdict.kind == "faster"
    assert found.final.trouble is None
    assert not any(finalist.disqualified for finalist in found.final.finalists)


def test_a_final_knows_what_a_finalist_costs_that_another_form_was_measured_for():
    explicit = replace(
        trial(0, 8, 1.5), configuration=Configuration.of("CPU", {"NUM_STREAMS": 2}, 8, 2), window_s=0.5
    )
    history = History([explicit, replace(trial(1, 8, 1.5, state="duplicate"), window_s=None)])
    (chosen,) = choose(history, 1, 2)
    assert chosen != explicit.configuration
    assert cost_of([chosen], history, replace(explicit, window_s=0.1)).round_s == pytest.approx(0.6)


def test_a_precise_final_ends_before_its_time():
    quiet = SimulatedLanes(SimulatedDevice(base_fps=1000), QUIET)
    rounds = simulate(lanes=quiet, bounds=Bounds(batch=(1, 2), requests=(4,)), budget_s=600).final.rounds
    assert rounds[-1].sitting + 1 == Strategy().sittings


def test_a_short_final_gives_up_rounds_then_finalists_then_further_rounds():
    history = History(
        [
            replace(trial(number, batch, ratio), window_s=1.0, compile_s=0.95)
            for number, (batch, ratio) in enumerate([(8, 1.7), (4, 1.6), (1, 1.5)])
        ]
    )
    hint = replace(trial(9, 1, 1.0, requests=1), window_s=1.0, compile_s=0.95)

    def plan(left_s):
        """Seconds of a sitting: 2 a lane to begin, and 1 a lane and round."""
        found = plan_final(history, 1, hint, left_s, Strategy())
        return [finalist.batch for finalist in found.invited], found.rounds, found.sittings

    assert plan(240.0) == ([8, 4, 1], 4, 10)
    assert plan(160.0) == ([8, 4, 1], 3, 8)
    assert plan(130.0) == ([8, 1], 3, 8)
    assert plan(80.0) == ([8], 3, 8)
    assert plan(70.0) == ([8], 2, 8)
    assert plan(50.0) == ([8], 1, 8)
    assert plan(5.0) == ([8], 1, 0)
    assert plan_final(History([]), 1, hint, 60.0, Strategy()) is None


def test_less_is_kept_for_a_final_that_nothing_promises_to_win():
    budget, strategy = Budget(60.0, None, lambda: 0.0), Strategy()
    costly, cheap = Cost(1.0, 0.5), Cost(0.1, 0.1)
    assert reserve_s(costly, budget, strategy) == 30.0
    assert reserve_s(costly, budget, strategy, short=True) == 18.0
    assert reserve_s(cheap, budget, strategy, short=True) == reserve_s(cheap, budget, strategy) == 15.0


def test_a_lane_that_dies_in_the_final_is_no_win():
    device = SimulatedDevice(base_fps=1000)
    opened = {}

    def dies_the_second_time(configuration):
        opened[configuration] = opened.get(configuration, 0) + 1
        return "gone" if opened[configuration] > 1 and configuration.batch > 1 else None

    found = simulate(replace(device, broken=dies_the_second_time))
    assert any(finalist.disqualified == "gone" for finalist in found.final.finalists)
    assert found.outcome.verdict.best.configuration.batch == 1


def test_intervals_of_the_final_are_corrected_for_the_number_of_finalists():
    final = simulate(SimulatedDevice(base_fps=20_000), grows=False).final
    assert len(final.finalists) >= 2
    for lane, finalist in enumerate(final.finalists, start=1):
        logs = log_ratios_by_sitting(final.rounds, lane)
        assert finalist.speedup == speedup_over_sittings(logs, CONFIDENCE, among=len(final.finalists))
        assert finalist.speedup.half_width > speedup_over_sittings(logs, CONFIDENCE).half_width


def trial(number, batch, ratio, *, streams=2, requests=2, state="measured"):
    hint = streams == 2
    configuration = Configuration.of(
        "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"} if hint else {"NUM_STREAMS": streams}, batch, requests
    )
    rounds = tuple(Round((100.0, 100.0 * ratio), (0, 1), 0.0) for _ in range(6))
    figures = Measured(100.0 * ratio, Latency(1.0, 1.0, 1.0), 1.0)
    return Trial(
        number,
        configuration,
        state,
        rounds if state != "duplicate" else (),
        SimulatedDevice().effective(configuration),
        speedup([played.log_ratio() for played in rounds]),
        figures if state != "duplicate" else None,
    )


def test_the_best_with_the_models_own_batch_is_always_in_the_final():
    history = History([trial(0, 8, 1.5), trial(1, 16, 1.6), trial(2, 32, 1.7), trial(3, 1, 1.1, requests=4)])
    assert [configuration.batch for configuration in choose(history, 1, 2)] == [32, 16, 1]


def with_rounds(measured, count):
    return replace(measured, rounds=measured.rounds[:count])


def test_the_best_so_far_is_in_the_final_though_others_are_surer():
    history = History(
        [trial(0, 1, 1.5), trial(1, 4, 1.6), trial(2, 8, 1.7), with_rounds(trial(3, 16, 1.705), 1)]
    )
    assert history.best().configuration.batch == 16
    assert [configuration.batch for configuration in choose(history, 1, 2)] == [8, 16, 1]
    assert [configuration.batch for configuration in choose(history, 1, 1)] == [8, 1]


@pytest.mark.parametrize("bound", [0.05, 0.5])
def test_an_error_near_its_limit_is_as_safe_as_any_since_it_is_the_same_in_every_process(bound):
    question = Question(limits=(Limit("error", bound), Limit("p99", 2.0)))

    def off_by(error, measured, p99=1.0):
        figures = replace(
            measured.measured,
            agreement=Agreement("bf16", error, 1.0, None, 8),
            latency_ms=Latency(1.0, 1.0, p99),
        )
        return replace(measured, measured=figures, excess=question.excess(figures))

    near, exact = off_by(0.048, trial(0, 1, 1.5)), off_by(0.001, trial(1, 8, 1.2))
    assert [each.batch for each in choose(History([near, exact], None, question), 1, 1)] == [1]
    slow = off_by(0.048, trial(0, 1, 1.5), p99=1.95)
    assert [each.batch for each in choose(History([slow, exact], None, question), 1, 1)] == [1, 8]


def test_a_plan_without_the_time_for_the_best_so_far_names_it():
    surer, leader, hint = (
        replace(measured, window_s=1.0, compile_s=0.95)
        for measured in (trial(0, 8, 1.7), with_rounds(trial(1, 16, 1.705), 1), trial(9, 1, 1.0, requests=1))
    )
    history = History([surer, leader])
    short, long = (plan_final(history, 1, hint, left_s, Strategy()) for left_s in (50.0, 240.0))
    assert short.left_out is leader
    assert [finalist.batch for finalist in short.invited] == [8]
    assert long.left_out is None
    assert [finalist.batch for finalist in long.invited] == [8, 16]


def test_a_gain_of_few_rounds_ranks_by_how_far_rounds_stray_in_all_duels():
    """On a quiet host two rounds tell 20 % from 10 %; where rounds stray by 30 %, they do not."""
    short = with_rounds(trial(1, 16, 1.2), 2)
    noisy = replace(
        trial(2, 2, 1.0), rounds=tuple(Round((100.0, rate), (0, 1), 0.0) for rate in (70.0, 130.0) * 9)
    )
    for others, first in (([], 16), ([noisy], 8)):
        history = History([trial(0, 8, 1.1), short, *others])
        assert history.measured()[0].configuration.batch == first


def test_a_winner_with_few_rounds_is_invited_before_a_loser_with_many():
    short = trial(1, 8, 4.0)
    history = History([trial(0, 4, 0.9), replace(short, rounds=short.rounds[:2])])
    assert [configuration.batch for configuration in choose(history, 1, 1)] == [8]


def test_of_two_forms_of_the_same_the_simpler_one_goes_to_the_final():
    explicit = replace(trial(0, 8, 1.5), configuration=Configuration.of("CPU", {"NUM_STREAMS": 2}, 8, 2))
    history = History([explicit, trial(1, 8, 1.5, state="duplicate")])
    (chosen,) = choose(history, 1, 2)
    assert chosen.uses_hint


def alive_lane(lanes, is_hint):
    hint = lanes.device.effective(HINT_ALONE)
    return next(lane for lane in lanes.lanes if lane.alive() and (lane.facts.effective == hint) is is_hint)


@pytest.mark.parametrize(("times", "excluded"), [(1, 0), (2, 1)])
def test_a_finalist_that_dies_after_whole_sittings_has_one_more_chance_and_the_others_go_on(times, excluded):
    lanes, died = SimulatedLanes(SimulatedDevice(base_fps=2000), watched=False), []

    def kill_a_candidate(event):
        if isinstance(event, FinalRound) and event.done >= 7 and len(died) < times:
            hint, fps = lanes.device.effective(HINT_ALONE), lanes.device.fps
            alive = [lane for lane in lanes.lanes if lane.alive() and lane.facts.effective != hint]
            died.append(min(alive, key=lambda lane: fps(lane.facts.effective)))
            died[-1].close()

    found = simulate(lanes=lanes, tell=kill_a_candidate, grows=False)
    reasons = [finalist.disqualified for finalist in found.final.finalists]
    assert reasons.count("the lane is closed") == excluded
    assert len(reasons) - reasons.count(None) == excluded
    assert len(found.final.rounds) >= 15
    assert found.outcome.verdict.kind == "faster"


def test_a_final_that_refuses_all_finalists_names_none_of_them():
    lanes = SimulatedLanes(
        SimulatedDevice(base_fps=2000, wrong=lambda configuration: configuration.batch > 1)
    )
    verdict = simulate(lanes=lanes, bounds=Bounds(batch=(8,))).outcome.verdict
    assert "its answers differ from the hint's" in verdict.why
    assert (verdict.kind, verdict.closest) == ("inconclusive", None)


def test_a_final_that_loses_all_finalists_names_the_leader():
    lanes, store = SimulatedLanes(SimulatedDevice(base_fps=2000)), MemoryStore()

    def kill_candidates(event):
        hint = lanes.device.effective(HINT_ALONE)
        for lane in lanes.lanes:
            if isinstance(event, FinalRound) and lane.facts.effective != hint:
                lane.close()

    found = simulate(lanes=lanes, tell=kill_candidates, store=store, grows=False)
    verdict = found.outcome.verdict
    assert verdict.kind == "inconclusive"
    assert verdict.why.startswith(
        "no finalist could be measured (the lane is closed); run the same command again"
    )
    history = History(store.kept)
    assert verdict.closest == history.simplest_form(history.best())


@pytest.mark.parametrize(("rounds", "before"), [(2, 0), (10, 8)])
def test_a_hint_that_dies_in_the_final_is_opened_again_and_its_sitting_begins_afresh(rounds, before):
    lanes, done = SimulatedLanes(SimulatedDevice(base_fps=2000), watched=False), []

    def kill_the_hint_once(event):
        if isinstance(event, FinalRound):
            done.append(event.done)
            if done == list(range(1, rounds + 1)):
                alive_lane(lanes, is_hint=True).close()

    found = simulate(lanes=lanes, tell=kill_the_hint_once, grows=False)
    assert done[rounds] == before + 1  # after those of the sittings that had ended
    assert found.final.trouble is None
    assert found.outcome.verdict.kind == "faster"
    sittings = Counter(played.sitting for played in found.final.rounds)
    assert sittings == dict.fromkeys(range(len(sittings)), 4)
    assert not any(finalist.disqualified for finalist in found.final.finalists)


@pytest.mark.parametrize(("first", "before"), [(1, 0), (10, 8)])
def test_a_hint_that_keeps_dying_in_the_final_leaves_the_leader_as_the_closest(first, before):
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000), watched=False)

    def kill_the_hint(event):
        if isinstance(event, FinalRound) and event.done >= first:
            alive_lane(lanes, is_hint=True).close()

    store = MemoryStore()
    found = simulate(lanes=lanes, tell=kill_the_hint, store=store, grows=False)
    assert found.outcome.verdict.kind == "inconclusive"
    assert "the final was cut short (the hint's lane: the lane is closed)" in found.outcome.verdict.why
    history = History(store.kept)
    assert found.outcome.verdict.closest == history.simplest_form(history.best())
    assert len(found.final.rounds) == before


def test_a_hint_that_keeps_dying_when_the_time_is_over_leaves_what_the_sittings_before_said():
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000))

    def kill_the_hint_at_the_end(event):
        if isinstance(event, FinalRound) and event.left_s < 1:
            alive_lane(lanes, is_hint=True).close()

    found = simulate(lanes=lanes, tell=kill_the_hint_at_the_end)
    assert found.final.trouble is None
    assert found.outcome.verdict.kind == "faster"
