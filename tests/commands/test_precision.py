"""What users write of precision, what a device has, and a search over precisions on this processor."""

from pathlib import Path

import msgspec
import pytest
import yaml

import tuner
from tests import models
from tests.advice.advice_of import advice_of
from tuner.advice.question_records import LimitRecord, QuestionRecord
from tuner.advice.writer import write_advice
from tuner.commands.asked import Asked, bounds_of, error_limit
from tuner.commands.lanes import LanesFor, outputs_in_f32
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.precision import error_of, precisions_of
from tuner.domain.space import Bounds
from tuner.errors import DeviceError, UsageError
from tuner.measure.answers import tolerance
from tuner.measure.reference import agreement_of
from tuner.probe.demo import write_demo_model
from tuner.probe.devices import Device, describe
from tuner.probe.model import read_model
from tuner.tuning.spaces import refuse_precisions

CPU = Device("CPU", "a CPU", (1, 2), (1, 1), False, ("FP32", "BF16", "INT8"), "bf16", frozenset({
    "INFERENCE_PRECISION_HINT",
}))  # fmt: skip
NPU = Device("NPU", "an NPU", (1, 1), (1, 1), False, ("FP16", "INT8"), None, frozenset())


@pytest.mark.parametrize(
    ("written", "error"),
    [("1%", 0.01), ("0.5 %", 0.005), ("0.01", 0.01), (0.02, 0.02), ("1e-3", 0.001), (1, 1.0)],
)
def test_an_error_is_a_share_or_a_percentage(written, error):
    assert error_of(written) == pytest.approx(error)


@pytest.mark.parametrize("written", ["0", "0%", "-1%", "101%", "1.5", "nan", "inf", "", "1 MiB", True, None])
def test_an_error_out_of_its_range_is_refused(written):
    with pytest.raises(
        UsageError, match="is not a share of the largest value, above 0 and up to 1; give for"
    ):
        error_of(written)


def test_precisions_are_a_list_or_all():
    assert precisions_of("f32, bf16,f32") == precisions_of(["f32", "bf16"]) == ("f32", "bf16")
    assert precisions_of("all") == ("all",)


@pytest.mark.parametrize("written", ["f8", "", "f32,", "FP32", [], ["int8"], 16, [16]])
def test_unknown_precisions_are_refused(written):
    with pytest.raises(UsageError, match=r"is not a list of f32, bf16, f16, hint \(the hint's own\) or all"):
        precisions_of(written)


@pytest.mark.parametrize(
    ("precision", "bound"),
    [("all", 0.05), ("f32,bf16", 0.05), ("hint,f32", 0.05), ("f16,f32", 0.01), ("f32", 0.01)],
)
def test_the_error_that_is_allowed_is_what_the_coarsest_precision_explains(precision, bound):
    assert error_limit(bounds_of(None, None, None, precision), None) == (Limit("error", bound),)
    assert error_limit(bounds_of(None, None, None, precision), "0.2%") == (Limit("error", 0.002),)


def test_an_error_without_precision_is_refused():
    assert error_limit(Bounds(), None) == ()
    with pytest.raises(
        UsageError, match="max_error='1%' limits the difference from f32, which is measured where"
    ):
        error_limit(Bounds(), "1%")


def test_devices_say_themselves_which_precisions_they_have():
    assert CPU.precisions == ("f32", "bf16")
    assert NPU.precisions == ()  # it takes no precision
    refuse_precisions(("bf16",), [CPU, NPU])
    refuse_precisions(("all", "hint"), [CPU])
    refuse_precisions(None, [NPU])
    with pytest.raises(
        UsageError, match=r"precision= asks for f16, but CPU has f32, bf16; NPU has none here; give"
    ):
        refuse_precisions(("f32", "f16"), [CPU, NPU])
    with pytest.raises(UsageError, match="precision= cannot be searched on NPU: it takes no INFERENCE_PREC"):
        refuse_precisions(("all",), [NPU])


def test_a_host_without_f32_has_no_reference():
    class Model:
        batch, output_axes = 1, (0,)

    with pytest.raises(DeviceError, match="cannot be computed \\(no device takes f32 as its precision\\)"):
        outputs_in_f32(None, Model(), [NPU])


@pytest.mark.alone
def test_every_precision_of_this_processor_is_as_near_to_f32_as_its_rounding_explains(tmp_path):
    reading, processor = read_model(write_demo_model(tmp_path / "cnn.xml")), describe("CPU")
    model = reading.batched[0]
    lanes = LanesFor(Asked(Path(model.path), tmp_path), lambda: False, lambda: 60.0, reading.files)(model)
    lanes.reference = outputs_in_f32(lanes, model, [processor])
    for precision in processor.precisions:
        lane = lanes.open(Configuration.of("CPU", {"INFERENCE_PRECISION_HINT": precision}, 4, 1))
        found = agreement_of(lanes, lane)
        lane.close()
        assert found.precision == lane.facts.effective.precision == precision
        assert found.max_error < tolerance(precision) if precision != "f32" else found.max_error < 1e-5
        assert found.cosine > 0.999
        assert (found.same_top1, found.samples) == (8, 8)


@pytest.mark.alone
def test_the_precision_of_the_hint_is_the_same_program_whether_it_is_named_or_not(tmp_path):
    reading, processor = read_model(models.mlp(tmp_path / "m.xml")), describe("CPU")
    model = reading.batched[0]
    lanes = LanesFor(Asked(Path(model.path), tmp_path), lambda: False, lambda: 60.0, reading.files)(model)
    ways = {}, {"INFERENCE_PRECISION_HINT": processor.precision}, {"INFERENCE_PRECISION_HINT": "f16"}
    plain, named, other = (lanes.open(Configuration.of("CPU", properties, 1, 1)) for properties in ways)
    for lane in (plain, named, other):
        lane.close()
    assert plain.facts.effective == named.facts.effective
    assert (other.facts.effective == plain.facts.effective) == (
        other.facts.effective.precision == processor.precision
    )


@pytest.mark.alone
def test_a_search_with_precision_says_how_near_its_hint_is_to_f32(tmp_path):
    model, output = write_demo_model(tmp_path / "cnn.xml"), tmp_path / "out"
    result = tuner.search(model, budget=1, trials=1, batch=[1], requests=[2], precision="all", output=output)
    assert result.precision.startswith(describe("CPU").precision)
    kept = yaml.safe_load((output / "config.yaml").read_text())
    assert kept["baseline"]["measured"]["agreement"]["samples"] == 8
    assert kept["question"]["limits"] == [{"figure": "error", "bound": 0.05}]


@pytest.mark.alone
def test_verify_compares_with_f32_again(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"), {"INFERENCE_PRECISION_HINT": "f32"}, 4, 2)
    question = QuestionRecord(limits=[LimitRecord(figure="error", bound=0.01)])
    baseline = msgspec.structs.replace(advice.baseline, batch=1, requests=1)
    write_advice(
        msgspec.structs.replace(advice, question=question, baseline=baseline), tmp_path / "config.yaml"
    )
    found = tuner.verify(tmp_path / "config.yaml", budget=2, min_ratio=0)
    assert found.holds
    assert [limit.partition(" kept, ")[0] for limit in found.limits] == ["difference from f32 <= 1 %:"]
    assert found.final.finalists[0].measured.agreement.max_error < 1e-5
