"""Switches: properties with few values beside the default; and why other properties are not varied.

Switches for the use of a processor's cores are axes of its space. The others rarely matter, and
multiplied with streams, batch and requests they would make a space that no budget can search. They are
`late`: tried one at a time around the best configuration when the rest of the search is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """

    property: str
    values: Mapping[str, PlainValue]
    late: bool = True


SWITCHES: Mapping[str, Switch] = {
    "pinning": Switch("ENABLE_CPU_PINNING", {"off": False}, late=False),
    "hyper_threading": Switch("ENABLE_HYPER_THREADING", {"off": False}, late=False),
    "core_type": Switch("SCHEDULING_CORE_TYPE", {"performance": "PCORE_ONLY"}, late=False),
    "auto_batching": Switch("ALLOW_AUTO_BATCHING", {"off": False}),
    "queue_throttle": Switch("GPU_QUEUE_THROTTLE", {"low": "LOW", "high": "HIGH"}),
    "queue_priority": Switch("GPU_QUEUE_PRIORITY", {"high": "HIGH"}),
    "host_task_priority": Switch("GPU_HOST_TASK_PRIORITY", {"high": "HIGH"}),
    "winograd": Switch("GPU_DISABLE_WINOGRAD_CONVOLUTION", {"off": True}),
    "loop_unrolling": Switch("GPU_ENABLE_LOOP_UNROLLING", {"off": False}),
    "turbo": Switch("NPU_TURBO", {"on": True}),
}
"""Switches by the name of their axis."""

SEARCHED = frozenset({"NUM_STREAMS", "PERFORMANCE_HINT", "INFERENCE_NUM_THREADS", "SCHEDULE_POLICY"}) | {
    switch.property for switch in SWITCHES.values()
}
"""Properties that a search may set."""

_PRECISION = "changes the model's outputs, and precision is changed only when asked for"
_ADDRESS = "names a file or a device and does not change the speed"
_LOADING = "changes how a model is loaded, not how fast it runs"
_LOGGING = "turns logging or profiling on, nothing else"
_SOCKETS = "splits a model over processor sockets; no machine with two sockets was measured"
_LANGUAGE = "is for language models; no language model was measured"

NOT_SEARCHED: Mapping[str, str] = {
    "ACTIVATIONS_SCALE_FACTOR": _PRECISION,
    "CPU_DENORMALS_OPTIMIZATION": _PRECISION,
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": _PRECISION,
    "EXECUTION_MODE_HINT": _PRECISION,
    "INFERENCE_PRECISION_HINT": _PRECISION,
    "KEY_CACHE_PRECISION": _PRECISION,
    "KV_CACHE_PRECISION": _PRECISION,
    "VALUE_CACHE_PRECISION": _PRECISION,
    "KEY_CACHE_GROUP_SIZE": _LANGUAGE,
    "VALUE_CACHE_GROUP_SIZE": _LANGUAGE,
    "GPU_ENABLE_LORA_OPERATION": _LANGUAGE,
    "GPU_ENABLE_SDPA_OPTIMIZATION": _LANGUAGE,
    "CONFIG_FILE": _ADDRESS,
    "DEVICE_ID": _ADDRESS,
    "WEIGHTS_PATH": _ADDRESS,
    "MODEL_PTR": _ADDRESS,
    "CACHE_DIR": "changes how a model is loaded; a search uses it itself and checks what it loads",
    "CACHE_ENCRYPTION_CALLBACKS": _LOADING,
    "CACHE_MODE": _LOADING,
    "COMPILATION_NUM_THREADS": _LOADING,
    "ENABLE_WEIGHTLESS": _LOADING,
    "NPU_BYPASS_UMD_CACHING": _LOADING,
    "NPU_COMPILER_TYPE": "chooses between two compilers for an NPU; no machine with an NPU was measured",
    "NPU_DEFER_WEIGHTS_LOAD": _LOADING,
    "OFFLOAD_RATIO": "saves memory: a share of the weights is read while the model runs",
    "LOG_LEVEL": _LOGGING,
    "PERF_COUNT": _LOGGING,
    "MODEL_PRIORITY": "ranks several models; on a GPU it sets the queue's priority, which is searched",
    "PERFORMANCE_HINT_NUM_REQUESTS": "lowers the streams that the hint takes, and streams are searched",
    "ENABLE_CPU_RESERVATION": "reserves cores among the models of a process; a search runs one model",
    "GPU_ENABLE_LARGE_ALLOCATIONS": "allows buffers above 4 GB; OpenVINO reports when a model needs them",
    "ENABLE_TENSOR_PARALLEL": _SOCKETS,
    "MODEL_DISTRIBUTION_POLICY": _SOCKETS,
    "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": "is for sparse INT8 weights; no model with them was measured",
    "TBB_PARTITIONER": "divides work among threads in another way; no gain has been published",
}
"""Why a writable property is not varied, for each such property of the CPU and GPU plugins (2026.4)."""

NOT_SEARCHED_ALONE: Mapping[str, Mapping[str, str]] = {
    "CPU": {"INFERENCE_NUM_THREADS": "is varied in combinations, whose devices share the cores"},
    "GPU": {"ENABLE_CPU_PINNING": "binds the threads that feed a GPU; no GPU hardware was measured"},
}
"""Why a property that is varied elsewhere is not varied on one of these devices alone."""


def switch_axes(facts: DeviceFacts, late: bool) -> Axes:
    """Return the axes of a device's switches: the late ones, or those of the whole space."""
    return {
        axis: (DEFAULT, *switch.values)
        for axis, switch in SWITCHES.items()
        if switch.late == late and switch.property in facts.writable and _matters(axis, facts)
    }


def switched(point: Point, prefix: str = "") -> dict[str, PlainValue]:
    """Return the properties that a point's switches set; in a combination, axes begin with a device."""
    return {
        switch.property: switch.values[str(choice)]
        for axis, switch in SWITCHES.items()
        if (choice := point.get(prefix + axis, DEFAULT)) != DEFAULT
    }


def choice_made(axis: str, properties: Mapping[str, PlainValue]) -> Choice:
    """Return the choice of a switch that properties stand for."""
    switch = SWITCHES[axis]
    value = properties.get(switch.property)
    return next((choice for choice, known in switch.values.items() if known == value), DEFAULT)


def property_set(axis: str, choice: Choice) -> frozenset[str]:
    """Return the name of the property that a choice sets; empty at the default and on other axes."""
    return frozenset({SWITCHES[axis].property} if axis in SWITCHES and choice != DEFAULT else ())


def _matters(axis: str, facts: DeviceFacts) -> bool:
    match axis:
        case "pinning":
            return facts.logical_cores >= PINNING_FROM_CORES
        case "hyper_threading":
            return facts.logical_cores > facts.physical_cores
        case "core_type":
            return facts.hybrid
    return True
