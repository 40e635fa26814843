"""The question is part of the advice: what was to be gained, within which limits."""

import math
from dataclasses import replace

import pytest
import yaml

from tests.advice.advice_of import result_of, with_outcome, with_setting
from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tests.simulation import MODEL, simulate
from tuner.advice.export import EXPORTS, with_use_named
from tuner.advice.loader import load, read
from tuner.advice.writer import make_advice, write_advice
from tuner.commands.export import export
from tuner.domain.agreement import Agreement
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.load import Load, recorded_load
from tuner.domain.question import Question
from tuner.domain.result import Outcome
from tuner.domain.space import Bounds
from tuner.domain.trial import Candidate
from tuner.errors import AdviceError, UsageError
from tuner.measure.reference import reference_of
from tuner.study.records import recorded, revived

FAST = SimulatedDevice(base_fps=2000)


def answered(question, device=FAST):
    found = simulate(device, lanes=SimulatedLanes(device, QUIET), question=question)
    return with_setting(result_of(found, MODEL), question=question)


def under_a_load():
    question = Question("latency", (), Load(60.0))
    found = simulate(FAST, lanes=SimulatedLanes(FAST, QUIET), question=question, trials=1)
    return make_advice(with_setting(result_of(found, MODEL), question=question))


@pytest.fixture(scope="module")
def of_a_rate():
    question = Question.asked("rate", (Limit("p99", 40.0), Limit("memory", 900.0)))
    found = simulate(FAST, lanes=SimulatedLanes(FAST, QUIET), question=question, trials=4)
    return with_setting(result_of(found, MODEL), question=question)


def test_a_question_about_a_rate_is_read_as_it_was_written(path, of_a_rate):
    write_advice(make_advice(of_a_rate), path)
    (advice,) = read(path)
    assert advice.question.question == of_a_rate.question
    assert advice.question.question.holding == (Limit("p99", 40.0),)
    assert advice.speedup.speedup.metric == "rate"
    assert revived(recorded(of_a_rate.setting), type(of_a_rate.setting)) == of_a_rate.setting
    assert revived(recorded(of_a_rate.final), type(of_a_rate.final)) == of_a_rate.final


def test_another_latency_than_that_of_the_rate_needs_another_search(path, of_a_rate):
    write_advice(make_advice(of_a_rate), path)
    (advice,) = read(path)
    with pytest.raises(UsageError, match="highest rate at which p99 latency <= 40 ms holds; search again"):
        advice.pick(max_latency="20ms")
    assert advice.pick(max_memory="2GiB").best == advice.best


@pytest.mark.parametrize(
    "change", [{"limits": []}, {"objective": "pareto", "limits": [], "load": {"rate": 9.0}}]
)
def test_a_question_that_contradicts_itself_is_refused(path, of_a_rate, change):
    write_advice(make_advice(of_a_rate), path)
    kept = yaml.safe_load(path.read_text())
    kept["question"] |= change
    path.write_text(yaml.safe_dump(kept))
    with pytest.raises(AdviceError, match=r"no limit of the latency|which it fixes"):
        read(path)


def test_exports_say_up_to_which_rate_it_was_measured(of_a_rate, tmp_path):
    advice = make_advice(of_a_rate)
    for kind, exported in EXPORTS.items():
        notes = with_use_named(exported(advice), advice).notes
        assert any("arrivals of up to" in note for note in notes), kind


def advice_host(advice):
    return advice.host.host


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config.yaml"


def test_a_question_is_read_as_it_was_written(path):
    question = Question("cpu", (Limit("p99", 8.0), Limit("p99.9", 20.0), Limit("memory", 2048.0)))
    result = answered(question)
    write_advice(make_advice(result), path)
    (advice,) = read(path)
    assert advice.question.question == question
    assert advice.speedup.speedup.metric == "cpu"
    kept = yaml.safe_load(path.read_text())
    assert kept["question"]["limits"][0] == {"figure": "p99", "bound": 8.0}
    assert kept["speedup"]["metric"] == "cpu"
    assert kept["measured"]["latency_ms"]["p99_9"] >= kept["measured"]["latency_ms"]["p99"]


@pytest.mark.parametrize("load", [Load(60.0), recorded_load([0, 1, 2], "t.csv", "1a2b")])
def test_a_load_is_read_as_it_was_written(path, load):
    question = Question("cpu", (Limit("p99", 500.0),), Load(60.0))
    device = SimulatedDevice(base_fps=200.0, batch_gain=8.0)
    found = simulate(device, lanes=SimulatedLanes(device, QUIET), question=question, trials=4)
    best = Candidate(Configuration.of("CPU", {"NUM_STREAMS": 1}, 8, 2, 117.0), None, None, None)
    verdict = replace(found.outcome.verdict, kind="faster", best=best)
    result = with_outcome(
        with_setting(result_of(found, MODEL), question=replace(question, load=load)), verdict=verdict
    )
    write_advice(make_advice(result), path)
    (advice,) = read(path)
    assert str(advice.question.question) == str(result.question)
    assert advice.best.configuration == best.configuration
    assert advice.best.max_wait_ms == 117.0
    kept = yaml.safe_load(path.read_text())
    assert kept["question"]["load"]["rate"] == load.rate
    assert "max_wait_ms" not in kept["baseline"]
    (note,) = export(path, "python").export.notes
    assert note.startswith(
        f"The advice was measured at {load}, and its batches waited up to 117 ms to fill; this"
    )
    assert not export(path, "json").export.notes


