"""The lanes of a search, and the check on them that the model may be batched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tuner.commands.asked import Asked
from tuner.domain.model import Model
from tuner.measure.answers import first_proved, mixed
from tuner.measure.blobs import Blobs
from tuner.measure.lane import Reference
from tuner.measure.neighbour import Neighbour
from tuner.measure.process import ProcessLanes
from tuner.measure.reference import F32, reference_of
from tuner.measure.sentinel import Sentinel
from tuner.measure.time_limits import Known, Limits
from tuner.probe.devices import Device
from tuner.probe.inputs import Sample, make_pool
from tuner.probe.model import ModelReading
from tuner.probe.unchanged import FilesAsRead

CHECK_SHARE = 0.5
"""How much of what is left of the budget a lane may take while batching is checked."""

PROCESSOR = "CPU"
"""Where batching is checked before any other device: a CPU compiles in a moment."""


@dataclass(frozen=True, slots=True)
class LanesFor:
    """Prepares the lanes of a model, with the inputs, plugins and time limits that a search asks for.

    Attributes:
        asked: What the user asks of the search.
        stopped: Whether the user asked to stop.
        left_s: Returns how many seconds are left of the budget.
        files: The model's files, as they were read.
        known: What the lanes so far have taught of the devices.
    """

    asked: Asked
    stopped: Callable[[], bool]
    left_s: Callable[[], float]
    files: FilesAsRead
    known: Known = field(default_factory=Known)

    def limits(self, share: float = 1.0) -> Limits:
        """Return the time limits of lanes that may each take a share of what is left of the budget."""
        return Limits(self.asked.budget_s, self.left_s, share, self.known)

    def to_prove(self, model: Model) -> ProcessLanes:
        """Return the lanes on which a proposed batch is proved."""
        pool = None
        if model.batch_refusal:
            pool = mixed(make_pool(model, self.asked.inputs, self.asked.seed), model.batch)
        return self(model, share=CHECK_SHARE, pool=pool)

    def __call__(
        self,
        model: Model,
        blobs: Blobs | None = None,
        share: float = 1.0,
        pool: tuple[Sample, ...] | None = None,
        sentinel: Sentinel | None = None,
        neighbour: Neighbour | None = None,
    ) -> ProcessLanes:
        """Return the lanes of a model, each of which may take a share of what is left of the budget.

        With `blobs`, what slow devices compile is kept; with `pool`, these are the samples. A `sentinel`
        tells whether the host changed; a `neighbour` is a program beside which windows are to run.
        """
        asked = self.asked
        return ProcessLanes(
            model,
            pool or make_pool(model, asked.inputs, asked.seed),
            self.limits(share),
            self.stopped,
            plugins=asked.plugins_file,
            blobs=blobs,
            files=self.files,
            sentinel=sentinel,
            neighbour=neighbour,
            niceness=asked.question.niceness,
        )


def with_batch_axes(
    reading: ModelReading, present: Sequence[Device], searched: Sequence[Device], lanes_for: LanesFor
) -> tuple[Model, bool]:
    """Return the model with its batch axes if batching is correct, else without them and with the reason.

    Args:
        reading: The model that was read, with the batch axes that it may have.
        present: All devices here.
        searched: The devices that are searched.
        lanes_for: Prepares lanes.

    Returns:
        The model, and whether its outputs depend on its inputs, without which the check proves little.
    """
    processor = [device for device in present if device.name == PROCESSOR]
    exact = {device.name: "EXECUTION_MODE_HINT" in device.writable for device in (*processor, *searched)}
    proposals = ((model, lanes_for.to_prove(model)) for model in reading.batched)
    return first_proved(proposals, reading.unbatched, exact)


def outputs_in_f32(lanes: ProcessLanes, model: Model, devices: Sequence[Device]) -> Reference:
    """Compute the outputs that every precision is compared with, on the CPU if it can.

    Raises:
        DeviceError: No device here computes in f32.
    """
    able = [device.name for device in devices if F32 in device.precisions]
    able.sort(key=lambda name: name != PROCESSOR)
    return reference_of(lanes, able, model.batch, model.output_axes)
