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
    told = {"states": [], "reasons": [], "warnings": []}

    def hear(event):
        if isinstance(event, Warned):
            told["warnings"].append(event.notice.text)
        if isinstance(event, TrialEnded):
            told["states"].append((event.trial.configuration.device, event.trial.state))
            if event.trial.state == "failed":
                told["reasons"].append(event.trial.reason)
            if len(told["states"]) == AFTER:
                Path(os.environ[gpu.GONE]).touch()

    found = tuner.search(model, device=devices, budget=f"{30 * len(devices)}s", output=output, observer=hear)
    best = found.verdict.best.configuration
    told |= {"verdict": found.verdict.kind, "best": str(best), "device": best.device}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
