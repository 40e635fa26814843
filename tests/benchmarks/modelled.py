"""Landscapes of machines that are not here: their spaces and best rates."""

from __future__ import annotations

from functools import cache

from tests.lanes.machine import MachineDevice, rate
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import WORKLOADS
from tests.simulation import CPU, MODEL
from tuner.domain.configuration import Configuration
from tuner.domain.space import Bounds, Space
from tuner.tuning.spaces import Layout


def layout(machine: str) -> Layout:
    """Lay out spaces as the tuner would on this machine."""
    return Layout(MODEL, Bounds(), "explicit", {"CPU": MACHINES[machine].facts()}, {})


def hint_of(device: MachineDevice) -> Configuration:
    """Return the hint with as many requests as the device asks for."""
    hint = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 0)
    return Configuration("CPU", hint.properties, 1, device.effective(hint).requests)


def space_of(machine: str, model: str) -> Space:
    """Return the space of a model on a machine."""
    device = MachineDevice(MACHINES[machine], WORKLOADS[model])
    return layout(machine)(CPU[0], {CPU[0]: hint_of(device)})


@cache
def best_fps(machine: str, model: str) -> float:
    """Return the rate of the best configuration of the space."""
    space = space_of(machine, model)
    return max(
        rate(MACHINES[machine], WORKLOADS[model], space.configuration(point)) for point in space.points()
    )


def rate_of(machine: str, model: str, configuration: Configuration) -> float:
    """Return the true rate of a configuration."""
    return rate(MACHINES[machine], WORKLOADS[model], configuration)


def share_of_best(machine: str, model: str, configuration: Configuration) -> float:
    """Return a configuration's rate over the best of the space."""
    return rate_of(machine, model, configuration) / best_fps(machine, model)
