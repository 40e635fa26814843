"""A lane without a device: a throughput model with the noise of a busy machine.

It makes searches repeatable and fast: time is virtual, every random number seeded. The noise has
what real windows show: slow drift that all lanes share, bursts that hit some windows of a round
and not others, jitter, and rare outliers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tests.lanes.in_turn import open_in_turn
from tests.lanes.virtual_server import VirtualServer
from tuner.domain.configuration import Configuration, Effective
from tuner.domain.load import Arrivals
from tuner.domain.sample import Window
from tuner.domain.target import target_of
from tuner.errors import Interrupted, LaneError
from tuner.measure.lane import Answers, Lane, LaneFacts, Reference
from tuner.measure.open_loop import serve_arrivals


@dataclass(frozen=True, slots=True)
class Noise:
    """How far simulated windows stray; all on the logarithmic scale.

    Attributes:
        jitter: Deviation of each window on its own.
        drift: Amplitude of the slow wave that all lanes share.
        burst_share: Share of time in which something else runs.
        burst: How much slower everything is in a burst.
        outlier_share: Share of windows hit on their own.
        outlier: How much slower those are.
        luck: Deviation of a process, for as long as it lives.
        sentinel: Deviation of each sentinel on its own.
    """

    jitter: float = 0.01
    drift: float = 0.1
    burst_share: float = 0.1
    burst: float = 0.25
    outlier_share: float = 0.02
    outlier: float = 0.3
    luck: float = 0.01
    sentinel: float = 0.01


Disturbance = Callable[[float, Configuration], float]
"""The share of its speed that a configuration has left at a moment, while something else disturbs the host."""


def undisturbed(_at_s: float, _configuration: Configuration) -> float:
    return 1.0


QUIET = Noise(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

SENTINEL = Configuration.of("CPU", {}, 1, 1)
"""What a disturbance is asked about for the sentinel, which is no lane."""

MOST_LATENCIES = 100
"""Requests that a simulated window tells of: more would all be the same."""

SENTINEL_S = 0.002
"""Seconds that a sentinel takes where nothing slows it."""


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """A CPU of `cores` cores and a model on it.

    Attributes:
        cores: Streams and threads at most; more are clamped, as the CPU plugin does.
        base_fps: Rate of one stream a core at batch 1.
        batch_gain: Gain of an endless batch, e.g. 2.0; half of the way is reached at batch 8.
        one_stream: Relative rate of a single stream on all cores.
        more_requests: Gain of two requests a stream over one.
        broken: Says why a configuration fails to compile, or None.
        wrong: Whether a configuration gives other answers than the rest.
        precision: What it computes in where nothing is asked for.
        error: How far the outputs of each precision are from those in f32, as a share of the largest value.
        speed: Relative rate of each precision.
        beside: Relative rate of all copies together, of what a single process has.
    """

    cores: int = 2
    base_fps: float = 100.0
    batch_gain: float = 1.5
    one_stream: float = 0.9
    more_requests: float = 1.02
    broken: Callable[[Configuration], str | None] = lambda _: None
    wrong: Callable[[Configuration], bool] = lambda _: False
    precision: str = "f32"
    error: Mapping[str, float] = field(default_factory=dict)
    speed: Mapping[str, float] = field(default_factory=dict)
    beside: Callable[[Effective], float] = lambda _: 1.0

    def effective(self, configuration: Configuration) -> Effective:
        """Return what the device makes of a configuration."""
        properties: Mapping[str, object] = configuration.plain_properties
        usual = 1 if properties.get("PERFORMANCE_HINT") == "LATENCY" else self.cores
        streams = min(int(str(properties.get("NUM_STREAMS", usual))), self.cores)
        return Effective(
            (configuration.device,),
            streams,
            self.cores,
            bool(properties.get("ENABLE_CPU_PINNING", True)),
            str(properties.get("INFERENCE_PRECISION_HINT", self.precision)),
            configuration.batch,
            configuration.requests or streams,
            max_wait_ms=configuration.max_wait_ms,
            copies=configuration.copies,
            slices=configuration.slices,
        )

    def off_by(self, effective: Effective) -> float:
        """Return how far its outputs are from those in f32."""
        return self.error.get(effective.precision or "", 0.0)

    def fps(self, effective: Effective) -> float:
        """Return the true rate in items per second."""
        streams, batch = effective.streams or 1, effective.batch
        gain = 1 + (self.batch_gain - 1) * (batch - 1) / (batch + 6)
        sharing = 1.0 if self.cores == 1 else self.one_stream ** ((self.cores - streams) / (self.cores - 1))
        busy = min(1.0, effective.requests / streams)
        queued = self.more_requests if effective.requests >= 2 * streams else 1.0
        rounding = self.speed.get(effective.precision or "", 1.0)
        return self.base_fps * gain * sharing * busy * queued * rounding * self.beside(effective)

    def busy_cores(self, effective: Effective) -> float:
        """Return how many cores work: those of the streams that have a request."""
        return self.cores * min(1.0, effective.requests / (effective.streams or 1))


@dataclass(frozen=True, slots=True)
class SimulatedHost:
    """Several devices in one machine, alone and together.

    Attributes:
        devices: By name, in no order.
        together: Share of the plain sum of its devices' rates that a combination reaches.
        missing: Devices that OpenVINO silently leaves out of combinations.
    """

    devices: Mapping[str, SimulatedDevice]
    together: float = 0.9
    missing: frozenset[str] = frozenset()

    def broken(self, configuration: Configuration) -> str | None:
        """Say why a configuration fails to compile, or None: combinations go on without a member."""
        target = target_of(configuration.device)
        return None if target.kind else self.devices[target.devices[0]].broken(configuration)

    def _hidden(self, name: str, own: Mapping[str, object], batch: int) -> bool:
        """Whether OpenVINO goes on without a device of a combination, as it does if that does not compile."""
        refused = self.devices[name].broken(Configuration.of(name, own, batch, 0))
        return name in self.missing or refused is not None

    def wrong(self, configuration: Configuration) -> bool:
        """Whether any of its devices gives other answers than the rest."""
        return any(
            self.devices[name].wrong(configuration) for name in target_of(configuration.device).devices
        )

    def effective(self, configuration: Configuration) -> Effective:
        """Return what its devices make of a configuration."""
        target, properties = target_of(configuration.device), configuration.plain_properties
        own = properties.get("DEVICE_PROPERTIES", {}) if target.kind else {target.devices[0]: properties}
        members = tuple(
            self.devices[name].effective(Configuration.of(name, own.get(name, {}), configuration.batch, 0))
            for name in target.devices
            if not target.kind or not self._hidden(name, own.get(name, {}), configuration.batch)
        )
        if not target.kind:
            return replace(members[0], requests=configuration.requests or members[0].requests)
        return Effective(
            devices=tuple(member.devices[0] for member in members),
            streams=None,
            threads=None,
            pinned=None,
            precision="f32",
            batch=configuration.batch,
            requests=configuration.requests or sum(member.requests for member in members),
            members=members,
            virtual=configuration.device,
        )

    def fps(self, effective: Effective) -> float:
        """Return the true rate in items per second; requests go where streams are."""
        if not effective.members:
            return self.devices[effective.devices[0]].fps(effective)
        a_stream = effective.requests / sum(member.streams or 1 for member in effective.members)
        alone = (
            self.devices[member.devices[0]].fps(
                replace(member, requests=round(a_stream * (member.streams or 1)))
            )
            for member in effective.members
        )
        return self.together * sum(alone)

    def off_by(self, effective: Effective) -> float:
        """Return how far outputs are from those in f32, on the coarsest of its devices."""
        members = effective.members or (effective,)
        return max(self.devices[member.devices[0]].off_by(member) for member in members)

    def busy_cores(self, effective: Effective) -> float:
        """Return how many cores work, on all of its devices."""
        members = effective.members or (effective,)
        return sum(self.devices[member.devices[0]].busy_cores(member) for member in members)


class SimulatedLanes:
    """Opens simulated lanes that share one virtual clock and one noisy machine."""

    def __init__(
        self,
        device: SimulatedDevice | SimulatedHost | None = None,
        noise: Noise | None = None,
        seed: int = 0,
        stop_at_s: float = math.inf,
        disturbance: Disturbance = undisturbed,
        watched: bool = True,
    ) -> None:
        """Simulate `device` under `noise`; everything raises `Interrupted` from `stop_at_s` on.

        There is a sentinel if it is `watched`.
        """
        self.device: SimulatedDevice | SimulatedHost = device or SimulatedDevice()
        self.noise = noise or Noise()
        self.opened: list[Configuration] = []
        self.lanes: list[SimulatedLane] = []
        self.time_s, self._stop_at_s = 0.0, stop_at_s
        self.disturbance = disturbance
        self.rng = random.Random(seed)
        self._bursts = random.Random(seed + 1)
        self._burst_until = self._calm_until = 0.0
        self._phase = self.rng.uniform(0, 2 * math.pi)
        self._sentinels = random.Random(seed + 2)
        self.sentinel = self._work_on_every_core if watched else None
        self.reference: Reference | None = None
        self.tardy_s = 0.0  # how late arrivals are started

    def open(self, configuration: Configuration) -> SimulatedLane:
        """Compile, which takes a quarter of a second of virtual time."""
        self.spend(0.25)
        self.opened.append(configuration)
        why = self.device.broken(configuration)
        if why is not None:
            raise LaneError(why)
        self.lanes.append(SimulatedLane(self, configuration))
        return self.lanes[-1]

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Compile several, one after the other."""
        return open_in_turn(self, configurations)

    def now(self) -> float:
        """Return the virtual time in seconds."""
        return self.time_s

    def spend(self, seconds: float) -> None:
        """Let virtual time pass."""
        if self.time_s >= self._stop_at_s:
            raise Interrupted("stopped by the simulation")
        self.time_s += seconds

    def slowdown(self) -> float:
        """Return the factor by which a window that starts now is slower than the truth."""
        noise, rng = self.noise, self.rng
        log = rng.gauss(0, noise.jitter)
        log -= noise.outlier * rng.random() if rng.random() < noise.outlier_share else 0.0
        return math.exp(log + self._hosts_own())

    def _hosts_own(self) -> float:
        """Return by how much the host itself is faster than the truth at this moment, as a logarithm."""
        noise = self.noise
        log = noise.drift * math.sin(self._phase + self.time_s / 20)
        return log - (noise.burst if self._in_burst() else 0.0)

    def _work_on_every_core(self) -> float:
        """Return the seconds that a sentinel takes, which pass: longer where the host is slower."""
        log = self._hosts_own() + self._sentinels.gauss(0, self.noise.sentinel)
        took_s = SENTINEL_S / (math.exp(log) * self.disturbance(self.now(), SENTINEL))
        self.spend(took_s)
        return took_s

    def _in_burst(self) -> bool:
        """Bursts last 0.3 s on average and come as often as `burst_share` says."""
        share = self.noise.burst_share
        while share and self.time_s >= self._burst_until:
            self._calm_until = self._burst_until + self._bursts.expovariate(share / (0.3 * (1 - share)))
            self._burst_until = self._calm_until + self._bursts.expovariate(1 / 0.3)
        return bool(share) and self.time_s >= self._calm_until


