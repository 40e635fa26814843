"""A duel of two configurations that are known already, here and now."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.result import Final
from tuner.errors import DeviceError, LaneError
from tuner.measure.blobs import Blobs
from tuner.measure.lock import host_lock
from tuner.measure.process import ProcessLanes
from tuner.probe.devices import list_devices, with_blobs
from tuner.probe.inputs import make_pool
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.measure.interrupt import interruptible
from tuner.tuning.progress import FinalRound, Observer, Waiting
from tuner.tuning.strategy import Strategy


def measure_again(
    model: Model,
    baseline: Configuration,
    pick: Configuration,
    *,
    budget_s: float,
    seed: int,
    inputs: Mapping[str, Path],
    plugins: str | None,
    command: str,
    tell: Observer,
) -> Final:
    """Compare two configurations as a search's final does.

    Raises:
        DeviceError: The baseline does not run here.
        Interrupted: The user asked to stop before the first round.
    """
    with (
        interruptible() as stopped,
        host_lock(command, lambda holder: tell(Waiting(holder)), stopped),
        closing(Blobs(with_blobs(list_devices(plugins)))) as blobs,
    ):
        budget, strategy = Budget(budget_s, None, time.monotonic), Strategy()
        pool = make_pool(model, inputs, seed)
        lanes = ProcessLanes(model, pool, max(30.0, budget_s), stopped, plugins=plugins, blobs=blobs)
        plan = Plan([pick], strategy.sitting_rounds, strategy.sittings)

        def on_round(done: int) -> None:
            tell(FinalRound(done, budget.left_s()))

        try:
            return run_final(lanes, baseline, plan, budget, strategy, random.Random(seed), on_round)
        except LaneError as error:
            raise DeviceError(f"{baseline} does not run here: {error}.") from error
