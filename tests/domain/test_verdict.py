import math
import random
from dataclasses import replace

import pytest

from tests.lanes.simulated import SimulatedDevice
from tuner.cli.spelling import with_dashes
from tuner.domain.configuration import Configuration
from tuner.domain.sample import Latency, Measured, Round, log_ratios_by_sitting
from tuner.domain.sentences import answer
from tuner.domain.stats import LEAST_SITTINGS, Speedup, speedup_over_sittings
from tuner.domain.survey import Survey
from tuner.domain.trial import Candidate, Final
from tuner.domain.verdict import CONFIDENCE, Verdict, best_drop_in, decide

FIGURES = Measured(100.0, Latency(1.0, 2.0, 3.0), 100.0)
HINT = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)


def explicit(batch=1, requests=2):
    return Configuration.of("CPU", {"NUM_STREAMS": 1}, batch, requests)


def final_of(ratios, noise=0.005, sittings=10, trouble=None, seed=0):
    """A final in which each configuration really is `ratio` times as fast as the hint."""
    rng = random.Random(seed)
    played = tuple(
        Round(
            (100.0, *(100 * ratio * math.exp(rng.gauss(0, noise)) for ratio in ratios.values())),
            order=(),
            at_s=0.0,
            sitting=number // 4,
        )
        for number in range(4 * sittings)
    )
    finalists = tuple(
        Candidate(
            configuration,
            None,
            speedup_over_sittings(log_ratios_by_sitting(played, lane), CONFIDENCE, len(ratios)),
            FIGURES,
        )
        for lane, configuration in enumerate(ratios, start=1)
    )
    return Final(Candidate(HINT, None, None, FIGURES), finalists, played, trouble)


def test_a_clear_gain_is_faster():
    verdict = decide(final_of({explicit(8): 1.16}))
    assert verdict.kind == "faster"
    assert verdict.best.configuration == explicit(8)
    assert answer(verdict).startswith("15.9 % faster than the hint, 98 % interval +15.")
    assert answer(verdict).endswith("40 rounds in 10 sittings")


def test_a_manifold_gain_is_shown_as_a_factor():
    found = Speedup(8.216, 8.016, 8.424, 0.95, 48, 12)
    verdict = Verdict("faster", Candidate(explicit(8), None, found, FIGURES), found, explicit(8))
    assert (
        answer(verdict)
        == "8.22 times as fast as the hint, 95 % interval 8.02 to 8.42 times, 48 rounds in 12 sittings"
    )


def test_a_gain_below_one_percent_keeps_the_hint():
    verdict = decide(final_of({explicit(8): 1.008}, noise=0.001))
    assert verdict.kind == "keep_hint"
    assert verdict.best.configuration == HINT
    assert answer(verdict).startswith(
        "keep the hint: no configuration in the final is 3 % faster; the closest is "
    )


def test_a_hint_is_kept_only_if_everything_else_is_ruled_out_too():
    final = final_of({explicit(8): 1.001}, noise=0.001)
    everything = decide(final, Survey(63, 63))
    assert answer(everything).startswith(
        "keep the hint: none of the 63 configurations is 3 % faster; the closest"
    )
    part = decide(final, Survey(63, 41))
    assert part.kind == "keep_hint"
    told = "keep the hint: none of the 41 of 63 configurations that were measured is 3 % faster, and their trend "
    assert answer(part).startswith(told)
    for known in (
        Survey(63, 41, unmeasured=(explicit(16),)),
        Survey(63, 41, doubtful=(explicit(16),)),
        Survey(100_000, 41, unlisted=99_959),
    ):
        verdict = decide(final, known)
        assert (verdict.kind, verdict.best.configuration) == ("inconclusive", HINT)
        assert verdict.closest == explicit(8)


def test_an_open_answer_says_what_is_open_and_what_would_settle_it():
    final = final_of({explicit(8): 1.001}, noise=0.001)
    verdict = decide(final, Survey(63, 9, unmeasured=(explicit(16), explicit(32)), doubtful=(explicit(4),)))
    told = (
        "inconclusive: 9 of 63 configurations were measured, 2 of the others may be 3 % faster, 1 of the measured "
        "ones may be 3 % faster, as far as their few rounds tell; "
    )
    assert answer(verdict).startswith(f"{told}give a larger budget (the closest is ")
    soon, later, longer = (answer(replace(verdict, more_s=seconds)) for seconds in (77.0, 500.0, 2000.0))
    half, again = (
        "; half of such answers are settled after about",
        "more on this host: run the same command again",
    )
    assert f"{half} 80 s {again} with budget=80s (" in soon
    assert f"{half} 9 minutes {again} with budget=9m (" in later
    assert "; it may take more than 16 minutes: give a larger budget (" in longer
    assert "--budget 80s" in with_dashes(soon)


def test_what_is_open_takes_nothing_from_a_proven_gain():
    verdict = decide(final_of({explicit(8): 1.16}), Survey(63, 9, unmeasured=(explicit(16),)))
    assert (verdict.kind, verdict.more_s) == ("faster", None)


