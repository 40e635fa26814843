"""How long an open answer takes, against the replayed searches of the evidence that went on."""

from statistics import fmean

import pytest

from tests.benchmarks.settling_attempts import judged, load, share_settled
from tuner.domain.settling import LONGEST_TRIED_S, seconds_to_settle


@pytest.fixture(scope="module")
def states():
    return load()


def predicted_s(state):
    return seconds_to_settle([state["trials_s"]])


def test_the_more_is_open_the_longer_it_takes_but_not_in_proportion():
    assert seconds_to_settle([10.0] * 20) > seconds_to_settle([10.0] * 5)
    assert seconds_to_settle([10.0] * 20) < 4 * seconds_to_settle([10.0] * 5)


def test_where_no_trial_is_open_a_final_still_takes_its_time():
    assert seconds_to_settle([]) == seconds_to_settle([5.0]) > 15


def test_the_predicted_time_settles_about_half_of_the_answers(states):
    assert len(states) > 200
    assert max(map(predicted_s, states)) < LONGEST_TRIED_S
    settled = [share_settled(state, predicted_s(state)) for state in states]
    assert fmean(settled) == pytest.approx(0.5, abs=0.05)


def test_a_prediction_is_judged_by_runs_of_half_and_of_twice_its_length():
    state = {"runs": {"15": "ooo", "30": "oos", "60": "sss", "120": "sss"}}
    assert judged(state, 30.0) == pytest.approx((1.0, 0.0, 0.0))
    assert judged(state, 60.0) == pytest.approx((2 / 3, 1 / 3, 0.0))
    assert judged(state, 15.0) == pytest.approx((1 / 3, 0.0, 2 / 3))
