"""Prints what is searched of a device's properties, and why not the rest; `make docs` writes `docs/properties.md`."""

import sys
from collections.abc import Mapping

from tuner.domain.properties import as_text
from tuner.domain.switches import SWITCHES, Switch

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
    "CPU": {
        "INFERENCE_NUM_THREADS": "is varied for latency and CPU time, under a quota, and in combinations"
    },
    "GPU": {"ENABLE_CPU_PINNING": "binds the threads that feed a GPU; no GPU hardware was measured"},
}
"""Why a property that is varied elsewhere is not varied on one of these devices alone."""

HEAD = """# Properties

Made by `make docs` from `tuner/domain/switches.py` and `tests/publishing/properties_reference.py`, which a test compares with what
the CPU and GPU plugins of OpenVINO 2026.4 list as writable.

Every target is searched over streams (`NUM_STREAMS`, or left to `PERFORMANCE_HINT`), batch and infer requests. For
devices in a combination, `INFERENCE_NUM_THREADS` without pinning is added. At the end of the search, a combination also
varies the order of its devices, `SCHEDULE_POLICY`, and requests for each device.

## Switches

*Early* switches are varied from the beginning, on machines where they can make a difference. *Late* switches are tried
one at a time around the best configuration, in the last part of the search, when time is left. The summary says which
were tried. Of the precisions, only those are tried that a device lists in `OPTIMIZATION_CAPABILITIES`.

| property | values beside the default | when |
| --- | --- | --- |
"""
MIDDLE = """
## Writable, and not searched

| property | why |
| --- | --- |
"""


def values_of(switch: Switch) -> str:
    """Return a switch's values beside the default, and those beside a number of streams if they differ."""
    alone = ", ".join(map(as_text, switch.values.values()))
    if switch.with_streams is None:
        return alone
    return f"{alone}; with `NUM_STREAMS` {', '.join(map(as_text, switch.with_streams.values()))}"


def when(switch: Switch) -> str:
    """Return when a switch is varied."""
    return ("late" if switch.late else "early") + ", where precision is searched" * switch.opened


def reference() -> str:
    switches = (
        f"| `{switch.property}` | {values_of(switch)} | {when(switch)} |\n" for switch in SWITCHES.values()
    )
    rest = (f"| `{name}` | {why} |\n" for name, why in sorted(NOT_SEARCHED.items()))
    alone = (
        f"| `{name}` on a {device} alone | {why} |\n"
        for device, reasons in NOT_SEARCHED_ALONE.items()
        for name, why in reasons.items()
    )
    return "".join([HEAD, *switches, MIDDLE, *rest, *alone])


if __name__ == "__main__":
    sys.stdout.write(reference())
