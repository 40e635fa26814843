"""OpenVINO's real GPU plugin on a machine without a GPU.

Intel's OpenCL runtime for processors (the extra `gpu-emulation`) runs below an OpenCL layer of our own, `layer.c`,
which shows it as an integrated GPU. The plugin then compiles and runs its real kernels: what it lists, takes, refuses
and answers is real, its speed means nothing. README.md beside this file says what that leaves out.

`python -m tests.gpu FOLDER` searches a small model on it and applies the advice.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

LAYER = Path(__file__).with_name("layer.c")
HEADERS = Path("/usr/include/CL/cl_layer.h")
RUNTIME = Path(sys.prefix) / "lib"
"""Where the runtime's wheels put their libraries."""

LAYER_NAME = "emulated-gpu.so"

GONE = "EMULATED_GPU_GONE"
"""Environment variable with the path of a file: while it exists, there is no GPU."""


def missing() -> str | None:
    """Say which part of an emulated GPU is not here, or None."""
    if sys.platform != "linux":
        return "an emulated GPU needs Linux"
    if shutil.which("gcc") is None or not HEADERS.exists():
        return "an emulated GPU needs gcc and opencl-headers (apt-get install gcc libc6-dev opencl-headers)"
    libraries = ("libintelocl.so", "libOpenCL.so.1", "libtbb.so.12")
    absent = [name for name in libraries if not (RUNTIME / name).exists()]
    return f"an emulated GPU needs {absent[0]} (make gpu-emulation)" if absent else None


def here() -> bool:
    """Return whether this process sees the emulated GPU."""
    return LAYER_NAME in os.environ.get("OPENCL_LAYERS", "")


def build(folder: Path) -> dict[str, str]:
    """Build the layer, and return the environment in which a process must start to see the GPU.

    TBB is loaded first because the runtime needs a newer one than OpenVINO brings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    layer = folder.resolve() / LAYER_NAME
    command = [
        "gcc",
        "-shared",
        "-fPIC",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        LAYER,
        "-o",
        layer,
        "-pthread",
    ]
    subprocess.run(list(map(str, command)), check=True)
    return {
        **os.environ,
        "OPENCL_LAYERS": str(layer),
        "OCL_ICD_FILENAMES": str(RUNTIME / "libintelocl.so"),
        "OCL_ICD_VENDORS": str(folder.resolve() / "no others"),
        "LD_LIBRARY_PATH": str(RUNTIME),
        "LD_PRELOAD": str(RUNTIME / "libtbb.so.12"),
    }
