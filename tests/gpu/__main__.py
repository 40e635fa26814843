"""The demo: a search of a small model on the GPU, and its advice applied."""

import subprocess
import sys
from pathlib import Path

from tests import gpu, models

APPLY = """
import sys, tuner
compiled = tuner.load(sys.argv[1]).compile()
print("applied: the model runs on", ", ".join(compiled.get_property("EXECUTION_DEVICES")))
"""


def main() -> None:
    if why := gpu.missing():
        raise SystemExit(f"tests.gpu: {why}")
    folder = Path(sys.argv[1])
    environment = gpu.build(folder / "gpu")
    model = models.mlp(folder / "demo.xml")
    command = [sys.executable, "-m", "tuner", "search", model, "--device", "GPU", "--output", folder]
    searched = subprocess.run(list(map(str, command)), env=environment)
    if searched.returncode:
        raise SystemExit(searched.returncode)
    apply = [sys.executable, "-c", APPLY, str(folder / "config.yaml")]
    raise SystemExit(subprocess.run(apply, env=environment).returncode)


if __name__ == "__main__":
    main()
