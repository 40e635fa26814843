"""Landscapes of machines that are not here: their spaces and best rates."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from tests.lanes.machine import MachineDevice, rate
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import WORKLOADS
from tests.simulation import CPU, MODEL
from tuner.domain.configuration import Configuration
from tuner.domain.history import CYCLES_A_WINDOW
from tuner.domain.space import Bounds, Space
from tuner.tuning.spaces import Layout

FURTHEST = {"batch": 4096, "requests_per_stream": 64}
"""How far a space is grown to look for its best configuration; no window of a search goes further."""


BETWEEN = tuple(3 << power for power in range(11))
"""Counts between doublings, which a search tries around its best."""


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


def grown(space: Space) -> Space:
    """Return a space with every doubling that its configurations may reach in practice, and the counts between them."""
    for axis in space.growing:
        while space.edge(axis) < FURTHEST[axis]:
            space = space.grown(axis)
    axes = dict(space.axes)
    for axis in space.growing:
        between = (count for count in BETWEEN if count < FURTHEST[axis])
        axes[axis] = tuple(sorted({*axes[axis], *between}, key=int))
    return replace(space, axes=axes)


@cache
def best_fps(machine: str, model: str, window_s: float | None = None) -> float:
    """Return the rate of the best configuration.

    Args:
        machine: The machine's name.
        model: The model's name.
        window_s: Longest window of a configuration that counts, in the grown space; None counts the whole space as laid out.
    """
    space = space_of(machine, model)
    points = (space if window_s is None else grown(space)).points()
    rates = ((found, rate_of(machine, model, found)) for found in map(space.configuration, points))
    return max(
        fps
        for found, fps in rates
        if window_s is None or CYCLES_A_WINDOW * found.batch * found.requests <= window_s * fps
    )


def rate_of(machine: str, model: str, configuration: Configuration) -> float:
    """Return the true rate of a configuration."""
    return rate(MACHINES[machine], WORKLOADS[model], configuration)


def share_of_best(
    machine: str, model: str, configuration: Configuration, window_s: float | None = None
) -> float:
    """Return a configuration's rate over the best, which is that of `best_fps`."""
    return rate_of(machine, model, configuration) / best_fps(machine, model, window_s)
