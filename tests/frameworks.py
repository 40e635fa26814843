"""Small real models made by their own frameworks, each in a process of its own, with the framework's answers.

`python -m tests.frameworks tensorflow FOLDER` writes models there, `samples.npy`, and `answers.npy`, what the
framework itself answers for the samples.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SAMPLES, WIDTH, CLASSES = 5, 16, 8

REQUIREMENTS = {
    "tensorflow": "tensorflow-cpu",
    "torch": "torch",
    "paddle": "paddlepaddle",
    "paddle2onnx": "paddle2onnx",
}
"""What to install, by the module to import."""

ENVIRONMENT = {
    **os.environ,
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}


def missing(module: str) -> str | None:
    """Return what to install for a framework that is not there."""
    there = importlib.util.find_spec(module) is not None
    return None if there else f"needs {module} (pip install {REQUIREMENTS[module]})"


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skip a test where a framework is missing."""
    reasons = [reason for reason in map(missing, modules) if reason]
    return pytest.mark.skipif(bool(reasons), reason=", ".join(reasons))


def make(framework: str, folder: Path) -> Path:
    """Let a framework write its models to a folder."""
    command = [sys.executable, "-m", "tests.frameworks", framework, str(folder)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def tensorflow(folder: Path, samples: np.ndarray) -> np.ndarray:
    """SavedModel, frozen graph, TensorFlow Lite, Keras in both forms."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = keras.Sequential(
        [keras.layers.Input((WIDTH,), name="x"), keras.layers.Dense(CLASSES, activation="tanh")]
    )
    model.export(str(folder / "saved"))
    model.save(folder / "whole.keras")
    model.save(folder / "whole.h5")
    (folder / "lite.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    traced = tf.function(lambda x: model(x)).get_concrete_function(
        tf.TensorSpec([None, WIDTH], tf.float32, name="x")
    )
    frozen = convert_variables_to_constants_v2(traced).graph.as_graph_def()
    (folder / "frozen.pb").write_bytes(frozen.SerializeToString())
    return model(samples).numpy()


def torch(folder: Path, samples: np.ndarray) -> np.ndarray:
    """A program of torch.export, TorchScript, a state dictionary, a pickled module."""
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(WIDTH, CLASSES), torch.nn.Tanh()).eval()
    sample = torch.zeros(2, WIDTH)
    program = torch.export.export(model, (sample,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, folder / "program.pt2")
    torch.jit.save(torch.jit.trace(model, sample), folder / "script.pt")
    torch.save(model.state_dict(), folder / "state.pt")
    torch.save(model, folder / "module.pth")
    torch.save(model.state_dict(), folder / "old.pt", _use_new_zipfile_serialization=False)
    return model(torch.from_numpy(samples)).detach().numpy()


def paddle(folder: Path, samples: np.ndarray) -> np.ndarray:
    """An inference folder in the form that Paddle wrote before version 3."""
    return _paddle(folder, samples, json=False)


def paddle_json(folder: Path, samples: np.ndarray) -> np.ndarray:
    """An inference folder in the form of Paddle 3."""
    return _paddle(folder, samples, json=True)


def _paddle(folder: Path, samples: np.ndarray, *, json: bool) -> np.ndarray:
    os.environ["FLAGS_enable_pir_api"] = str(int(json))  # noqa: SIM112
    import paddle

    model = paddle.nn.Sequential(paddle.nn.Linear(WIDTH, CLASSES), paddle.nn.ReLU())
    model.eval()
    spec = [paddle.static.InputSpec([None, WIDTH], "float32", "x")]
    paddle.jit.save(model, str(folder / "served" / "inference"), input_spec=spec)
    return model(paddle.to_tensor(samples)).numpy()


def onnx(folder: Path, samples: np.ndarray) -> np.ndarray:
    """A model with its weights in a file beside it; its own reference evaluator answers."""
    import onnx
    from onnx import helper
    from onnx.numpy_helper import from_array
    from onnx.reference import ReferenceEvaluator

    weights = np.random.default_rng(1).standard_normal((WIDTH, CLASSES)).astype(np.float32)
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", width])
            for name, width in (("x", WIDTH), ("y", CLASSES))]  # fmt: skip
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Tanh", ["h"], ["y"])]
    graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], [from_array(weights, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    answers = ReferenceEvaluator(model).run(None, {"x": samples})[0]
    onnx.save(
        model, folder / "dense.onnx", save_as_external_data=True, location="dense.onnx.data", size_threshold=0
    )
    return answers


def main(framework: str, folder: Path) -> None:
    """Write a framework's models, samples and answers."""
    samples = np.random.default_rng(0).standard_normal((SAMPLES, WIDTH)).astype(np.float32)
    answers = globals()[framework](folder, samples)
    np.save(folder / "samples.npy", samples)
    np.save(folder / "answers.npy", answers)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
