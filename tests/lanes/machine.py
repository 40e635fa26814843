"""A server that is not here: the rate of a model on a machine with many cores, in virtual time.

`tests/lanes/placement.py` places a configuration by OpenVINO's rules; here its rate follows from a sum of times, which are those
of a core of the recordings' host. What each term was taken from is written at it. Streams use memory for their
buffers and make compiling longer (OpenVINO's `advanced_throughput_options.rst`); how much, the recordings say.

Three figures are assumptions without a source: `UNPINNED`, `HYPER_LOSS` and `SMOOTH`. Checks against published figures of larger
machines are in `tests/lanes/published.py`. Rates over streams, batch and requests of one server were found nowhere, so the
shape of a landscape there is this model's and not a measurement's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.lanes.placement import Placement, place
from tests.lanes.servers import WRITABLE, Machine, Workload
from tests.lanes.simulated import Noise, SimulatedLane, SimulatedLanes
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.sample import Window
from tuner.errors import LaneError
from tuner.measure.lane import LaneFacts

HYPER_GAIN = 0.1
"""What a second thread on a core gains where the first one only waits: "around 10 %" on a Xeon, Intel's "Hyper-Thread Tuning Guide for
End to End Video AI Workload" (2023), the one measured figure for inference that was found."""

HYPER_LOSS = 0.05
"""What it loses where all is arithmetic. Assumed; a study of ResNet on Xeon 6 only says that throughput falls beyond the
physical cores (arXiv 2602.16858)."""

REMOTE = 34 / 112
"""Bandwidth of the other socket's memory over that of a socket's own: Xeon Platinum 8160, reads (J. McCalpin, Stack Overflow)."""

UNPINNED = 0.02
"""What unpinned threads lose for each socket. Assumed: the recordings' host lost nothing on 2 cores (`tuner/domain/switches.py`), and
the documents call pinning faster without a figure."""

SMOOTH = 6.0
"""How sharply a rate bends into a limit: exponent of a norm over the limits' times. Assumed."""


def rate(machine: Machine, workload: Workload, configuration: Configuration) -> float:
    """Return the rate of a configuration in items per second, without noise."""
    placed = place(machine, workload, configuration)
    return placed_rate(
        machine, workload, placed, configuration.batch, configuration.requests or placed.streams
    )


def placed_rate(machine: Machine, workload: Workload, placed: Placement, batch: int, requests: int) -> float:
    """Return the rate of a placement: that of its streams, bent into the limits of memory and of the application."""
    spilled, streams = spilled_share(machine, workload, placed, batch), placed.streams
    busy = min(requests, streams)
    seconds = inference_us(machine, workload, placed, batch, requests, spilled) * 1e-6
    limits = [seconds / (busy * batch), workload.dispatch_us * 1e-6 / batch]
    far = memory_mb(machine, workload, placed, batch, spilled)
    if far:
        local = machine.sockets if placed.crossing else placed.sockets
        gbs = local * machine.socket_gbs * (1 - placed.crossing * (1 - REMOTE))
        limits.append(far / (gbs * 1e3))
    slowest = max(limits)
    item_s = slowest * sum((limit / slowest) ** SMOOTH for limit in limits) ** (1 / SMOOTH)
    unpinned = 0.0 if placed.pinned else UNPINNED * (placed.sockets if streams * placed.threads > 2 else 0)
    return (1 - unpinned) / item_s


def inference_us(
    machine: Machine, workload: Workload, placed: Placement, batch: int, requests: int, spilled: float
) -> float:
    """Return the time from one inference of a stream to its next.

    A layer's fixed time and the wait of its threads do not shrink with the batch; arithmetic follows Amdahl's law; weights and
    spilled activations pass at the bandwidth of the stream's cores.
    """
    cores = placed.cores / placed.streams
    slower = max(1.0, 1 / cores)  # streams that share a core
    fixed = workload.layers * workload.layer_us * slower
    waiting = workload.layers * workload.sync_us * math.log2(placed.threads) * (1 + placed.crossing)
    work = workload.compute_us * batch / machine.speed
    shared = work * (workload.serial * slower + (1 - workload.serial) / cores)
    gbs = machine.cache_gbs if workload.weights_mb <= machine.l3_mb else machine.core_gbs
    moved = workload.weights_mb / gbs + spilled * batch * workload.traffic_mb / machine.cache_gbs
    moving = moved * 1e3 / cores
    spent = fixed + waiting + shared + moving
    if placed.hyper:
        arithmetic = shared / spent
        spent /= 1 + HYPER_GAIN * (1 - arithmetic) - HYPER_LOSS * arithmetic
    return spent + workload.gap_us * idle_share(placed.streams, requests)


def idle_share(streams: int, requests: int) -> float:
    """Return how much of the gap between requests a stream stays idle.

    Recordings: all of it with one request a stream, an eighth with two, nothing with four; nothing with one stream.
    """
    queued = requests / streams
    return (1 - 1 / streams) * min(1.0, max(0.0, (15 - 7 * queued) / 8))


