"""What a search needs of a lane: a process with one compiled configuration that runs windows on command.

`tuner.measure.process` implements these protocols with OpenVINO. The tests' own lanes, simulated and
replayed ones, pass the same contract test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.load import Arrivals
from tuner.domain.sample import Window
from tuner.domain.target import target_of
from tuner.errors import LaneError
from tuner.measure.sentinel import Sentinel

Answers = tuple[tuple[NDArray[Any], ...], ...]
"""For each sample, every output of the model for that sample alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The model's outputs in f32.

    Attributes:
        answers: For each sample, every output.
        batch_axes: The batch axis of every output, None for one without.
    """

    answers: Answers
    batch_axes: Sequence[int | None]


ASK_DEVICE = 0
"""As a configuration's number of requests: use the device's `OPTIMAL_NUMBER_OF_INFER_REQUESTS`."""


@dataclass(frozen=True, slots=True)
class LaneFacts:
    """What is known of a lane when it has compiled its configuration.

    Attributes:
        effective: What the device made of the configuration.
        optimal_requests: The device's `OPTIMAL_NUMBER_OF_INFER_REQUESTS`.
        compile_s: Seconds to read, reshape and compile the model, or to load an earlier compilation.
        reopen_s: Seconds that the next lane of the same configuration is expected to take for this.
        memory_mb: Peak resident memory of compiling, in MiB.
    """

    effective: Effective
    optimal_requests: int
    compile_s: float
    reopen_s: float
    memory_mb: float = 0.0


CANNOT_FOLLOW = "cannot follow"
"""How a lane begins to say that it is too slow for a load."""

CANNOT_HOLD = "cannot hold"
"""How a lane begins to say that it breaks a limit of the latency at a rate of arrivals, or at all."""


class Lane(Protocol):
    """One compiled configuration, ready to run a window on command."""

    @property
    def facts(self) -> LaneFacts:
        """What the device compiled."""

    def window(self, seconds: float) -> Window:
        """Keep every request in flight for about `seconds` and return what was measured.

        A window lasts until every request has run whole cycles: on heavy configurations longer than
        `seconds`.

        Raises:
            LaneError: The lane died or did not answer within its limit.
            ModelError: The model's files changed; what the lane says does not count.
            Interrupted: The user asked to stop.
        """

    def open_loop(self, arrivals: Arrivals) -> Window:
        """Let items arrive at their times, whatever the lane manages, and return what was measured.

        Raises:
            LoadError: The lane cannot follow; it stays open.
            LaneError: The lane died or did not answer within its limit.
            ModelError: The model's files changed; what the lane says does not count.
            Interrupted: The user asked to stop.
        """

    def answers(self) -> Answers:
        """Return the model's outputs for every sample of the pool, in order.

        Raises:
            LaneError: The lane died or did not answer within its limit.
            ModelError: The model's files changed; what the lane says does not count.
            Interrupted: The user asked to stop.
        """

    def alive(self) -> bool:
        """Return whether the lane can still answer."""

    def close(self) -> None:
        """End the lane; safe to call twice."""


class Lanes(Protocol):
    """Opens lanes."""

    @property
    def sentinel(self) -> Sentinel | None:
        """Works between windows and tells whether the host changed; None where nothing can tell."""

    @property
    def reference(self) -> Reference | None:
        """The outputs in f32 to compare with; None where precision is not asked for."""

    def open(self, configuration: Configuration) -> Lane:
        """Compile `configuration` in a lane of its own.

        Raises:
            LaneError: It does not compile, crashes, or takes longer than its limit.
            ModelError: The model's files are no longer what was read.
            Interrupted: The user asked to stop.
        """

    def open_all(self, configurations: Sequence[Configuration]) -> list[Lane | LaneError]:
        """Compile several configurations, each in a lane of its own, at the same time where that is quicker.

        Returns:
            For each configuration its lane, or the reason why there is none.

        Raises:
            ModelError: The model's files are no longer what was read; no lane is left open.
            Interrupted: The user asked to stop; no lane is left open.
        """


class DeviceLeftOut(LaneError):
    """A combination runs, but without some of its devices.

    Attributes:
        devices: The devices that OpenVINO left out.
    """

    def __init__(self, devices: Sequence[str]) -> None:
        """Name the devices in the message and keep them for the search."""
        super().__init__(f"OpenVINO leaves {', '.join(devices)} out of it")
        self.devices = devices


class LoadError(LaneError):
    """A lane cannot be measured under a load: it does not follow, or the load cannot be produced in time."""


class LaneTimeout(LaneError):
    """A lane did not answer within its limit.

    Attributes:
        seconds: The limit.
    """

    def __init__(self, sentence: str, seconds: float) -> None:
        """Keep the limit beside the sentence."""
        super().__init__(sentence)
        self.seconds = seconds


class BudgetOver(LaneTimeout):
    """A lane did not answer before the budget was over: it may be healthy."""


def require_all_devices(configuration: Configuration, lane: Lane) -> None:
    """Make sure that a combination runs on all of its devices, or on the device that `AUTO` chose.

    Raises:
        DeviceLeftOut: OpenVINO runs without some of the devices and reports no error.
        LaneError: `AUTO` still runs on the processor while it compiles for the device that it chose.
    """
    target, devices = target_of(configuration.device), lane.facts.effective.devices
    hint = configuration.plain_properties.get("PERFORMANCE_HINT")
    if target.kind == "AUTO" and hint != target.hint:
        if all(device.startswith("(") for device in devices):
            raise LaneError(f"the device that AUTO chose did not take over from {', '.join(devices)}")
    elif missing := lane.facts.effective.lacks(configuration.device):
        raise DeviceLeftOut(missing)
