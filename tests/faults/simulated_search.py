"""The command line over simulated lanes: `python -m tests.faults.simulated_search search MODEL ...`.

Everything else is real: the study, the lock, signals, the advice, the report. Time is virtual, so a search takes
a second.
"""

import os
import sys
import time
from types import SimpleNamespace

from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tuner.cli.app import main
from tuner.commands import lanes, search
from tuner.errors import Interrupted

TRUE_RATIO = 1.48
"""What the fastest configuration of the simulated device gains over the hint."""


PACE_S = float(os.environ.get("SIMULATED_PACE_S", "0"))
"""Real seconds that every window takes, for a search that must still run when something else happens."""


class InterruptibleLanes(SimulatedLanes):
    """Simulated lanes that the user can stop."""

    stopped = staticmethod(lambda: False)

    def spend(self, seconds: float) -> None:
        if self.stopped():
            raise Interrupted("stopped by the user")
        time.sleep(PACE_S)
        super().spend(seconds)


def simulate() -> None:
    """Let every search of this process run on simulated lanes and virtual time."""
    simulated = InterruptibleLanes(
        SimulatedDevice(base_fps=2000), seed=int(os.environ.get("SIMULATED_SEED", "0"))
    )

    def open_simulated(lanes_for, *_model, **_blobs):
        simulated.stopped = lanes_for.stopped
        return simulated

    lanes.LanesFor.__call__ = open_simulated
    search.time = SimpleNamespace(monotonic=simulated.now)


if __name__ == "__main__":
    simulate()
    sys.exit(main())