def test_one_device_that_is_as_fast_as_several_takes_the_place_of_their_hint():
    alone, slower = explicit(1, 4), explicit(1, 8)
    final = final_of({alone: 0.999, slower: 0.95})
    together = Configuration.of("AUTO:GPU,CPU", {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT"}, 1, 4)
    verdict = decide(replace(final, baseline=replace(final.baseline, configuration=together)))
    assert (verdict.kind, verdict.best.configuration) == ("keep_hint", alone)
    assert answer(verdict).startswith("keep the hint: one device, CPU, is enough; no configuration in ")
    assert decide(final).best.configuration == HINT
    unsure = final_of({alone: 0.999, slower: 1.02}, noise=0.1)
    open_ = replace(unsure, baseline=replace(unsure.baseline, configuration=together))
    assert (decide(open_).kind, decide(open_).best.configuration) == ("inconclusive", together)
    assert best_drop_in(open_, own_batch=1).configuration == together
    worse = final_of({alone: 0.96})
    kept = decide(replace(worse, baseline=replace(worse.baseline, configuration=together)))
    assert kept.best.configuration == together


def test_a_finalist_that_died_leaves_the_answer_open():
    final = final_of({explicit(8): 0.9})
    effective = SimulatedDevice().effective(explicit(16))
    lost = Candidate(explicit(16), effective, None, None, "ended by SIGKILL (window)")
    verdict = decide(replace(final, finalists=(*final.finalists, lost)))
    assert verdict.kind == "inconclusive"
    assert "batch 16, 2 requests was lost in the final (ended by SIGKILL" in verdict.why
    sent_home = replace(lost, effective=None)
    assert decide(replace(final, finalists=(*final.finalists, sent_home))).kind == "keep_hint"


def test_a_wide_interval_is_inconclusive():
    verdict = decide(final_of({explicit(8): 1.03}, noise=0.2, seed=1))
    assert verdict.kind == "inconclusive"
    assert verdict.best.configuration == HINT
    assert answer(verdict).startswith(
        "inconclusive: the intervals are too wide to decide; give a larger budget (the"
    )


def test_too_few_sittings_are_never_a_win():
    verdict = decide(final_of({explicit(8): 2.0}, sittings=LEAST_SITTINGS - 1))
    assert verdict.kind == "inconclusive"
    assert "too short for an interval" in answer(verdict)


@pytest.mark.parametrize(("gain", "enough"), [(2.0, 3), (1.4, 4), (1.15, 5)])
def test_the_larger_a_gain_the_fewer_sittings_prove_it(gain, enough):
    for sittings in range(2, 6):
        verdict = decide(final_of({explicit(8): gain}, sittings=sittings))
        assert (verdict.kind == "faster") is (sittings >= enough)


def share_of_verdicts(kind, ratios, runs=300):
    kinds = [decide(final_of(ratios, noise=0.05, seed=seed)).kind for seed in range(runs)]
    return kinds.count(kind) / runs


def test_each_verdict_is_wrong_as_seldom_as_it_says():
    just_worth_leaving, just_worth_finding = 1.01, 1.03
    assert share_of_verdicts("faster", {explicit(8): just_worth_leaving, explicit(1, 4): 1.0}) <= 0.015
    assert 0.02 <= share_of_verdicts("keep_hint", {explicit(8): just_worth_finding}) <= 0.08


def test_a_gain_is_ruled_out_for_each_finalist_alone():
    """Claiming a gain pays for the number of finalists, ruling one out does not."""
    final = final_of({explicit(8): 0.999, explicit(16): 1.0, explicit(1, 4): 1.001}, noise=0.06)
    widest = max(finalist.speedup.high for finalist in final.finalists)
    verdict = decide(final)
    assert widest > 1.03
    assert verdict.kind == "keep_hint"
    assert verdict.speedup.confidence == 0.9
    assert verdict.speedup.high < 1.03


def test_a_final_cut_short_is_never_a_win():
    verdict = decide(final_of({explicit(8): 2.0}, trouble="a lane died"))
    assert verdict.kind == "inconclusive"
    assert "a lane died" in answer(verdict)


@pytest.mark.parametrize("slower", [1.0, 0.999])
def test_among_tied_ones_the_simplest_wins(slower):
    more_requests = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 4)
    verdict = decide(final_of({explicit(32): 1.2, explicit(8): 1.2 * slower, more_requests: 1.2 * slower}))
    assert verdict.best.configuration == more_requests


def test_a_simpler_finalist_that_is_certainly_slower_does_not_win():
    verdict = decide(final_of({explicit(32): 1.2, explicit(8): 1.15}))
    assert verdict.best.configuration == explicit(32)


def test_the_drop_in_keeps_the_models_own_batch():
    final = final_of({explicit(32): 1.5, explicit(1, 4): 1.1, explicit(1, 8): 1.1})
    assert best_drop_in(final, own_batch=1).configuration == explicit(1, 4)
    assert best_drop_in(final_of({explicit(32): 1.5}), own_batch=1).configuration == HINT


def test_a_disqualified_finalist_cannot_win():
    final = final_of({explicit(8): 1.1})
    wrong = Candidate(explicit(16), None, None, None, "its answers differ")
    verdict = decide(Final(final.baseline, (wrong, *final.finalists), final.rounds))
    assert verdict.best.configuration == explicit(8)
    only_wrong = decide(Final(final.baseline, (wrong,), final.rounds))
    assert only_wrong.kind == "inconclusive"
