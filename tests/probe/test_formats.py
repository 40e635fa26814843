"""Models of every framework from file to deployment; files that OpenVINO does not read."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tuner
from tests import frameworks, models
from tests.frameworks import needs
from tuner.cli.app import main
from tuner.errors import ModelError
from tuner.probe.model import read_model

pytestmark = pytest.mark.alone

TOLERANCE = 0.05
"""Converted weights are halves, and processors with bf16 infer in it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of each framework, made once."""
    folders: dict[str, Path] = {}

    def folder_of(framework: str) -> Path:
        if framework not in folders:
            folders[framework] = frameworks.make(framework, tmp_path_factory.mktemp(framework))
        return folders[framework]

    return folder_of


def deployed(path: Path, folder: Path, output: Path, shapes=None) -> tuple[np.ndarray, np.ndarray]:
    """What a model answers once it has been searched and loaded, and what its framework answers."""
    tuner.search(path, device="CPU", budget="6s", trials=1, shapes=shapes, output=output)
    advice = tuner.load(output / "config.yaml")
    answers = list(advice.infer_many(advice.compile(path), np.load(folder / "samples.npy")))
    return np.stack(answers), np.load(folder / "answers.npy")


def refusal_of(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        read_model(path)
    return str(caught.value)


def pasted(command: str, cwd: Path) -> None:
    """Run a command as a shell does, with the tests' own Python first on the path."""
    where = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**frameworks.ENVIRONMENT, "PATH": where}
    done = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def converted(path: Path) -> None:
    """Convert a file with the command in the sentence that refuses it."""
    pasted(refusal_of(path).partition("first")[2].partition(": ")[2], path.parent)


@pytest.mark.parametrize(
    ("framework", "name"),
    [
        pytest.param("onnx", "dense.onnx", marks=pytest.mark.slow),
        pytest.param("tensorflow", "saved", marks=needs("tensorflow")),
        pytest.param("tensorflow", "frozen.pb", marks=needs("tensorflow")),
        pytest.param("tensorflow", "lite.tflite", marks=needs("tensorflow")),
        pytest.param("paddle", "served/inference.pdmodel", marks=needs("paddle")),
        pytest.param("paddle", "served", marks=needs("paddle")),
    ],
)
def test_a_model_answers_after_search_and_deployment_as_in_its_own_framework(made, tmp_path, framework, name):
    folder = made(framework)
    answers, own = deployed(folder / name, folder, tmp_path)
    np.testing.assert_allclose(answers, own, atol=TOLERANCE)
    assert tuner.load(tmp_path / "config.yaml").model.name == Path(name).stem


@needs("torch")
def test_a_pytorch_program_is_converted_by_the_command_that_its_refusal_names(made, tmp_path):
    folder = made("torch")
    converted(folder / "program.pt2")
    answers, own = deployed(folder / "program.xml", folder, tmp_path, shapes={"": (1, frameworks.WIDTH)})
    np.testing.assert_allclose(answers, own, atol=TOLERANCE)


@needs("torch")
def test_torchscript_is_converted_by_the_command_with_the_shape_of_its_input(made, tmp_path):
    folder = made("torch")
    sentence = refusal_of(folder / "script.pt").replace("[1,3,224,224]", f"[1,{frameworks.WIDTH}]")
    pasted(sentence[sentence.index("python -c") :], folder)
    answers, own = deployed(folder / "script.xml", folder, tmp_path)
    np.testing.assert_allclose(answers, own, atol=TOLERANCE)


@needs("torch")
@pytest.mark.parametrize("name", ["state.pt", "module.pth", "old.pt"])
def test_pytorch_files_without_a_graph_say_so(made, name):
    assert "holds PyTorch weights or a pickled module, which have no graph" in refusal_of(
        made("torch") / name
    )


@needs("tensorflow")
@pytest.mark.parametrize("name", ["whole.keras", "whole.h5"])
def test_keras_models_are_converted_by_the_command_that_their_refusal_names(made, tmp_path, name):
    folder = made("tensorflow")
    path = tmp_path / name
    path.write_bytes((folder / name).read_bytes())
    converted(path)
    answers, own = deployed(tmp_path / "whole", folder, tmp_path / "out")
    np.testing.assert_allclose(answers, own, atol=TOLERANCE)


@needs("paddle", "paddle2onnx")
def test_paddle_models_in_json_are_converted_by_the_command_that_their_refusal_names(made, tmp_path):
    folder = made("paddle_json")
    assert refusal_of(folder / "served") == refusal_of(folder / "served" / "inference.json")
    converted(folder / "served" / "inference.json")
    answers, own = deployed(folder / "served" / "inference.onnx", folder, tmp_path)
    np.testing.assert_allclose(answers, own, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("m.keras", "is a Keras model"),
        ("m.H5", "is a Keras model"),
        ("m.json", "is a JSON file, not a model"),
        ("m.pt", "holds PyTorch weights or a pickled module"),
        ("m.safetensors", "holds weights, which have no graph; .*: optimum-cli export openvino --model "),
        ("m.gguf", "is a language model for llama.cpp"),
        ("m.engine", "is a TensorRT engine"),
        ("m.mlmodel", "is a Core ML model"),
        ("m.zip", "is an archive; unpack it"),
        ("m.bin", "holds weights, which have no graph; give the .xml file"),
        ("m.pdiparams", "holds weights, which have no graph; give the .pdmodel file"),
        ("m.npy", "holds an array, not a model; give it as samples with --input"),
        ("m.other", "is not a model that OpenVINO .* can read"),
    ],
)
def test_a_file_of_another_kind_says_what_it_is_and_ends_with_code_3(tmp_path, capsys, name, what):
    (tmp_path / name).write_bytes(b"nothing of use")
    assert main(["search", str(tmp_path / name)]) == 3
    (sentence,) = capsys.readouterr().err.splitlines()
    assert re.search(f"{name}' {what}", sentence)


def test_commands_hold_paths_with_spaces_and_quotes(tmp_path):
    path = tmp_path / "it's a model.keras"
    path.touch()
    command = refusal_of(path).partition("folder: ")[2]
    python, _, program = shlex.split(command)
    assert (python, compile(program, "pasted", "exec") is not None) == ("python", True)
    assert f'load_model("{path}")' in program


def test_a_folder_with_several_models_names_them(tmp_path):
    for name in ("a.xml", "b.xml"):
        models.mlp(tmp_path / name)
    assert refusal_of(tmp_path) == (
        f"'{tmp_path}' holds several models; give one of them: '{tmp_path / 'a.xml'}', '{tmp_path / 'b.xml'}'."
    )


def test_a_folder_without_a_model_says_what_is_in_it(tmp_path):
    assert "is a folder without a model" in refusal_of(tmp_path)
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    assert refusal_of(tmp_path).startswith(f"'{tmp_path / 'model.safetensors'}' holds weights")


def test_a_pipe_in_a_folder_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "m.pt2")
    assert "is a folder without a model" in refusal_of(tmp_path)


def test_the_working_folder_is_refused_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "'.' is a folder without a model" in refusal_of(Path())
