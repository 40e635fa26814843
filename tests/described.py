"""Devices that no test machine has, described as their plugins report them (GPU 2026.3, NPU 2026.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from openvino import Type

from tuner.domain.configuration import Configuration, Effective
from tuner.measure.simulated import SimulatedDevice

GPU = {
    "AVAILABLE_DEVICES": ("RO", ["0"]),
    "RANGE_FOR_ASYNC_INFER_REQUESTS": ("RO", (1, 2, 1)),
    "RANGE_FOR_STREAMS": ("RO", (1, 2)),
    "OPTIMAL_BATCH_SIZE": ("RO", 1),
    "MAX_BATCH_SIZE": ("RO", 1),
    "FULL_DEVICE_NAME": ("RO", "Intel(R) Graphics [0x46a6] (iGPU)"),
    "OPTIMIZATION_CAPABILITIES": ("RO", ["FP32", "BIN", "FP16", "INT8"]),
    "PERF_COUNT": ("RW", False),
    "MODEL_PRIORITY": ("RW", "MEDIUM"),
    "GPU_HOST_TASK_PRIORITY": ("RW", "MEDIUM"),
    "GPU_QUEUE_PRIORITY": ("RW", "MEDIUM"),
    "GPU_QUEUE_THROTTLE": ("RW", "MEDIUM"),
    "PERFORMANCE_HINT": ("RW", "LATENCY"),
    "EXECUTION_MODE_HINT": ("RW", "PERFORMANCE"),
    "NUM_STREAMS": ("RW", 1),
    "INFERENCE_PRECISION_HINT": ("RW", Type.f16),
    "ENABLE_CPU_PINNING": ("RW", False),
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
        told = super(DescribedDevice, self).effective(configuration)
        switches = tuple(
            pair for pair in configuration.properties if pair[0] not in {"PERFORMANCE_HINT", "NUM_STREAMS"}
        )
        return replace(told, threads=None, pinned=None, precision="f16", settings=switches)


def described(table: Mapping[str, tuple[str, Any]], **options: Any) -> DescribedDevice:
    """Return a simulated device with as many streams as its description reports."""
    _, (_, streams) = table.get("RANGE_FOR_STREAMS", ("RO", (1, 1)))
    return DescribedDevice(cores=streams, described=table, **options)
