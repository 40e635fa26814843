"""The demo: a search of a small model on the GPU, on the processor and on both, and a look at what came of it."""

import subprocess
import sys
from pathlib import Path

from tests import gpu, models

TRY = """
import sys, tuner
compiled = tuner.load(sys.argv[1]).pick(device="GPU").compile()
print("the best of GPU runs on", ", ".join(compiled.get_property("EXECUTION_DEVICES")))
"""


def main() -> None:
    if why := gpu.missing():
        raise SystemExit(f"tests.gpu: {why}")
    folder = Path(sys.argv[1])
    environment = gpu.build(folder / "gpu")
    model = models.mlp(folder / "demo.xml")
    command = [sys.executable, "-m", "tuner", "search", model, "--output", folder, *sys.argv[2:]]
    searched = subprocess.run(list(map(str, command)), env=environment)
    if searched.returncode:
        raise SystemExit(searched.returncode)
    again = [sys.executable, "-c", TRY, str(folder / "config.yaml")]
    raise SystemExit(subprocess.run(again, env=environment).returncode)


if __name__ == "__main__":
    main()
