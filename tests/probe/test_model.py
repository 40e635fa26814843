import ast
from pathlib import Path

import openvino as ov
import pytest
from openvino import opset13 as ops

from tests import models
from tuner.errors import ModelError, UsageError
from tuner.probe.model import read_model


def test_a_unit_leading_axis_is_proposed_as_batch(tmp_path):
    reading = read_model(models.mlp(tmp_path / "m.xml"))
    (model,) = reading.batched
    assert model.batch_axes == {"x": 0}
    assert model.output_axes == (0,)
    assert model.shapes(8) == {0: (8, 16)}
    assert (model.name, model.batch, model.batch_refusal) == ("m", 1, None)


def test_a_dynamic_leading_axis_is_the_batch_and_becomes_one(tmp_path):
    (model,) = read_model(models.mlp(tmp_path / "m.xml", shape=(-1, 16))).batched
    assert model.inputs[0].shape == (1, 16)
    assert model.batch_axes == {"x": 0}


def test_the_layout_names_the_axis_and_the_models_own_batch(tmp_path):
    (model,) = read_model(models.mlp(tmp_path / "m.xml", shape=(7, 4, 16), layout="CN?")).batched
    assert model.batch_axes == {"x": 1}
    assert model.batch == 4
    assert model.output_axes == (1,)
    assert model.shapes(2) == {0: (7, 2, 16)}


def test_inputs_that_carry_no_samples_are_left_out(tmp_path):
    (model,) = read_model(models.two_inputs_and_a_scalar(tmp_path / "m.xml")).batched
    assert model.batch_axes == {"x": 0, "y": 0}
    assert model.output_axes == (0, None)


def test_a_fixed_reshape_takes_batch_out_with_the_reason(tmp_path):
    reading = read_model(models.fixed_reshape(tmp_path / "m.xml"))
    assert reading.batched == ()
    assert reading.unbatched.batch_refusal.startswith("reshaping to batch 2 fails: ")


def test_a_model_without_an_axis_for_batch_says_so(tmp_path):
    x = models.parameter([5, 16])
    path = models.save(
        tmp_path / "m.xml", [ops.result(ops.matmul(models.weights(3, 5), x, False, False))], [x]
    )
    reading = read_model(path)
    assert reading.batched == ()
    assert reading.unbatched.batch_refusal == (
        "no input has a dynamic or unit leading axis, no layout names one, and outputs do not lead as inputs do"
    )


def test_a_length_that_all_inputs_and_outputs_lead_with_is_the_models_own_batch(tmp_path):
    (model,) = read_model(models.mlp(tmp_path / "m.xml", shape=(8, 16))).batched
    assert (model.batch, model.batch_axes, model.output_axes, model.batch_refusal) == (
        8,
        {"x": 0},
        (0,),
        None,
    )
    assert model.shapes(32) == {0: (32, 16)}


@pytest.mark.parametrize("layout", [None, "N??"])
def test_a_batch_that_cannot_be_changed_is_kept_as_the_models_own(tmp_path, layout):
    path = models.fixed_reshape(tmp_path / "m.xml", batch=8)
    if layout:
        graph = ov.Core().read_model(path)
        graph.inputs[0].get_node().set_layout(ov.Layout(layout))
        path = tmp_path / "with_layout.xml"
        ov.save_model(graph, path)
    (model,) = read_model(path).batched
    assert (model.batch, model.batch_axes, model.output_axes) == (8, {"x": 0}, (0,))
    assert model.batch_refusal.startswith("reshaping to batch 2 fails: ")


def test_onnx_models_are_read(onnx_light):
    (model,) = read_model(onnx_light("squeezenet")).batched
    assert model.inputs[0].shape == (1, 3, 224, 224)


def test_a_dynamic_length_asks_for_a_shape_and_takes_it(tmp_path):
    path = models.embedding(tmp_path / "m.xml", shape=(1, -1))
    with pytest.raises(ModelError, match=r"Input 'ids' \[1,\?\] has a .* shapes=\{'ids': \(1, 128\)\}\.$"):
        read_model(path)
    (model,) = read_model(path, {"ids": (1, 32)}).batched
    assert model.shapes(4) == {0: (4, 32)}
    (model,) = read_model(path, {"": (1, 32)}).batched
    assert model.inputs[0].shape == (1, 32)


