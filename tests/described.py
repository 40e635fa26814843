"""Devices that no test machine has, described as their plugins report them.

The GPU is a discrete GPU; an integrated GPU runs in tests/gpu. The lists are those of OpenVINO 2026.4: the GPU's as the
plugin reports it (over tests/gpu), the NPU's as it does without a driver, with what a driver adds (2026.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from openvino import Type

from tests.lanes.simulated import SimulatedDevice
from tuner.domain.configuration import Configuration, Effective

GPU = {
    "AVAILABLE_DEVICES": ("RO", ["0"]),
    "RANGE_FOR_ASYNC_INFER_REQUESTS": ("RO", (1, 2, 1)),
    "RANGE_FOR_STREAMS": ("RO", (1, 2)),
    "OPTIMAL_BATCH_SIZE": ("RO", 1),
    "MAX_BATCH_SIZE": ("RO", 1),
    "DEVICE_TYPE": ("RO", "discrete"),
    "FULL_DEVICE_NAME": ("RO", "Intel(R) Arc(TM) A770 Graphics (dGPU)"),
    "OPTIMIZATION_CAPABILITIES": ("RO", ["FP32", "BIN", "FP16", "INT8", "GPU_HW_MATMUL", "EXPORT_IMPORT"]),
    "PERF_COUNT": ("RW", False),
    "MODEL_PRIORITY": ("RW", "MEDIUM"),
    "GPU_HOST_TASK_PRIORITY": ("RW", "MEDIUM"),
    "GPU_QUEUE_PRIORITY": ("RW", "MEDIUM"),
    "GPU_QUEUE_THROTTLE": ("RW", "MEDIUM"),
    "GPU_DISABLE_WINOGRAD_CONVOLUTION": ("RW", False),
    "GPU_ENABLE_LARGE_ALLOCATIONS": ("RW", False),
    "GPU_ENABLE_LOOP_UNROLLING": ("RW", True),
    "COMPILATION_NUM_THREADS": ("RW", 2),
    "CACHE_DIR": ("RW", ""),
    "CACHE_MODE": ("RW", "OPTIMIZE_SPEED"),
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": ("RW", 0),
    "KV_CACHE_PRECISION": ("RW", "dynamic"),
    "PERFORMANCE_HINT": ("RW", "LATENCY"),
    "PERFORMANCE_HINT_NUM_REQUESTS": ("RW", 0),
    "EXECUTION_MODE_HINT": ("RW", "PERFORMANCE"),
    "NUM_STREAMS": ("RW", 1),
    "INFERENCE_PRECISION_HINT": ("RW", Type.f16),
    "ENABLE_CPU_PINNING": ("RW", False),
    "ENABLE_CPU_RESERVATION": ("RW", False),
}
NPU = {
    "AVAILABLE_DEVICES": ("RO", ["3720"]),
    "RANGE_FOR_ASYNC_INFER_REQUESTS": ("RO", (1, 8, 1)),
    "RANGE_FOR_STREAMS": ("RO", (0, 8)),
    "NUM_STREAMS": ("RO", 1),
    "FULL_DEVICE_NAME": ("RO", "Intel(R) AI Boost"),
    "OPTIMIZATION_CAPABILITIES": ("RO", ["FP16", "INT8", "EXPORT_IMPORT"]),
    "INFERENCE_PRECISION_HINT": ("RW", Type.f16),
    "PERFORMANCE_HINT": ("RW", "LATENCY"),
    "NPU_TURBO": ("RW", False),
    "CACHE_DIR": ("RW", ""),
}
NPU_WITHOUT_DRIVER = {
    **dict.fromkeys(
        (
            "CACHE_DIR", "DEVICE_ID", "LOG_LEVEL", "MODEL_PRIORITY", "NPU_BYPASS_UMD_CACHING", "NPU_COMPILER_TYPE",
            "NPU_DEFER_WEIGHTS_LOAD", "NUM_STREAMS", "PERFORMANCE_HINT", "PERFORMANCE_HINT_NUM_REQUESTS",
            "PERF_COUNT", "WEIGHTS_PATH",
        ),
        "RW",
    ),
    **dict.fromkeys(
        (
            "AVAILABLE_DEVICES", "DEVICE_GOPS", "DEVICE_PCI_INFO", "DEVICE_TYPE", "DEVICE_UUID", "EXECUTION_DEVICES",
            "MODEL_PTR", "NPU_COMPILER_VERSION", "NPU_DEVICE_ALLOC_MEM_SIZE", "NPU_DEVICE_TOTAL_MEM_SIZE",
            "NPU_DRIVER_VERSION", "OPTIMAL_NUMBER_OF_INFER_REQUESTS", "OPTIMIZATION_CAPABILITIES",
            "RANGE_FOR_ASYNC_INFER_REQUESTS", "RANGE_FOR_STREAMS", "SUPPORTED_PROPERTIES",
        ),
        "RO",
    ),
    "CACHE_ENCRYPTION_CALLBACKS": "WO",
}  # fmt: skip
"""Its plugin lists these on any machine: streams that can be written, no turbo, no precision, no name."""

ODD = {"FULL_DEVICE_NAME": ("RO", "Somebody's accelerator"), "PERFORMANCE_HINT": ("RW", "LATENCY")}
BROKEN = {"FULL_DEVICE_NAME": ("RO", RuntimeError("no driver"))}
MULTI = {"SCHEDULE_POLICY": ("RW", "DEVICE_PRIORITY")}


class DescribedCore:
    """Answers like `ov.Core` for devices given as tables."""

    def __init__(self, **described):
        self._described = described
        self.available_devices = [name for name in described if name != "MULTI"]

    def get_property(self, device, name, arguments=None):
        if name == "SUPPORTED_PROPERTIES":
            return {key: access for key, (access, _) in self._described[device].items()}
        value = self._described[device][name][1]
        if isinstance(value, RuntimeError):
            raise value
        return value


@dataclass(frozen=True, slots=True)
class DescribedDevice(SimulatedDevice):
    """A simulated device that takes the properties of its description, and no others.

    Attributes:
        described: Access and value by property.
    """

    described: Mapping[str, tuple[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "broken", self.refusal)

    def refusal(self, configuration: Configuration) -> str | None:
        """Say which property it does not take; automatic batching is OpenVINO's own."""
        taken = {name for name, (access, _) in self.described.items() if access == "RW"}
        taken |= {"ALLOW_AUTO_BATCHING"} if "OPTIMAL_BATCH_SIZE" in self.described else set()
        refused = set(configuration.plain_properties) - taken
        return f"NotFound: Unsupported property {min(refused)}" if refused else None

    def effective(self, configuration: Configuration) -> Effective:
        """Tell what such a device tells: no threads, f16, and its switches as they were set."""
        plain = super(DescribedDevice, self).effective(configuration)
        switches = tuple(
            pair for pair in configuration.properties if pair[0] not in {"PERFORMANCE_HINT", "NUM_STREAMS"}
        )
        return replace(plain, threads=None, pinned=None, precision="f16", settings=switches)


def described(table: Mapping[str, tuple[str, Any]], **options: Any) -> DescribedDevice:
    """Return a simulated device with as many streams as its description reports."""
    _, (_, streams) = table.get("RANGE_FOR_STREAMS", ("RO", (1, 1)))
    return DescribedDevice(cores=streams, described=table, **options)
