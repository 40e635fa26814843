"""The lanes of a search, and the check on them that the model may be batched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuner.commands.asked import Asked
from tuner.domain.model import Model
from tuner.measure.answers import first_proved
from tuner.measure.blobs import Blobs
from tuner.measure.process import COMPILE_LIMIT_S, ProcessLanes
from tuner.probe.devices import Device
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading

LIMIT_S = (30.0, 300.0)
"""Least and greatest time that a lane is given to answer; in between, a quarter of the budget."""

PROCESSOR = "CPU"
"""Where batching is checked before any other device: a CPU compiles in a moment."""


@dataclass(frozen=True, slots=True)
class LanesFor:
    """Prepares the lanes of a model, with the inputs, plugins and time limits that a search asks for.

    Attributes:
        asked: What the user asks of the search.
        stopped: Whether the user asked to stop.
    """

    asked: Asked
    stopped: Callable[[], bool]

    def __call__(self, model: Model, blobs: Blobs | None = None) -> ProcessLanes:
        """Return the lanes of a model; with `blobs`, what slow devices compile is kept."""
        asked = self.asked
        return ProcessLanes(
            model,
            make_pool(model, asked.inputs, asked.seed),
            min(max(LIMIT_S[0], asked.budget_s / 4), LIMIT_S[1]),
            self.stopped,
            plugins=asked.plugins_file,
            compile_limit_s=max(COMPILE_LIMIT_S, asked.budget_s),
            blobs=blobs,
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
    return first_proved(((model, lanes_for(model)) for model in reading.batched), reading.unbatched, exact)
