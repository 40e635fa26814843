"""Runs the tests of `tests/gpu/inside` in processes that see the emulated GPU; no other process does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import gpu

pytestmark = [
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.skipif(gpu.missing() is not None, reason=gpu.missing() or ""),
]

INSIDE = Path(__file__).with_name("inside")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return gpu.build(tmp_path_factory.mktemp("gpu"))


@pytest.mark.parametrize("file", sorted(path.name for path in INSIDE.glob("test_*.py")))
def test_on_the_gpu(environment, file):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(INSIDE / file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_this_process_sees_no_emulated_gpu():
    assert not gpu.here()
    assert "OPENCL_LAYERS" not in os.environ
