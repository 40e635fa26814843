"""Machines and models, as `tests/lanes/machine.py` needs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.domain.space import DeviceFacts

WRITABLE = frozenset(
    {
        "NUM_STREAMS",
        "INFERENCE_NUM_THREADS",
        "PERFORMANCE_HINT",
        "PERFORMANCE_HINT_NUM_REQUESTS",
        "ENABLE_CPU_PINNING",
        "ENABLE_HYPER_THREADING",
        "SCHEDULING_CORE_TYPE",
        "INFERENCE_PRECISION_HINT",
    }
)
"""Properties that the CPU plugin of OpenVINO 2026.4 lists as writable, as far as a search may care for them."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor, or several of a kind.

    Attributes:
        cores: Physical (performance) cores of a socket.
        sockets: Sockets, each with its own memory.
        threads_per_core: 2 with hyper-threading.
        efficient_cores: Efficiency cores of a hybrid processor; they have one thread each.
        socket_gbs: Bandwidth of a socket's memory, GB/s.
        core_gbs: Bandwidth that a core gets from memory; from the recorded AlexNet, whose weights no cache holds.
        cache_gbs: Bandwidth that a core gets from the last-level cache; from the recorded dense layers.
        l2_mb: Level-2 cache of a core, MiB.
        l3_mb: Last-level cache of a socket, MiB.
        speed: Arithmetic of a core, over a core of the recordings' host.
    """

    cores: int
    sockets: int = 1
    threads_per_core: int = 2
    efficient_cores: int = 0
    socket_gbs: float = 250.0
    core_gbs: float = 34.0
    cache_gbs: float = 53.0
    l2_mb: float = 1.0
    l3_mb: float = 64.0
    speed: float = 1.0

    @property
    def physical(self) -> int:
        """All physical cores."""
        return self.sockets * (self.cores + self.efficient_cores)

    @property
    def logical(self) -> int:
        """All hardware threads."""
        return self.sockets * (self.cores * self.threads_per_core + self.efficient_cores)

    def facts(self) -> DeviceFacts:
        """Return what the tuner would read of this machine."""
        return DeviceFacts(
            "CPU", self.logical, WRITABLE, self.logical, self.physical, self.efficient_cores > 0
        )

    def __str__(self) -> str:
        """`2 x 32 cores`, with a mark where cores have one thread."""
        text = f"{self.sockets} x {self.cores}" if self.sockets > 1 else str(self.cores)
        efficient = f" + {self.efficient_cores} efficiency" if self.efficient_cores else ""
        return f"{text}{efficient} cores" + (", hyper-threading" if self.threads_per_core > 1 else "")


@dataclass(frozen=True, slots=True)
class Workload:
    """A model, in times of one core of the recordings' host.

    Attributes:
        layers: Weighted layers (for a recurrent net its steps): each ends with a wait for all threads of the stream.
        compute_us: Arithmetic of an item.
        layer_us: Time of a layer that neither threads nor batch shorten: scheduling, short loops.
        sync_us: Time of a layer's wait for each doubling of a stream's threads.
        serial: Share of the arithmetic that one thread does alone.
        weights_mb: Weights, read once for each inference.
        live_mb: Activations of an item that are alive at the same time; beyond the caches of a stream's cores they spill.
        traffic_mb: What an item then reads and writes beyond them.
        gap_us: Idle time of a stream before the application starts its next request, where none waits.
        dispatch_us: Time of the application's thread for each request: the limit of its rate.
        largest_mb: Data of the largest 1x1 convolution or matrix product at batch 1, in f32, by which the hint judges the
            pressure on memory; 0 if it has none, which counts as low; None if the hint does not know it.
        base_mb: Memory of a process before streams and requests.
        stream_mb: Further memory of each item of a stream's batch.
        request_mb: Further memory of each item of a request's batch.
        compile_s: Seconds of compiling with one stream.
        stream_s: Further seconds for each doubling of the streams.
    """

    layers: int
    compute_us: float
    layer_us: float
    sync_us: float
    serial: float = 0.0
    weights_mb: float = 0.0
    live_mb: float = 0.0
    traffic_mb: float = 0.0
    gap_us: float = 25.0
    dispatch_us: float = 9.5
    largest_mb: float | None = 0.0
    base_mb: float = 100.0
    stream_mb: float = 1.0
    request_mb: float = 0.5
    compile_s: float = 0.1
    stream_s: float = 0.01


MACHINES: Mapping[str, Machine] = {
    "2 cores": Machine(2, threads_per_core=1, socket_gbs=100.0, l3_mb=32.0),
    "8 cores": Machine(8, socket_gbs=72.0, l3_mb=32.0),
    "6 + 8 cores": Machine(6, efficient_cores=8, socket_gbs=67.0, l3_mb=24.0, l2_mb=1.25),
    "16 cores": Machine(16, socket_gbs=113.0, l3_mb=48.0),
    "64 cores": Machine(64, socket_gbs=370.0, l3_mb=256.0),
    "2 x 32 cores": Machine(32, sockets=2, socket_gbs=245.0, l3_mb=60.0),
}
"""The recordings' host first; all others with hyper-threading. Bandwidths are 0.8 of what the memory channels give (a Xeon Platinum
8160 reads 112 of 128 GB/s on a socket, J. McCalpin, Stack Overflow): a desktop's two of DDR5-5600, a hybrid laptop's two of DDR5-5200, a
small server's six of DDR4-2933, twelve of DDR5-4800, and eight of DDR5-4800 a socket. Caches are those of such processors. The laptop has 6
performance and 8 efficiency cores and 24 MB of last-level cache, like Raptor Lake-H (notebookcheck.net); `SCHEDULING_CORE_TYPE` is an axis there,
and what an efficiency core is worth is in `tests/lanes/placement.py`."""

SERVERS = ("8 cores", "16 cores", "64 cores", "2 x 32 cores")
"""Machines from whose landscapes the guesses for servers are chosen."""
