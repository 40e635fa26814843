"""Where OpenVINO's CPU plugin puts a configuration: streams, threads, sockets.

The rules, and where they are written (openvinotoolkit/openvino, releases 2024 and 2025; facts only):

- At least one thread a stream: `NUM_STREAMS` above the threads is reduced to them. `RANGE_FOR_STREAMS` ends at the logical
  cores (`docs/.../performance-hint-and-thread-scheduling.rst`; `src/plugins/intel_cpu/src/plugin.cpp`).
- `THROUGHPUT` chooses threads a stream from the pressure on memory: 1 at low, 2 at medium, 3 to 5 at high pressure; at low
  pressure 2 where each core has two threads (`get_model_prefer_threads` in `src/plugins/intel_cpu/src/cpu_streams_calculation.cpp`).
  Pressure is a core's L2 cache over the data of the largest 1x1 convolution or matrix product: below 0.5 it is high
  (`src/inference/src/dev/performance_heuristics.cpp`; wider vector units move that threshold, which is left out here).
- Hyper-threading is used by the hint on one socket only; with `NUM_STREAMS` and no hint the plugin's default hint, `LATENCY`,
  leaves it out (`apply_hyper_threading` in `cpu_map_scheduling.cpp`; `config.h`; issues 14781 and 15994).
- One stream stays on one socket; streams cross sockets only where they do not divide (`get_streams_info_table`).
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.lanes.servers import Machine, Workload
from tuner.domain.configuration import Configuration

PRESSED = 0.5
"""L2 cache over the data of the largest layer below which memory is under high pressure: `MemBandwidthPressure::LIMITED`."""

EFFICIENT_SPEED = 0.5
"""An efficiency core beside a performance core: `fp32_threshold` of `get_model_prefer_threads` is 2."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the plugin puts a configuration.

    Attributes:
        streams: Streams that it makes.
        threads: Threads of a stream.
        sockets: Sockets that are used.
        crossing: Share of the streams whose threads are on two sockets.
        hyper: Whether both threads of cores are used.
        pinned: Whether threads are bound to cores.
        cores: Cores that the streams use together, an efficiency core counted by its speed.
    """

    streams: int
    threads: int
    sockets: int
    crossing: float
    hyper: bool
    pinned: bool
    cores: float


def place(machine: Machine, workload: Workload, configuration: Configuration) -> Placement:
    """Place a configuration as the CPU plugin would."""
    properties = configuration.plain_properties
    hinted = properties.get("PERFORMANCE_HINT") == "THROUGHPUT"
    efficient = 0 if properties.get("SCHEDULING_CORE_TYPE") == "PCORE_ONLY" else machine.efficient_cores
    hyper = machine.threads_per_core > 1 and bool(
        properties.get("ENABLE_HYPER_THREADING", hinted and machine.sockets == 1)
    )
    sockets = machine.sockets
    own = machine.cores * (2 if hyper else 1) + efficient
    if "NUM_STREAMS" in properties:
        streams = min(int(str(properties["NUM_STREAMS"])), sockets * own)
    else:
        streams = sockets * own // hinted_threads(machine, workload, hyper, efficient, sockets * own)
    if streams == 1:
        sockets = 1
    # A stream never has more threads than there are cores: the second threads of cores make further streams.
    most = machine.physical if streams > 1 else own
    threads = max(1, min(sockets * own // streams, most))
    inside = sockets * (own // threads)
    crossing = max(0, streams - inside) / streams if sockets > 1 else 0.0
    shared = streams * threads / (sockets * own)
    cores = sockets * (machine.cores + EFFICIENT_SPEED * efficient) * min(1.0, shared)
    pinned = bool(properties.get("ENABLE_CPU_PINNING", True))
    return Placement(streams, threads, sockets, crossing, hyper, pinned, cores)


def hinted_threads(machine: Machine, workload: Workload, hyper: bool, efficient: int, threads: int) -> int:
    """Return the threads a stream that `THROUGHPUT` chooses."""
    if workload.largest_mb is not None and workload.largest_mb * PRESSED < machine.l2_mb:
        return min(2 if hyper and not efficient else 1, threads)
    own = min(threads, machine.cores)
    for count in (4, 5, 3):
        if own % count == 0:
            break
    else:
        count = own if machine.sockets == 1 else 4 if own > 16 else max(1, own // 4)
    while threads // count * 2 <= count and count > 1:
        count //= 2
    return count
