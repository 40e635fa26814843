from collections.abc import Callable
from pathlib import Path

import onnx
import pytest


@pytest.fixture(scope="session")
def onnx_light() -> Callable[[str], Path]:
    """Light versions of well-known networks that ship inside the onnx package."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    return lambda name: folder / f"light_{name}.onnx"
