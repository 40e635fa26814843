"""A CPU device that can be lost: a library of one function, loaded first, lets inferences fail from a moment on.

Every inference of OpenVINO's CPU plugin calls that function, which has nothing to do for tensors that are not
batched. `lose_after` of the library says how many inferences still work; -1 brings the device back.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = """
#include <atomic>
#include <stdexcept>

static std::atomic<long> left{-1};

extern "C" void lose_after(long count) { left = count; }

extern "C" void _ZN2ov17ISyncInferRequest23convert_batched_tensorsEv() {
    if (left < 0) return;
    if (left.fetch_sub(1) <= 0) { left = 0; throw std::runtime_error("the device is gone"); }
}
"""


def missing() -> str | None:
    """Say why no device can be lost here, or None."""
    if shutil.which("g++") is None:
        return "a device that can be lost needs g++ (apt-get install g++)"
    return None if sys.platform == "linux" else "a device that can be lost needs LD_PRELOAD"


def build(folder: Path) -> tuple[Path, dict[str, str]]:
    """Build the library; return it, and the environment in which a process must start."""
    source, library = folder / "losable.cpp", folder / "losable.so"
    source.write_text(SOURCE)
    subprocess.run(["g++", "-shared", "-fPIC", "-std=c++17", source, "-o", library], check=True)
    return library, {**os.environ, "LD_PRELOAD": str(library)}
