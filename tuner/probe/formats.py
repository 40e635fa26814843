"""Says what a file is that OpenVINO does not read, and how to convert it, in commands that can be pasted."""

from __future__ import annotations

import json
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path

import openvino as ov

from tuner.probe.model_files import models_in

HEAD_BYTES = 4096

FROM_EXPORT = "import openvino as ov, torch; ov.save_model(ov.convert_model(torch.export.load({0})), {1})"
FROM_SCRIPT = (
    "import openvino as ov; ov.save_model(ov.convert_model({0}, input=[([1,3,224,224], ov.Type.f32)]), {1})"
)
FROM_KERAS = "import keras; keras.saving.load_model({0}).export({1})"

EXPORTED = "is a PyTorch program of torch.export; with PyTorch installed, convert it first: {from_export}"
SCRIPTED = (
    "is a TorchScript model; with PyTorch installed, convert it first, with the shape and type of its own "
    "input: {from_script}"
)
PICKLED = (
    "holds PyTorch weights or a pickled module, which have no graph; load the module in Python and convert "
    "it: ov.save_model(ov.convert_model(module, example_input=sample), {ir})"
)
PADDLE_JSON = (
    "is a Paddle model in JSON (PIR), which OpenVINO {version} does not read; with paddle2onnx installed, "
    "convert it first: paddle2onnx --model_dir {parent} --model_filename {name} --params_filename {weights} "
    "--optimize_tool None --save_file {onnx}"
)
KERAS = "is a Keras model; with TensorFlow installed, convert it first, to a folder: {from_keras}"
SAFETENSORS = (
    "holds weights, which have no graph; with Optimum Intel installed, export their model: "
    "optimum-cli export openvino --model {parent} {folder}"
)
ARCHIVE = "is an archive; unpack it and give the model inside."
CORE_ML = "is a Core ML model; give the model that it was made from, for example as ONNX."
PICKLE = "is a Python pickle; load it in Python and export the model as ONNX."
TENSOR_RT = "is a TensorRT engine, for NVIDIA's GPUs only; give the ONNX model that it was built from."

KINDS: Mapping[str, str] = {
    ".bin": "holds weights, which have no graph; give the .xml file that belongs to them.",
    ".engine": TENSOR_RT,
    ".gguf": "is a language model for llama.cpp; export the model that it was made from "
    "with 'optimum-cli export openvino'.",
    ".gz": ARCHIVE,
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".json": "is a JSON file, not a model; give the model's own file, for example .xml or .onnx.",
    ".keras": KERAS,
    ".mlmodel": CORE_ML,
    ".mlpackage": CORE_ML,
    ".npy": "holds an array, not a model; give it as samples with inputs=.",
    ".pdiparams": "holds weights, which have no graph; give the .pdmodel file that belongs to them.",
    ".pkl": PICKLE,
    ".plan": TENSOR_RT,
    ".pt": PICKLED,
    ".pth": PICKLED,
    ".safetensors": SAFETENSORS,
    ".tar": ARCHIVE,
    ".tgz": ARCHIVE,
    ".trt": TENSOR_RT,
    ".zip": ARCHIVE,
}
"""What a file is and what to do with it, by its ending."""

TORCH = {"archive_format": EXPORTED, "constants.pkl": SCRIPTED, "data.pkl": PICKLED}
"""What a file of PyTorch is, by the first of these that is in its zip archive."""

OTHER = (
    "is not a model that OpenVINO {version} can read ({why}); "
    "give an intact IR, ONNX, TensorFlow, TFLite or Paddle file."
)
NO_MODEL = "is a folder without a model; give a model's file, or a folder with one model in it."


def refusal(path: Path, why: str) -> str:
    """Return the sentence for a file or folder that OpenVINO failed to read.

    Args:
        path: The file or folder.
        why: What OpenVINO said.
    """
    if path.is_dir() and path.suffix not in KINDS:
        return _refusal_of_folder(path, why)
    kind = _by_content(path) or KINDS.get(path.suffix.lower(), OTHER)
    return f"'{path}' {kind.format(why=why, version=ov.__version__.split('-')[0], **_words(path))}"


def _refusal_of_folder(folder: Path, why: str) -> str:
    """Name the models in a folder, or say what the file is that may be meant for one."""
    models = ", ".join(f"'{model}'" for model in models_in(folder))
    if models:
        return f"'{folder}' holds several models; give one of them: {models}."
    for part in sorted(folder.glob("*")):
        if _by_content(part) or part.suffix.lower() in KINDS.keys() - {".json"}:
            return refusal(part, why)
    return f"'{folder}' {NO_MODEL}"


def _by_content(path: Path) -> str | None:
    """Return what a file of PyTorch or a JSON file of Paddle is; None for others."""
    try:
        if not path.is_file():  # a pipe never ends
            return None
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = {Path(name).name for name in archive.namelist()}
            return next((TORCH[name] for name in TORCH if name in names), None)
        if path.suffix.lower() == ".json":
            with path.open("rb") as stream:
                return PADDLE_JSON if b'"pir"' in stream.read(HEAD_BYTES) else None
    except (OSError, zipfile.BadZipFile):
        pass
    return None


def _words(path: Path) -> dict[str, str]:
    """Return the paths and commands that sentences name, quoted for a shell; `ir` is quoted for Python."""
    folder = path.with_suffix("")
    words = {
        "name": path.name,
        "parent": str(path.parent),
        "folder": str(folder),
        "weights": path.with_suffix(".pdiparams").name,
        "onnx": str(path.with_suffix(".onnx")),
    }
    model, ir = _literal(path), _literal(path.with_suffix(".xml"))
    programs = {
        "from_export": FROM_EXPORT.format(model, ir),
        "from_script": FROM_SCRIPT.format(model, ir),
        "from_keras": FROM_KERAS.format(model, _literal(folder)),
    }
    commands = {name: f"python -c {shlex.quote(program)}" for name, program in programs.items()}
    return {"ir": ir, **{name: shlex.quote(word) for name, word in words.items()}, **commands}


def _literal(path: Path) -> str:
    """Return a path as a Python string in double quotes, which a shell's single quotes can hold."""
    return json.dumps(str(path), ensure_ascii=False)
