"""Searches while the GPU is unplugged after some trials, and prints what came of it; started by `test_search.py`."""

import json
import os
import sys
from pathlib import Path

import tuner
from tests import gpu
from tuner.tuning.progress import TrialEnded, Warned

AFTER = 2


def main():
    model, output, *devices = sys.argv[1:]
    seen = {"states": [], "reasons": [], "warnings": []}

    def hear(event):
        if isinstance(event, Warned):
            seen["warnings"].append(event.notice.text)
        if isinstance(event, TrialEnded):
            seen["states"].append((event.trial.configuration.device, event.trial.state))
            if event.trial.state == "failed":
                seen["reasons"].append(event.trial.reason)
            if len(seen["states"]) == AFTER:
                Path(os.environ[gpu.GONE]).touch()

    found = tuner.search(model, device=devices, budget=f"{16 * len(devices)}s", output=output, observer=hear)
    best = found.verdict.best.configuration
    seen |= {"verdict": found.verdict.kind, "best": str(best), "device": best.device}
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main()