def test_under_a_load_a_least_throughput_cannot_be_picked(path):
    advice = under_a_load()
    assert advice.pick(max_latency="10s").best == advice.best
    with pytest.raises(UsageError, match=r"measured at 60 items/s, which fixes .* leave min_throughput= out"):
        advice.pick(min_throughput=50)


def test_the_hint_of_a_server_under_a_load_has_as_many_requests_as_the_device_asks_for():
    advice = under_a_load()
    assert advice.as_hint(advice_host(advice)).requests == 0
    alone = make_advice(answered(Question("latency")))
    assert alone.as_hint(advice_host(alone)).requests == 1


def test_a_load_with_throughput_to_gain_is_refused(path):
    write_advice(make_advice(answered(Question("cpu", (Limit("p99", 8.0),)))), path)
    text = path.read_text().replace("objective: cpu", "objective: throughput\n  load: {rate: 5.0}")
    path.write_text(text)
    with pytest.raises(AdviceError, match="a load has the objective 'throughput', which it fixes"):
        read(path)
    path.write_text(text.replace("throughput\n", "cpu\n").replace("5.0", "0.0"))
    with pytest.raises(AdviceError, match="rate"):
        read(path)


def test_who_asks_for_nothing_else_finds_nothing_of_it_in_the_file(path):
    write_advice(make_advice(answered(Question())), path)
    kept = yaml.safe_load(path.read_text())
    assert "question" not in kept
    assert "metric" not in kept["speedup"]


def test_what_keeps_limits_that_the_hint_breaks_is_advised_and_says_so(path):
    result = answered(Question(limits=(Limit("p99", 0.7),)))
    assert not result.unmet
    assert result.limits[0].startswith("p99 latency <= 0.7 ms: advice kept (0.")
    assert "; hint broken (1" in result.limits[0]
    write_advice(make_advice(result), path)
    (advice,) = read(path)
    assert advice.verdict == "meets_limits"
    assert advice.best.requests == 1
    assert "keeps the limits, " in repr(advice)
    assert advice.closest is None


def test_limits_that_nothing_keeps_leave_the_hint_and_are_told(path):
    result = answered(Question(limits=(Limit("p99", 0.1),)))
    assert result.unmet
    advice = make_advice(result)
    assert advice.best.configuration == advice.baseline.configuration
    assert advice.closest.requests == 1


def test_what_a_limit_costs_is_told():
    (line,) = answered(Question(limits=(Limit("p99", 8.0),))).limits
    assert "; without it hint, batch " in line
    assert line.endswith("(a trial)")


def test_a_limit_of_nothing_is_refused(path):
    write_advice(make_advice(answered(Question(limits=(Limit("p99", 8.0),)))), path)
    path.write_text(path.read_text().replace("figure: p99", "figure: joy"))
    with pytest.raises(AdviceError, match="'joy' is not a figure with a limit"):
        load(path)


def test_a_latency_gain_is_less_latency_in_words():
    class Waiting(SimulatedDevice):
        def fps(self, effective):
            return (
                self.base_fps * min(effective.requests, effective.streams) * (effective.streams == 2 or 0.7)
            )

    advice = make_advice(answered(Question("latency"), Waiting(cores=4, base_fps=500)))
    assert "30.0 % lower p99 latency than the hint" in repr(advice)
    assert advice.pick(min_throughput=1).best == advice.best


def test_the_agreement_with_f32_is_in_the_file_for_the_advice_and_the_hint(path):
    rounding = SimulatedDevice(
        precision="bf16", error={"bf16": 0.003, "f16": 0.04}, speed={"f32": 0.5, "f16": 1.5}
    )
    lanes = SimulatedLanes(rounding, QUIET)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    bounds, question = Bounds(precision=("all",)), Question(limits=(Limit("error", 0.05),))
    found = simulate(rounding, lanes=lanes, bounds=bounds, question=question)
    write_advice(make_advice(with_setting(result_of(found, MODEL), question=question)), path)
    kept = yaml.safe_load(path.read_text())
    assert kept["best"]["properties"]["INFERENCE_PRECISION_HINT"] == "f16"
    expected = {"precision": "f16", "max_error": 0.04, "cosine": 1.0, "same_top1": 2, "samples": 2}
    assert kept["measured"]["agreement"] == expected
    assert kept["baseline"]["measured"]["agreement"] == {**expected, "precision": "bf16", "max_error": 0.003}
    assert kept["question"]["limits"] == [{"figure": "error", "bound": 0.05}]
    (advice,) = read(path)
    assert advice.question.question == question
    for name in ("benchmark_app", "ovms", "python", "cpp", "json"):
        assert '"INFERENCE_PRECISION_HINT"' in EXPORTS[name](advice).text.replace("'", '"')


def test_an_error_without_bound_is_null_in_the_file(path):
    found = simulate(FAST, lanes=SimulatedLanes(FAST, QUIET))
    result = result_of(found, MODEL)
    agreement = Agreement("bf16", math.inf, 0.0, None, 8)
    hint = replace(result.baseline, measured=replace(result.baseline.measured, agreement=agreement))
    outcome = replace(result.outcome, baseline=hint)
    advice = make_advice(replace(result, outcome=outcome))
    assert advice.baseline.measured.agreement.max_error is None
    assert advice.baseline.measured.measured.agreement == agreement
    assert advice.pick(max_latency="1s").best == advice.best
    with pytest.raises(AdviceError, match="Nothing that was measured is within the limits"):
        advice.pick(max_latency="1us")
    assert revived(recorded(outcome), Outcome).baseline == hint
