"""Which files an ONNX model names for its weights."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tuner.errors import ModelError
from tuner.probe.model import read_model
from tuner.probe.model_files import digest
from tuner.probe.onnx_files import external_files
from tuner.probe.unchanged import LaneReading


def network():
    """A dense layer, beside a branch whose graph has weights of its own."""

    def weights(name):
        return numpy_helper.from_array(np.ones((16, 16), np.float32), name)

    def info(name):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 16])

    inner = [
        helper.make_graph(
            [helper.make_node("MatMul", ["hidden", f"w {word}"], [word])],
            word,
            [],
            [info(word)],
            [weights(f"w {word}")],
        )
        for word in ("yes", "no")
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["hidden"]),
        helper.make_node(
            "Constant", [], ["condition"], value=helper.make_tensor("c", TensorProto.BOOL, [], [True])
        ),
        helper.make_node("If", ["condition"], ["y"], then_branch=inner[0], else_branch=inner[1]),
    ]
    graph = helper.make_graph(nodes, "g", [info("x")], [info("y")], [weights("w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def keep_in(tensor, location):
    tensor.raw_data = b"0"
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")


@pytest.fixture
def path(tmp_path):
    """The model with the weights of its main graph in a file of an unusual name."""
    path = tmp_path / "m.onnx"
    onnx.save_model(network(), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    return path


def test_a_file_of_any_name_is_found_also_of_inner_graphs(path):
    assert external_files(path) == [path.with_name("w.bin")]
    model = onnx.load(path, load_external_data=False)
    for name, attribute in zip(("inner 1", "inner 2"), model.graph.node[-1].attribute, strict=True):
        (tensor,) = attribute.g.initializer
        keep_in(tensor, name)
    path.write_bytes(model.SerializeToString())
    assert [file.name for file in external_files(path)] == ["inner 1", "inner 2", "w.bin"]


def test_weights_of_any_name_count_as_the_model(path):
    before, reading = digest(path), read_model(path)
    weights = path.with_name("w.bin")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\7")
    assert digest(path) != before
    with pytest.raises(ModelError, match="changed on disk"):
        LaneReading(reading.files)


def test_the_usual_names_are_hashed_once(tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save_model(network(), path, save_as_external_data=True, location="m.onnx.data", size_threshold=0)
    alone = tmp_path / "alone.xml"
    alone.write_bytes(path.read_bytes() + path.with_name("m.onnx.data").read_bytes())
    assert digest(path) == digest(alone)


def test_names_outside_of_the_models_folder_are_left_out(path):
    model = onnx.load(path, load_external_data=False)
    for location in ("../w.bin", "/etc/passwd"):
        keep_in(model.graph.initializer[0], location)
        path.write_bytes(model.SerializeToString())
        assert external_files(path) == [path.with_name("w.bin")]  # of the inner graphs


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"no model", b"\x3a\xff\xff\xff\xff\x7f", b"\x3a\x7f" * 99, None]
)
def test_what_is_no_model_names_no_files(tmp_path, content):
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    assert external_files(path) == []


def test_every_cut_of_a_model_ends_without_an_error(path, tmp_path):
    whole, cut = path.read_bytes(), tmp_path / "cut.onnx"
    for length in range(0, len(whole), 3):
        cut.write_bytes(whole[:length])
        assert external_files(cut) in ([], [tmp_path / "w.bin"])