def spilled_share(machine: Machine, workload: Workload, placed: Placement, batch: int) -> float:
    """Return the share of a stream's activations that its cores' level-2 caches do not hold."""
    alive = batch * workload.live_mb
    kept = machine.l2_mb * placed.cores / placed.streams
    return max(0.0, 1 - kept / alive) if alive else 0.0


def memory_mb(machine: Machine, workload: Workload, placed: Placement, batch: int, spilled: float) -> float:
    """Return what passes between memory and caches for each item: what the last-level caches do not hold."""
    weights = workload.weights_mb / batch if workload.weights_mb > machine.l3_mb else 0.0
    alive = batch * workload.live_mb * placed.streams
    held = machine.l3_mb * placed.sockets
    return weights + spilled * workload.traffic_mb * (max(0.0, 1 - held / alive) if alive else 0.0)


@dataclass(frozen=True, slots=True)
class MachineDevice:
    """A model on a machine, as simulated lanes need it.

    Attributes:
        machine: The machine.
        workload: The model.
        wrong: Whether a configuration gives other answers than the rest.
    """

    machine: Machine
    workload: Workload
    wrong: Callable[[Configuration], bool] = lambda _: False

    def broken(self, configuration: Configuration) -> str | None:
        """Say which property the CPU plugin does not take, or None."""
        refused = set(configuration.plain_properties) - WRITABLE
        return f"NotFound: Unsupported property {min(refused)} by CPU plugin" if refused else None

    def effective(self, configuration: Configuration) -> Effective:
        """Return what the plugin makes of a configuration."""
        placed = place(self.machine, self.workload, configuration)
        settings: tuple[tuple[str, bool | str], ...] = (("ENABLE_HYPER_THREADING", placed.hyper),)
        if core_type := configuration.plain_properties.get("SCHEDULING_CORE_TYPE"):
            settings += (("SCHEDULING_CORE_TYPE", str(core_type)),)
        return Effective(
            ("CPU",),
            placed.streams,
            placed.streams * placed.threads,
            placed.pinned,
            "f32",
            configuration.batch,
            configuration.requests or placed.streams,
            settings=settings,
        )

    def fps(self, effective: Effective) -> float:
        """Return the true rate in items per second."""
        return rate(self.machine, self.workload, configuration_of(effective))

    def busy_cores(self, effective: Effective) -> float:
        """Return how many of its threads work: those of the streams that have a request."""
        return (effective.threads or 1) * min(1.0, effective.requests / (effective.streams or 1))

    def off_by(self, effective: Effective) -> float:
        """Return how far its outputs are from those in f32: it computes in f32."""
        return 0.0

    def compile_s(self, effective: Effective) -> float:
        """Return the seconds of compiling.

        Streams make their graphs at the same time, each on its own cores (OpenVINO's `compiled_model.cpp`), so what a second
        stream costs on 2 cores is taken for each doubling.
        """
        return self.workload.compile_s + self.workload.stream_s * math.log2(effective.streams or 1)

    def memory_mb(self, effective: Effective) -> float:
        """Return the memory of a lane."""
        workload, streams = self.workload, effective.streams or 1
        items = workload.stream_mb * streams + workload.request_mb * effective.requests
        return workload.base_mb + items * effective.batch


def configuration_of(effective: Effective) -> Configuration:
    """Return a configuration that is placed as this effective one was."""
    properties: dict[str, object] = {"NUM_STREAMS": effective.streams, "ENABLE_CPU_PINNING": effective.pinned}
    return Configuration.of("CPU", properties | dict(effective.settings), effective.batch, effective.requests)


OPEN_S = 0.1
"""Seconds from asking for a lane until it is ready, without compiling: the recordings' median."""


class MachineLanes(SimulatedLanes):
    """Opens lanes on a machine: simulated noise, the machine's times."""

    def __init__(self, device: MachineDevice, noise: Noise | None = None, seed: int = 0) -> None:
        """Simulate `device` under `noise`."""
        super().__init__(None, noise, seed)
        self.device: MachineDevice = device

    def open(self, configuration: Configuration) -> MachineLane:
        """Compile, which takes longer with more streams."""
        self.opened.append(configuration)
        if why := self.device.broken(configuration):
            self.spend(OPEN_S)
            raise LaneError(why)
        lane = MachineLane(self, configuration)
        self.spend(OPEN_S + lane.facts.compile_s)
        self.lanes.append(lane)
        return lane


class MachineLane(SimulatedLane):
    """One configuration on a machine."""

    def __init__(self, lanes: MachineLanes, configuration: Configuration) -> None:
        """Hold `configuration`."""
        super().__init__(lanes, configuration)
        self._device = lanes.device

    @property
    def facts(self) -> LaneFacts:
        """What was compiled, and how long that took."""
        seconds = self._device.compile_s(self._effective)
        return LaneFacts(self._effective, self._effective.streams or 1, seconds, seconds)

    def window(self, seconds: float) -> Window:
        """Return a window's figures; a heavy configuration takes as long as its whole cycles."""
        return replace(super().window(seconds), memory_mb=self._device.memory_mb(self._effective))
