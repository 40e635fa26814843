"""What is loaded where: on the host that was measured, and elsewhere."""

import warnings

import msgspec
import pytest

import tuner
from tests import models
from tests.advice.advice_of import on, written
from tuner.advice.loader import load
from tuner.errors import AdviceError


def test_advice_of_this_host_is_loaded_without_a_word(advice, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(written(advice, tmp_path / "config.yaml")) == advice


def test_another_version_of_openvino_is_no_reason_to_warn(advice, tmp_path):
    path = written(on(advice, openvino="2020.1"), tmp_path / "config.yaml")
    assert load(path, on_mismatch="error").fit().level == "compatible"


def test_a_strangers_advice_is_warned_about_refused_or_replaced_by_the_hint(advice, tmp_path):
    stranger = on(advice, cpu="B CPU", cores=64)
    path = written(stranger, tmp_path / "config.yaml")
    with pytest.warns(UserWarning, match=r"was measured elsewhere \(CPU: B CPU -> .*; cores: 64 -> "):
        assert load(path) == stranger
    with pytest.raises(AdviceError, match=r"measured elsewhere .*; search again on this host"):
        load(path, on_mismatch="error")
    hint = load(path, on_mismatch="hint")
    assert (hint.properties, hint.batch, hint.requests) == ({"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 0)
    assert hint.verdict == "keep_hint"
    compiled = hint.compile()
    assert len(list(hint.infer_many(compiled, [[0.0] * 16] * 3))) == 3


def test_a_hint_for_devices_that_are_not_here_is_run_on_the_processor(advice, tmp_path):
    far = msgspec.structs.replace(
        on(advice, devices={"GPU": "A GPU"}),
        baseline=msgspec.structs.replace(advice.baseline, device="GPU"),
        best=msgspec.structs.replace(advice.best, device="GPU"),
    )
    hint = load(written(far, tmp_path / "config.yaml"), on_mismatch="hint")
    assert (hint.device, hint.properties) == ("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    assert hint.compile() is not None


def test_a_model_that_changed_since_is_reported_on_load(advice, tmp_path):
    path = written(advice, tmp_path / "config.yaml")
    models.mlp(tmp_path / "m.xml", shape=(-1, 16))
    with pytest.warns(UserWarning, match="is not the file that was measured"):
        load(path)
    with pytest.raises(AdviceError, match="is not the file that was measured"):
        load(path, on_mismatch="error")


def test_plain_data_for_those_who_wire_it_up_themselves(advice):
    assert (advice.device, advice.properties, advice.batch, advice.requests) == (
        "CPU",
        {"NUM_STREAMS": "1"},  # a text, which every plugin takes
        4,
        2,
    )


def test_a_file_name_that_cannot_be_is_refused():
    with pytest.raises(AdviceError, match="cannot be read"):
        load("a\0b")


def test_a_word_that_is_no_way_to_take_a_mismatch_is_refused(advice, tmp_path):
    path = written(advice, tmp_path / "config.yaml")
    with pytest.raises(tuner.UsageError, match="on_mismatch='eror' is none of warn, hint, error"):
        load(path, on_mismatch="eror")