class SimulatedLane:
    """One configuration on the simulated device."""

    def __init__(self, lanes: SimulatedLanes, configuration: Configuration) -> None:
        """Hold `configuration`."""
        self._lanes, self._configuration = lanes, configuration
        self._effective = lanes.device.effective(configuration)
        self._luck = math.exp(lanes.rng.gauss(0, lanes.noise.luck))
        self._closed = False

    @property
    def facts(self) -> LaneFacts:
        """What the simulated device compiled."""
        streams = sum(member.streams or 1 for member in self._effective.members or (self._effective,))
        memory_mb = 100.0 * self._effective.copies
        return LaneFacts(self._effective, streams, compile_s=0.15, reopen_s=0.15, memory_mb=memory_mb)

    def window(self, seconds: float) -> Window:
        """Return a window's figures; virtual time passes, at least three cycles of the queue."""
        self._require_open()
        disturbed = self._lanes.disturbance(self._lanes.now(), self._configuration)
        rate = self._lanes.device.fps(self._effective) * self._luck * self._lanes.slowdown() * disturbed
        cycle_s = self._effective.requests * self._effective.batch / rate
        spent = max(seconds, 2 * cycle_s) + cycle_s
        self._lanes.spend(spent)
        copies = self._effective.copies
        memory_mb = copies * (100.0 + self._effective.batch * self._effective.requests)
        cpu_ms = 1e3 * self._lanes.device.busy_cores(self._effective) / rate
        finished = max(3, round(self._effective.requests * spent / cycle_s))
        latencies_ms = (copies * cycle_s * 1e3,) * min(finished, MOST_LATENCIES)
        copies_fps = (rate / copies,) * copies if copies > 1 else ()
        return Window(rate, latencies_ms, spent, memory_mb, cpu_ms, copies_fps=copies_fps)

    def open_loop(self, arrivals: Arrivals) -> Window:
        """Return a window's figures; each stream takes a batch at a time, padded where it is not full."""
        self._require_open()
        lanes, effective = self._lanes, self._effective
        disturbed = lanes.disturbance(lanes.now(), self._configuration)
        streams = sum(member.streams or 1 for member in effective.members or (effective,))
        busy = replace(effective, requests=2 * streams)
        fps = lanes.device.fps(busy) * self._luck * lanes.slowdown() * disturbed
        batch_s = streams * effective.batch / fps
        server = VirtualServer(streams, batch_s, effective.requests, lanes.tardy_s)
        try:
            served = serve_arrivals(server, arrivals, effective.batch, effective.max_wait_ms)
        finally:
            lanes.spend(server.now())
        memory_mb = 100.0 + effective.batch * effective.requests
        cores, batches = lanes.device.busy_cores(busy) / streams, len(server.started)
        cpu_ms = 1e3 * batch_s * cores * batches / served.items
        return Window(served.rate_fps, served.latencies_ms, server.now(), memory_mb, cpu_ms, served.late_ms)

    def answers(self) -> Answers:
        """Return two fixed answers; other ones where the device is set to be wrong, or rounds."""
        self._require_open()
        shift = 1.0 if self._lanes.device.wrong(self._configuration) else 0.0
        rounded = 1.0 + self._lanes.device.off_by(self._effective)
        return tuple((np.asarray([[1.0, float(sample)]]) * rounded + shift,) for sample in (2, 3))

    def alive(self) -> bool:
        """Return whether the lane is open."""
        return not self._closed

    def close(self) -> None:
        """End the lane."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise LaneError("the lane is closed")
