"""Advice is checked at its own load: who cannot follow it has lost."""

import random
from dataclasses import replace

import msgspec
import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of
from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tuner.advice.question_records import QuestionRecord
from tuner.advice.writer import write_advice
from tuner.cli import answers
from tuner.commands.verify import Verification, compared, judged
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.errors import DeviceError, LaneError, UsageError
from tuner.tuning.budget import Budget
from tuner.tuning.strategy import strategy_for

SLOW, FAST = (Configuration.of("CPU", {"NUM_STREAMS": streams}, 1, 4) for streams in (1, 4))


class Streams(SimulatedDevice):
    """Every stream serves 100 items/s."""

    def fps(self, effective):
        return 100.0 * min(effective.requests, effective.streams)


@pytest.fixture
def check(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))

    def check(baseline, candidate, *limits, rate=200.0, budget_s=60.0, tardy_s=0.0):
        lanes, question = SimulatedLanes(Streams(cores=4), QUIET), Question("cpu", limits, Load(rate))
        lanes.tardy_s = tardy_s
        budget = Budget(budget_s, None, lanes.now)
        strategy = strategy_for(question)
        final = compared(
            lanes, baseline, candidate, budget, strategy, random.Random(0), lambda _: None, question
        )
        asked = msgspec.structs.replace(advice, question=QuestionRecord.of(question))
        found = Verification(asked, "the hint", advice.fit(), False, None, 1.01, True)
        return judged(found, final, question), final

    return check


def test_advice_that_cannot_follow_its_load_fails(check):
    found, _ = check(FAST, SLOW)
    assert not found.holds
    assert next(answers.verification(found)).startswith(
        "fails: the advice cannot follow 200 items/s: it serves 1"
    )


def test_advice_that_follows_a_load_that_the_hint_cannot_follow_holds(check):
    found, final = check(SLOW, FAST, Limit("p99", 500.0))
    assert found.holds
    assert found.now is None
    sentence, *lines = answers.verification(found)
    assert sentence.startswith("holds: the hint cannot follow 200 items/s: it serves 1")
    assert ", and the advice can, p99 latency <= 500 ms: kept, " in sentence
    assert any(str(FAST) in line for line in lines)
    assert len(final.rounds) > 10


def test_it_does_not_hold_where_it_breaks_a_limit_or_cannot_follow_either(check):
    assert not check(SLOW, FAST, Limit("p99", 1.0))[0].holds
    found, _ = check(SLOW, SLOW)
    assert not found.holds
    assert "; the hint cannot follow 200 items/s" in found.overload


def test_what_follows_is_compared_as_ever(check):
    found, _ = check(FAST, FAST)
    assert found.now.metric == "cpu"
    assert not found.overload
    document = answers.verification_document(found)
    assert document["load"] == {"rate": 200.0, "arrivals": None}
    assert document["overload"] is None


def test_arrivals_that_are_late_say_nothing_of_the_advice(check):
    with pytest.raises(LaneError, match="cannot be measured at 20 items/s"):
        check(FAST, FAST, Limit("p99", 20.0), rate=20.0, tardy_s=0.01)


def test_rounds_fit_into_the_time_of_a_slow_load(check):
    sittings = {played.sitting for played in check(FAST, FAST, rate=4.0, budget_s=60.0)[1].rounds}
    assert len(sittings) >= 5


def test_advice_that_was_not_measured_is_still_an_error(check):
    _, final = check(FAST, FAST)
    dead = replace(final.finalists[0], speedup=None, measured=None, disqualified="the lane died")
    with pytest.raises(DeviceError, match="could not be measured here: the lane died"):
        judged(
            Verification(None, "the hint", None, False, None, 1.01, True),
            replace(final, finalists=(dead,)),
            Question(),
        )


def test_a_budget_too_short_for_the_load_is_refused(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    question = QuestionRecord.of(Question("cpu", (), Load(2.0)))
    write_advice(msgspec.structs.replace(advice, question=question), tmp_path / "config.yaml")
    with pytest.raises(UsageError, match=r"budget=30s is too short for 2 items/s: .* give at least 100s"):
        tuner.verify(tmp_path / "config.yaml")
