"""`tuner.verify`: advice against the hint, or against other advice, here and now."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.advice.advice import Advice
from tuner.advice.fingerprint import Fit
from tuner.advice.loader import fitting, read
from tuner.advice.records import SpeedupRecord
from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.stats import Speedup
from tuner.domain.trial import Final
from tuner.domain.units import seconds_of
from tuner.domain.verdict import MINIMUM_GAIN
from tuner.errors import DeviceError, Interrupted, LaneError, UsageError
from tuner.measure.blobs import Blobs
from tuner.measure.interrupt import interruptible
from tuner.measure.lane import ASK_DEVICE
from tuner.measure.lock import host_lock
from tuner.measure.process import ProcessLanes
from tuner.probe.devices import list_devices, with_blobs
from tuner.probe.host import describe_host
from tuner.probe.inputs import make_pool
from tuner.probe.model import digest
from tuner.runtime.compiling import require_model
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan, run_final
from tuner.tuning.progress import FinalRound, Observer, Waiting
from tuner.tuning.strategy import Strategy


@dataclass(frozen=True, slots=True)
class Verification:
    """What a duel here and now says of advice.

    Attributes:
        advice: What was checked.
        against: The name of what it was compared with: the hint, or another file.
        fit: How this host compares with the one that was measured.
        model_changed: Whether the model is another file than the one that was measured.
        then: What the advice claims; None where it was compared with another file.
        final: The duel, or None where the advice is the hint itself.
        now: What the duel found, or None where none was needed.
        min_ratio: What is asked for.
        holds: Whether the ratio reaches it.
    """

    advice: Advice
    against: str
    fit: Fit
    model_changed: bool
    then: SpeedupRecord | None
    final: Final | None
    now: Speedup | None
    min_ratio: float
    holds: bool


def verify(
    config: str | os.PathLike[str],
    against: str | os.PathLike[str] | None = None,
    *,
    model: str | os.PathLike[str] | None = None,
    budget: str | float = "30s",
    min_ratio: float | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    plugins: str | os.PathLike[str] | None = None,
    seed: int = 0,
    observer: Observer = lambda _: None,
    command: str | None = None,
) -> Verification:
    """Measure advice against the performance hint, or against other advice, here and now.

    In a script, call it under `if __name__ == "__main__":`: lanes are processes of their own.

    Args:
        config: The advice; of several hosts in it, the one that is most like this one.
        against: Other advice for the same model; the hint of `config` unless given.
        model: Path of the model; the path of the search unless given.
        budget: Time for the duel, e.g. `"30s"`, or seconds.
        min_ratio: Least ratio that is good enough; 1.01 against a hint (a smaller gain is none), 1
            against other advice.
        inputs: A `.npy` file, an image, or a directory of them, by input name.
        plugins: OpenVINO's plugins XML with further devices.
        seed: Seed of the order of windows and of random inputs.
        observer: Hears what happens, see `tuner.tuning.progress`.
        command: How to describe the call to others who wait for this host.

    Returns:
        What was found; `holds` is the answer.

    Raises:
        TunerError: With one sentence for the user.
    """
    here = describe_host(str(plugins) if plugins else None)
    advice = fitting(read(Path(config)), here)
    other = fitting(read(Path(against)), here) if against else None
    if other and other.model.sha256 != advice.model.sha256:
        raise UsageError(
            f"'{config}' is for the model '{advice.model.name}', '{against}' for another one "
            f"('{other.model.name}'); compare advice for one model."
        )
    path = advice.model_at(Path(model) if model else None)
    other_side = other.best if other else advice.baseline
    wanted = min_ratio if min_ratio is not None else 1.0 if other else 1 + MINIMUM_GAIN
    found = Verification(
        advice=advice,
        against=str(against) if against else "the hint",
        fit=advice.fit(here),
        model_changed=digest(path) != advice.model.sha256,
        then=None if other else advice.speedup,
        final=None,
        now=None,
        min_ratio=wanted,
        holds=min_ratio is None or min_ratio <= 1.0,
    )
    if other_side.configuration == advice.best.configuration:
        return found
    require_model(path, advice.as_model(path))
    asked = other_side.configuration
    if other is None and found.fit.level == "different" and asked.uses_hint:
        asked = replace(asked, requests=ASK_DEVICE)  # what the hint takes here
    final = _duel(
        advice.as_model(path),
        asked,
        advice.best.configuration,
        budget_s=seconds_of(budget),
        seed=seed,
        inputs={name: Path(file) for name, file in (inputs or {}).items()},
        plugins=str(plugins) if plugins else None,
        command=command or f"tuner.verify({str(config)!r})",
        tell=observer,
    )
    if final.interrupted:
        raise Interrupted("stopped before the duel was over; nothing was changed.")
    (measured,) = final.finalists
    if measured.speedup is None:
        why = final.trouble or measured.disqualified or "the time was too short"
        raise DeviceError(f"The advice could not be measured here: {why}.")
    return replace(found, final=final, now=measured.speedup, holds=measured.speedup.ratio >= wanted)


def _duel(
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
