"""Compiling what an advice says: with its batch and properties, for the model that was measured."""

import warnings

import msgspec
import numpy as np
import openvino as ov
import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of, written
from tuner.advice.advice import Advice
from tuner.advice.loader import load
from tuner.errors import AdviceError, DeviceError, ModelError
from tuner.probe.model_files import digest


def test_a_model_with_other_inputs_is_refused(advice, tmp_path):
    other = models.two_inputs_and_a_scalar(tmp_path / "other.xml")
    with (
        pytest.warns(UserWarning, match="is not the file"),
        pytest.raises(
            tuner.ModelError, match=r"has the inputs x f32, y f32, scale f32, the advice is for x f32; search"
        ),
    ):
        advice.compile(other)


@pytest.mark.parametrize("where", ["/dev/zero", "/dev/stdin", "", "/", "a" * 5000, "a\0b"])
def test_a_path_that_is_no_model_is_never_read(advice, tmp_path, where):
    strange = msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, path=where))
    path = written(strange, tmp_path / "config.yaml")
    loaded = load(path)
    with pytest.raises(AdviceError, match="give its path"):
        loaded.compile()


def test_compile_applies_batch_and_properties(tmp_path):
    path = models.mlp(tmp_path / "m.xml")
    compiled = advice_of(path).compile()
    assert list(compiled.inputs[0].shape) == [4, 16]
    assert compiled.get_property("NUM_STREAMS") == 1
    queue = ov.AsyncInferQueue(compiled, 2)
    queue.start_async(np.zeros((4, 16), np.float32))
    queue.wait_all()
    assert queue[0].get_output_tensor().shape == [4, 16]


def test_compile_takes_the_applications_own_path_and_core(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    moved = tmp_path / "moved.xml"
    (tmp_path / "m.xml").rename(moved)
    (tmp_path / "m.bin").rename(tmp_path / "moved.bin")
    assert advice.compile(moved, ov.Core()) is not None
    with pytest.raises(AdviceError, match=r"for the model 'm', which is not at .*; give its path"):
        advice.compile()


def test_a_model_that_changed_is_warned_about(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advice.compile()
    models.mlp(tmp_path / "other.xml", shape=(-1, 16))
    assert digest(tmp_path / "other.xml") != advice.model.sha256
    with pytest.warns(UserWarning, match="is not the file that this advice was measured with"):
        advice.compile(tmp_path / "other.xml")


@pytest.mark.filterwarnings("ignore:.*is not the file")
@pytest.mark.parametrize(
    ("properties", "device", "error", "sentence"),
    [
        (
            {"NUM_STREAM": 1},
            "CPU",
            DeviceError,
            "'CPU' does not know the property 'NUM_STREAM'; the nearest name is NUM_STREAMS",
        ),
        ({"NUM_STREAMS": "many"}, "CPU", DeviceError, "'CPU' refuses the configuration"),
        ({}, "GPU.9", DeviceError, "There is no device 'GPU.9' here, only: CPU"),
        ({}, "MULTI:CPU,NOPE", DeviceError, "OpenVINO leaves 'NOPE' out of MULTI:CPU,NOPE here"),
    ],
)
def test_what_the_device_refuses_is_explained(tmp_path, properties, device, error, sentence):
    advice = advice_of(models.mlp(tmp_path / "m.xml"), properties)
    data = msgspec.to_builtins(advice)
    data["best"]["device"] = device
    with pytest.raises(error, match=sentence):
        msgspec.convert(data, Advice).compile()


@pytest.mark.filterwarnings("ignore:.*is not the file")
def test_a_model_that_does_not_take_the_batch_is_refused(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    other = models.fixed_reshape(tmp_path / "other.xml")
    with pytest.raises(ModelError, match="cannot be given batch 4"):
        advice.compile(other)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("m.keras", "is a Keras model"), ("m.onnx", "is not a model that OpenVINO .* can read")],
)
def test_a_file_that_openvino_does_not_read_says_what_it_is(advice, tmp_path, name, sentence):
    (tmp_path / name).write_text("nonsense")
    with pytest.warns(UserWarning, match="not the file"), pytest.raises(ModelError, match=sentence):
        advice.compile(tmp_path / name)
