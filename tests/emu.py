"""A second real device on a machine that has only a CPU.

A plugins file registers OpenVINO's CPU plugin again under other names, each with an alias of OpenVINO's own
proxy plugin, and with properties of its own. `MULTI` and `AUTO` ask every device for a remote context and take
"not implemented" for an answer; the proxy turns that into another error, so a shared library of one
function, built here and loaded first, answers for it.

`python -m tests.emu FOLDER` searches a small model on the CPU, on the second device and on both.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import openvino

from tuner.probe.demo import write_demo_model

SHIM = """
#include <openvino/core/except.hpp>

extern "C" void _ZNK2ov14ICompiledModel11get_contextEv() {
    ov::NotImplemented::create(__FILE__, __LINE__, "no remote context");
}
"""

ONE_THREAD = {"INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "NO"}
ONE_PINNED = {"INFERENCE_NUM_THREADS": "1", "ENABLE_CPU_PINNING": "YES"}


def missing() -> str | None:
    """Say why there can be no second device here, or None."""
    if shutil.which("g++") is None:
        return "a second device needs g++ (apt-get install g++)"
    return None if sys.platform == "linux" else "a second device needs LD_PRELOAD"


def build(folder: Path, devices: Mapping[str, Mapping[str, str]]) -> tuple[Path, dict[str, str]]:
    """Write the plugins file for these devices, each with its properties, and build the library.

    Returns:
        The plugins file, and the environment in which a process must start.
    """
    package = Path(openvino.__file__).parent
    plugin = package / "libs" / "libopenvino_intel_cpu_plugin.so"
    (library,) = (package / "libs").glob("libopenvino.so.*")
    folder.mkdir(parents=True, exist_ok=True)
    source, shim, plugins = folder / "shim.cpp", folder / "shim.so", folder / "plugins.xml"
    source.write_text(SHIM)
    command = [
        "g++",
        "-shared",
        "-fPIC",
        "-std=c++17",
        f"-D_GLIBCXX_USE_CXX11_ABI={int(b'__cxx11' in library.read_bytes())}",
        "-I",
        package / "include",
        source,
        library,
        "-o",
        shim,
    ]
    subprocess.run([*map(str, command), f"-Wl,-rpath,{library.parent}"], check=True)
    entries = []
    for alias, properties in devices.items():
        registered = {"PROXY_CONFIGURATION_ALIAS": alias, **properties}
        lines = "".join(f'<property key="{key}" value="{value}"/>' for key, value in registered.items())
        entries.append(
            f'<plugin name="{alias}CPU" location="{plugin}"><properties>{lines}</properties></plugin>'
        )
    plugins.write_text(f"<ie><plugins>{''.join(entries)}</plugins></ie>\n")
    return plugins, {**os.environ, "LD_PRELOAD": str(shim)}


def main() -> None:
    if why := missing():
        raise SystemExit(f"tests.emu: {why}")
    folder = Path(sys.argv[1])
    plugins, environment = build(folder / "emu", {"EMU": {}})
    model = write_demo_model(folder / "demo.xml")
    command = [sys.executable, "-m", "tuner", "search", model, "--plugins", plugins, "--output", folder]
    raise SystemExit(subprocess.run(list(map(str, command)), env=environment).returncode)


if __name__ == "__main__":
    main()
