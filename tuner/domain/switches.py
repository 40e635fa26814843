"""Switches: properties with few values beside the default.

Switches for the use of a processor's cores are axes of its space. The others rarely matter, and
multiplied with streams, batch and requests they would make a space that no budget can search. They are
`late`: tried one at a time around the best configuration when the rest of the search is over.

Precision changes a model's outputs: its switches are there only where the user opens them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.domain.precision import ANY_PRECISION, HINTS_OWN, PRECISIONS
from tuner.domain.properties import PlainValue
from tuner.domain.space import DEFAULT, Axes, Choice, DeviceFacts, Point

PINNING_FROM_CORES = 4
"""Cores from which pinning is an axis: on 2 cores, unpinned threads ran at 0.99 to 1.01 of pinned ones."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A property and its values by choice.

    Attributes:
        property: OpenVINO's name of the property.
        values: Values by choice, without the default.
        late: Whether the switch is tried around the best configuration only.
        with_streams: Values by choice where `NUM_STREAMS` is set, if they differ.
        opened: Whether it is there only where the user opens precision.
    """

    property: str
    values: Mapping[str, PlainValue]
    late: bool = True
    with_streams: Mapping[str, PlainValue] | None = None
    opened: bool = False

    def values_beside(self, properties: Mapping[str, PlainValue]) -> Mapping[str, PlainValue]:
        """Return the values by choice, beside a device's other properties."""
        return self.with_streams if self.with_streams and "NUM_STREAMS" in properties else self.values


SWITCHES: Mapping[str, Switch] = {
    "pinning": Switch("ENABLE_CPU_PINNING", {"off": False}, late=False),
    # On one socket, the hint uses both threads of a core; with `NUM_STREAMS` and no hint, one is used.
    "hyper_threading": Switch(
        "ENABLE_HYPER_THREADING", {"other": False}, late=False, with_streams={"other": True}
    ),
    "core_type": Switch("SCHEDULING_CORE_TYPE", {"performance": "PCORE_ONLY"}, late=False),
    "auto_batching": Switch("ALLOW_AUTO_BATCHING", {"off": False}),
    "queue_throttle": Switch("GPU_QUEUE_THROTTLE", {"low": "LOW", "high": "HIGH"}),
    "queue_priority": Switch("GPU_QUEUE_PRIORITY", {"high": "HIGH"}),
    "host_task_priority": Switch("GPU_HOST_TASK_PRIORITY", {"high": "HIGH"}),
    "winograd": Switch("GPU_DISABLE_WINOGRAD_CONVOLUTION", {"off": True}),
    "loop_unrolling": Switch("GPU_ENABLE_LOOP_UNROLLING", {"off": False}),
    "turbo": Switch("NPU_TURBO", {"on": True}),
    "precision": Switch(
        "INFERENCE_PRECISION_HINT", {name: name for name in PRECISIONS}, late=False, opened=True
    ),
    "execution_mode": Switch("EXECUTION_MODE_HINT", {"accuracy": "ACCURACY"}, opened=True),
}
"""Switches by the name of their axis."""


def switch_axes(
    facts: DeviceFacts, late: bool, precision: Sequence[str] | None = None, crowded: bool = False
) -> Axes:
    """Return the axes of a device's switches: the late ones, or those of the whole space.

    Those of precision are among them where the user gives the precisions that are allowed. Where it is
    `crowded`, other processes run on the same cores.
    """
    axes: Axes = {
        axis: (DEFAULT, *switch.values)
        for axis, switch in SWITCHES.items()
        if switch.late == late
        and switch.property in facts.writable
        and _matters(axis, facts, crowded)
        and (precision is not None or not switch.opened)
    }
    if "precision" in axes:
        axes["precision"] = _precision_choices(facts, precision or ())
    return axes


def _precision_choices(facts: DeviceFacts, allowed: Sequence[str]) -> tuple[Choice, ...]:
    """Return the allowed precisions that a device has; that of its hint is the default where all are allowed.

    A device that has none of those that the user names keeps the default, as with streams.
    """
    if ANY_PRECISION in allowed:
        return (DEFAULT, *(name for name in facts.precisions if name != facts.default_precision))
    named = (
        DEFAULT if name == HINTS_OWN else name for name in allowed if name in (HINTS_OWN, *facts.precisions)
    )
    return tuple(named) or (DEFAULT,)


def switched(point: Point, own: Mapping[str, PlainValue], prefix: str = "") -> dict[str, PlainValue]:
    """Return a device's own properties and those that a point's switches set.

    In a combination, the names of axes begin with a device: `prefix`.
    """
    return {
        **own,
        **{
            switch.property: switch.values_beside(own)[str(choice)]
            for axis, switch in SWITCHES.items()
            if (choice := point.get(prefix + axis, DEFAULT)) != DEFAULT
        },
    }


def choice_made(axis: str, properties: Mapping[str, PlainValue]) -> Choice:
    """Return the choice of a switch that a device's properties stand for."""
    switch = SWITCHES[axis]
    value = properties.get(switch.property)
    values = switch.values_beside(properties)
    return next((choice for choice, known in values.items() if known == value), DEFAULT)


def property_set(axis: str, choice: Choice) -> frozenset[str]:
    """Return the name of the property that a choice sets; empty at the default and on other axes."""
    return frozenset({SWITCHES[axis].property} if axis in SWITCHES and choice != DEFAULT else ())


def _matters(axis: str, facts: DeviceFacts, crowded: bool) -> bool:
    match axis:
        case "pinning":
            return facts.logical_cores >= PINNING_FROM_CORES or facts.quota is not None or crowded
        case "hyper_threading":
            return facts.logical_cores > facts.physical_cores
        case "core_type":
            return facts.hybrid
    return True
