"""Which answer of a study stands when a later run answers too."""

from dataclasses import replace

import pytest

from tests.advice.advice_of import HOST, RUN
from tests.domain.test_verdict import HINT, explicit, final_of
from tests.simulation import MODEL
from tuner.domain.result import Notice, Outcome, Result, Setting
from tuner.domain.space import Bounds
from tuner.domain.support import EARLIER_RUN, HOSTS_GONE, better_supported, may_stand
from tuner.domain.trial import Candidate
from tuner.domain.verdict import Verdict, best_drop_in, decide

SETTING = Setting(MODEL, HOST, ("CPU",), RUN)
YESTERDAY, TODAY = "2026-01-01T18:30:00+00:00", "2026-01-02T09:00:00+00:00"
BATCH = explicit(8)


def answered(final=None, date=TODAY, interrupted=False):
    """The result of a run with this final, or one that ended before its final."""
    hint = Candidate(HINT, None, None, None)
    outcome = Outcome(hint, Verdict("inconclusive", hint, why="stopped by the user"), hint)
    if final and not final.trouble:
        outcome = Outcome(final.baseline, decide(final), best_drop_in(final, 1))
    run = replace(RUN, date=date)
    return Result(SETTING, replace(outcome, interrupted=interrupted, run=run), (), final)


def stands(earlier, latest):
    """Return which of two answers stands."""
    result = better_supported(answered(earlier, YESTERDAY), answered(latest))
    return "earlier" if result.run.date == YESTERDAY else "latest"


PROVEN = final_of({BATCH: 1.5})
KEPT = final_of({BATCH: 1.0}, noise=0.001)
UNSURE = final_of({explicit(4): 1.03}, noise=0.2, seed=1)


def test_the_finals_are_what_they_are_called():
    kinds = [answered(final).verdict.kind for final in (PROVEN, KEPT, UNSURE)]
    assert kinds == ["faster", "keep_hint", "inconclusive"]


@pytest.mark.parametrize("earlier", [PROVEN, KEPT, UNSURE])
@pytest.mark.parametrize("latest", [None, final_of({BATCH: 2.0}, sittings=2, trouble="stopped by the user")])
def test_a_run_without_a_whole_final_takes_nothing_away(earlier, latest):
    assert stands(earlier, latest) == "earlier"


@pytest.mark.parametrize("earlier", [PROVEN, KEPT])
def test_what_is_decided_stands_against_what_is_open(earlier):
    assert stands(earlier, UNSURE) == "earlier"
    assert stands(UNSURE, earlier) == "latest"


def test_of_two_that_are_decided_the_later_one_stands_unless_it_is_weaker():
    assert stands(PROVEN, KEPT) == "latest"
    assert stands(KEPT, PROVEN) == "latest"
    shorter = final_of({BATCH: 1.5}, noise=0.02, sittings=5)
    assert stands(PROVEN, shorter) == "earlier"
    assert stands(shorter, PROVEN) == "latest"
    assert (
        stands(final_of({BATCH: 1.5}, noise=0.02), final_of({BATCH: 1.5}, noise=0.001, sittings=5))
        == "latest"
    )


def test_a_larger_gain_that_is_proven_stands_though_its_final_was_shorter():
    assert stands(PROVEN, final_of({explicit(32): 3.0}, noise=0.02, sittings=5)) == "latest"
    assert stands(KEPT, final_of({explicit(32): 1.5}, noise=0.02, sittings=5)) == "latest"


def test_a_gain_that_a_final_as_long_does_not_find_again_does_not_stand():
    less = final_of({BATCH: 1.02}, noise=0.1, seed=3)
    assert answered(less).verdict.kind == "inconclusive"
    assert stands(PROVEN, less) == "latest"
    assert stands(PROVEN, final_of({explicit(4): 1.02}, noise=0.1, seed=3)) == "earlier"
    assert stands(PROVEN, replace(less, rounds=less.rounds[:20], trouble=None)) == "earlier"


def test_of_two_without_a_whole_final_the_later_one_stands():
    assert stands(None, None) == "latest"
    assert stands(None, UNSURE) == "latest"


def test_an_answer_that_stands_says_which_run_it_is_from_and_keeps_what_is_new():
    earlier, latest = answered(PROVEN, YESTERDAY), answered(interrupted=True)
    latest = replace(latest, trials=("a trial",), outcome=replace(latest.outcome, points=63, covered=9))
    result = better_supported(earlier, latest)
    assert (result.verdict, result.drop_in, result.final) == (earlier.verdict, earlier.drop_in, earlier.final)
    assert (result.trials, result.outcome.points, result.outcome.covered) == (("a trial",), 63, 9)
    assert result.outcome.interrupted
    (notice,) = result.outcome.notices
    assert notice.code == EARLIER_RUN
    assert notice.text == (
        "The answer is from the run of 2026-01-01 18:30: the latest run proves less (stopped by the user)."
    )
    (once_more,) = better_supported(result, answered()).outcome.notices
    assert once_more.text.startswith("The answer is from the run of 2026-01-01 18:30: the latest run")


def test_where_an_earlier_answer_stands_it_is_said_that_the_hosts_are_gone():
    cut, loud = Notice(HOSTS_GONE, "The search was cut short."), Notice("noisy-host", "It was loud.")
    latest = answered()
    latest = replace(latest, outcome=replace(latest.outcome, notices=(loud, cut), interrupted=True))
    result = better_supported(answered(PROVEN, YESTERDAY), latest)
    assert result.outcome.interrupted
    assert [notice.code for notice in result.outcome.notices] == [EARLIER_RUN, HOSTS_GONE]
    (later,) = better_supported(result, answered()).outcome.notices  # of the latest run alone
    assert later.code == EARLIER_RUN


def test_an_answer_stands_within_its_bounds_only():
    proven, kept = answered(PROVEN), answered(KEPT)
    for allowed in (Bounds(), Bounds(batch=(4, 8)), Bounds(streams=(1,), requests=(2,))):
        assert may_stand(proven, replace(SETTING, bounds=allowed))
    for beyond in (Bounds(batch=(1, 4)), Bounds(streams=("hint", 2)), Bounds(requests=(4,))):
        assert not may_stand(proven, replace(SETTING, bounds=beyond))
    assert may_stand(kept, SETTING)
    assert not may_stand(kept, replace(SETTING, bounds=Bounds(batch=(8,))))


def test_an_answer_stands_on_the_same_host_only():
    proven = answered(PROVEN)
    assert may_stand(proven, replace(SETTING, host=replace(HOST, memory_mb=900, os="Linux 7")))
    assert not may_stand(proven, replace(SETTING, host=replace(HOST, cgroup_cores=0.5)))
    assert not may_stand(answered(), SETTING)
