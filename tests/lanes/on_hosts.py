"""Simulated lanes on the hosts of a cluster, which may take real time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lanes.simulated import QUIET, Noise, SimulatedDevice, SimulatedLanes
from tuner.domain.host import Host
from tuner.domain.result import Notice
from tuner.errors import UsageError
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost

EQUAL = Host("simulated", 4, 1000, "Linux", "2026.0", {"CPU": "simulated"})


class WaitingLanes(SimulatedLanes):
    """Lanes on which real time passes: a share of the virtual time."""

    def __init__(self, device: SimulatedDevice, noise: Noise, seed: int, share: float) -> None:
        super().__init__(device, noise, seed)
        self._share = share

    def spend(self, seconds: float) -> None:
        super().spend(seconds)
        time.sleep(self._share * seconds)


@dataclass(frozen=True)
class Known:
    """What a simulated host knows: its description, and what cannot be searched on its model."""

    host: Host = EQUAL
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class SimulatedOpening:
    """Gets a simulated host ready."""

    device: SimulatedDevice = field(
        default_factory=lambda: SimulatedDevice(cores=4, base_fps=1000, batch_gain=1.6)
    )
    budget_s: float = 30.0
    seed: int = 0
    noise: Noise = QUIET
    waits: float = 0.0
    """Real seconds that it waits for each virtual one."""
    knows: Known = Known()
    warnings: tuple[Notice, ...] = ()
    disturbances: tuple[Notice, ...] = ()
    refused: str = ""
    """Why the host cannot measure; empty where it can."""

    @contextmanager
    def __call__(self, _budget: Budget, _stopped: Callable[[], bool]) -> Iterator[tuple[Known, ThisHost]]:
        if self.refused:
            raise UsageError(self.refused)
        lanes = WaitingLanes(self.device, self.noise, self.seed, self.waits)
        yield self.knows, ThisHost(lanes, disturbances=lambda: self.disturbances, notices=self.warnings)


def kind_by_label() -> str:
    """Return the label `model` of the node that asks: the hosts of a cluster on one machine are all alike."""
    import ray

    number = ray.get_runtime_context().get_node_id()
    (labels,) = (node["Labels"] for node in ray.nodes() if node["NodeID"] == number)
    return str(labels.get("model", "alike"))


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds, and fail if it does not come."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.02)