def test_one_sentence_asks_for_the_shapes_of_all_dynamic_inputs_and_its_example_can_be_pasted(tmp_path):
    path = models.dynamic_inputs(tmp_path / "m.xml")
    with pytest.raises(ModelError) as caught:
        read_model(path)
    assert str(caught.value) == (
        "The inputs 'ids' [?,?], 'image' [?,3,?,?], 'few' [?,2..8] have dynamic shapes; say what to measure, for "
        "example with shapes={'ids': (1, 128), 'image': (1, 3, 224, 224), 'few': (1, 8)}."
    )
    example = ast.literal_eval(str(caught.value).partition("shapes=")[2].rstrip("."))
    assert read_model(path, example).unbatched.inputs[3].shape == (1, 8)
    with pytest.raises(ModelError, match=r"'image' .*, 'few' .*shapes=\{'ids': \(1, 64\), 'image': "):
        read_model(path, {"ids": (1, 64)})


def test_an_input_without_a_rank_asks_for_its_shape(tmp_path):
    path = models.mlp(tmp_path / "m.xml", shape=ov.PartialShape.dynamic())
    with pytest.raises(ModelError, match=r"Input 'x' \[\.\.\.\] has a dynamic shape"):
        read_model(path)
    assert read_model(path, {"x": (1, 16)}).unbatched.inputs[0].shape == (1, 16)


def test_a_shape_with_a_larger_batch_is_the_models_own_batch(tmp_path):
    (model,) = read_model(models.mlp(tmp_path / "m.xml", shape=(-1, 16)), {"x": (4, 16)}).batched
    assert model.batch == 4


def test_a_shape_that_does_not_fit_is_refused(tmp_path):
    path = models.mlp(tmp_path / "m.xml")
    with pytest.raises(ModelError, match=r"does not take the shape x\[1, 17\]"):
        read_model(path, {"x": (1, 17)})
    with pytest.raises(
        UsageError, match=r"shapes= gives 'x' \[1, 99.*\]; .* whole numbers from 1 to 2147483647"
    ):
        read_model(path, {"x": (1, 99_999_999_999)})
    with pytest.raises(UsageError, match="shapes= names the input 'y', but the model's inputs are: x"):
        read_model(path, {"y": (1, 16)})


def test_string_inputs_are_refused_by_name(tmp_path):
    text = models.parameter([1], ov.Type.string, name="text")
    path = models.save(tmp_path / "m.xml", [ops.result(text)], [text])
    with pytest.raises(ModelError, match="Input 'text' is of type string"):
        read_model(path)


def test_unnamed_inputs_go_by_their_nodes_name(tmp_path):
    x = ops.parameter([1, 4], ov.Type.f32, name="node")
    path = models.save(tmp_path / "m.xml", [ops.result(ops.relu(x))], [x])
    assert read_model(path).unbatched.inputs[0].name == "node"


def broken(folder: Path, how: str) -> Path:
    path = models.mlp(folder / "m.xml")
    texts = {"not xml": ("m.xml", "hello"), "empty": ("m.xml", ""), "text as onnx": ("m.onnx", "hello")}
    texts["unknown ending"] = ("m.txt", "hello")
    if how in texts:
        name, text = texts[how]
        (folder / name).write_text(text)
        return folder / name
    if how == "no weights":
        path.with_suffix(".bin").unlink()
    elif how == "truncated xml":
        path.write_bytes(path.read_bytes()[:300])
    elif how == "truncated bin":
        path.with_suffix(".bin").write_bytes(b"\0" * 10)
    elif how == "no inputs":
        ov.save_model(ov.Model([ops.result(models.weights(2, 2))], [], "m"), path)
    elif how == "directory.xml":
        (folder / "d.xml").mkdir()
    others = {"missing": folder / "none.xml", "directory.xml": folder / "d.xml"}
    return others.get(how, path)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", "No model at '.*none.xml'"),
        ("no weights", "has no weights beside it; put 'm.bin' in the same folder"),
        ("truncated xml", "is not a model that OpenVINO 20"),
        ("truncated bin", "is not a model that OpenVINO 20"),
        ("not xml", "is not a model that OpenVINO 20"),
        ("empty", "is not a model that OpenVINO 20"),
        ("text as onnx", "is not a model that OpenVINO 20"),
        ("unknown ending", "is not a model that OpenVINO 20"),
        ("directory.xml", "is a folder without a model; give a model's file, or a folder with"),
        ("no inputs", "has no inputs, so there is nothing to infer"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence(tmp_path, capfd, how, sentence):
    with pytest.raises(ModelError, match=sentence) as caught:
        read_model(broken(tmp_path, how))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
