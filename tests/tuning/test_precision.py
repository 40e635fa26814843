"""Where precision is searched, every candidate's outputs are compared with those in f32."""

import pytest

from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import MODEL, MemoryStore, simulate
from tuner.domain.agreement import Agreement
from tuner.domain.host import Host
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.result import Result, SearchRun, Setting
from tuner.domain.space import Bounds
from tuner.measure.reference import reference_of

ROUNDING = SimulatedDevice(
    precision="bf16",
    batch_gain=1.0,
    error={"f32": 0.0, "bf16": 0.003, "f16": 0.04},
    speed={"f32": 0.5, "bf16": 1.0, "f16": 1.5},
)
"""A processor whose hint computes in bf16, and that gains by f16, whose outputs are 4 % off."""

HOST = Host("cpu", 2, 1024, "linux", "2026.4", {"CPU": "cpu"})
RUN = SearchRun("0", "tuner", 0, 0, 0.0, "2026-11-27")


def search(bound, precision=("all",), further=(), **options):
    lanes = SimulatedLanes(ROUNDING)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    limits = Bounds(precision=precision, batch=(1, 2, 4))
    question = Question(limits=(Limit("error", bound), *further))
    found = simulate(ROUNDING, lanes=lanes, bounds=limits, question=question, **options)
    setting = Setting(MODEL, HOST, ("CPU",), RUN, limits, question)
    return Result(setting, found.outcome, found.trials, found.final), found


def precision_of(candidate):
    return candidate.configuration.plain_properties.get("INFERENCE_PRECISION_HINT")


def test_a_candidate_too_far_from_f32_is_refused_for_that_and_not_as_a_failure():
    result, found = search(0.01)
    refused = [trial for trial in result.trials if trial.state == "refused"]
    assert {precision_of(trial) for trial in refused} == {"f16"}
    assert {trial.reason for trial in refused} == {"differs from f32 by 4 %, more than max_error=1 %"}
    assert not any(trial.rounds or trial.state == "failed" for trial in refused)
    assert not found.gone


def test_f32_that_is_within_the_users_error_but_beyond_its_own_rounding_is_wrong():
    question = Question(limits=(Limit("error", 0.05),))
    wrong = "differs from f32 by 3 %, more than the 0.1 % that rounding in f32 explains"
    assert question.too_far(Agreement("f32", 0.03, 1.0, None, 8)) == wrong
    assert question.too_far(Agreement("f32", 0.0009, 1.0, None, 8)) is None
    assert question.too_far(Agreement("bf16", 0.03, 1.0, None, 8)) is None
    assert question.too_far(Agreement("f32+f16", 0.03, 1.0, None, 8)) is None
    assert question.too_far(Agreement(None, 0.03, 1.0, None, 8)) is None


def test_two_refusals_close_a_precision():
    result, found = search(0.01)
    assert sum(trial.state == "refused" for trial in result.trials) == 2
    assert found.refused == [
        "CPU: configurations with precision f16 were given up after two refusals "
        "(differs from f32 by 4 %, more than max_error=1 %)"
    ]


def test_a_precision_that_rounds_little_enough_is_advised_and_its_error_said():
    result, _ = search(0.05)
    assert result.verdict.kind == "faster"
    assert precision_of(result.verdict.best) == "f16"
    assert result.verdict.best.measured.agreement == Agreement("f16", pytest.approx(0.04), 1.0, 2, 2)
    assert {each.agreement.precision for each in result.verdict.best.by_sitting} == {"f16"}
    assert result.precision == (
        "bf16 -> f16: max error 4 % of the largest value, cosine 1.00000, top-1 the same for 2 of 2 samples "
        "(with the hint: max error 0.3 % of the largest value, cosine 1.00000, top-1 the same for 2 of 2 samples)"
    )
    assert result.limits[0].startswith("difference from f32 <= 5 %: advice kept (4 %); hint kept (0.3 %)")


def test_every_measured_candidate_has_its_agreement():
    result, _ = search(0.05)
    measured = [trial for trial in result.trials if trial.rounds]
    assert {trial.measured.agreement.precision for trial in measured} == {"f32", "bf16", "f16"}
    assert result.trials[0].measured.agreement.max_error == pytest.approx(0.003)


def test_where_the_hint_itself_is_too_far_from_f32_a_slower_configuration_is_advised():
    result, _ = search(0.001)
    assert result.verdict.kind == "meets_limits"
    assert precision_of(result.verdict.best) == "f32"
    assert result.verdict.why == "the hint does not keep difference from f32 <= 0.1 %"
    assert not result.unmet
    assert all(precision_of(trial) == "f32" for trial in result.trials if trial.rounds)


def test_where_nothing_is_near_enough_the_hint_stays_and_the_limit_is_unmet():
    result, _ = search(0.001, precision=("hint", "f16"))
    assert result.verdict.kind == "inconclusive"
    assert result.verdict.why.startswith("every other configuration that was tried was refused (differs from")
    assert result.unmet


def test_a_limit_of_latency_holds_beside_that_of_the_error():
    result, _ = search(0.01, further=(Limit("p99", 30.0),))
    assert {trial.state for trial in result.trials} >= {"measured", "refused"}
    assert result.verdict.best.measured.latency_ms.p99 <= 30.0
    assert result.verdict.best.measured.agreement.max_error <= 0.01


def test_precisions_that_the_hint_breaks_the_error_with_are_refused_and_not_taken_for_too_many_items():
    result, _ = search(0.001)
    refused = {trial.effective.precision for trial in result.trials if trial.state == "refused"}
    assert refused == {"bf16", "f16"}


def test_a_list_leaves_out_the_precision_of_the_hint():
    result, _ = search(0.05, precision=("f32",))
    assert {precision_of(trial) for trial in result.trials[1:]} == {"f32"}
    assert result.verdict.best == result.baseline


def test_a_later_run_without_a_precision_does_not_advise_it():
    store = MemoryStore()
    wide, _ = search(0.05, store=store)
    narrow, _ = search(0.05, precision=("hint", "f32"), store=store)
    assert precision_of(wide.verdict.best) == "f16"
    assert precision_of(narrow.verdict.best) != "f16"


def test_without_precision_nothing_is_compared_and_nothing_changes():
    found = simulate(ROUNDING, lanes=SimulatedLanes(ROUNDING))
    assert {trial.effective.precision for trial in found.trials} == {"bf16"}
    assert not any(trial.measured and trial.measured.agreement for trial in found.trials)


def test_the_outputs_in_f32_are_computed_once():
    lanes = SimulatedLanes(ROUNDING)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    assert len(lanes.opened) == 1
    assert lanes.lanes[0].facts.effective.precision == "f32"
