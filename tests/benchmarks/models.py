"""The models that benchmarks run on, from 20 microseconds to 100 milliseconds an inference."""

from pathlib import Path

import onnx

from tests import models

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
NAMES = ("tiny", "squeezenet", "resnet50", "vgg19")


def path_of(name: str, folder: Path) -> Path:
    """Return a model's file; made ones are written to `folder`."""
    if name == "tiny":
        return models.mlp(folder / "tiny.xml")
    return LIGHT / f"light_{name}.onnx"
