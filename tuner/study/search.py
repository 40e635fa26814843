"""The whole job on real lanes: read, prove, measure, search; from a path to a result."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tuner.domain.model import Model
from tuner.domain.result import Host, Result, SearchRun, Warning
from tuner.domain.space import Bounds, Space, cpu_space
from tuner.domain.stats import spread
from tuner.errors import DeviceError, StorageError, UsageError
from tuner.measure.answers import first_proved
from tuner.measure.lock import host_lock
from tuner.measure.process import ProcessLanes
from tuner.probe.devices import Device, describe, facts
from tuner.probe.host import describe_host, host_warnings, stolen_seconds
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading, read_model
from tuner.study.budget import Budget
from tuner.study.interrupt import interruptible
from tuner.study.progress import Began, Observer, Waiting, Warned
from tuner.study.storage import Study
from tuner.study.tune import Findings, Task, tune

STUDY_NAME = "study.db"

LIMIT_S = (30.0, 300.0)
"""Least and greatest time that a lane is given to answer; in between, a quarter of the budget."""

NOISY = 0.10
"""Spread of the baseline's windows from which the host counts as noisy."""

STOLEN = 0.02
"""Share of CPU time taken by the hypervisor from which it is worth a warning."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for.

    Attributes:
        model: Path of the model.
        output: Directory of the study and the advice.
        device: Target to search.
        budget_s: Seconds that the search may take, final included.
        trials: Trials at most, or None.
        bounds: Bounds of the space.
        inputs: Files or directories with samples, by input name.
        shapes: Static shapes by input name.
        seed: Seed of everything that is random.
        command: How this search was called, for the record.
    """

    model: Path
    output: Path
    device: str = "CPU"
    budget_s: float = 60.0
    trials: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seed: int = 0
    command: str = ""


def run_search(wanted: Wanted, version: str, tell: Observer) -> Result:
    """Search and return what was found; every trial is saved on the way.

    Raises:
        TunerError: With one sentence for the user; whatever was saved before stays saved.
    """
    with (
        interruptible() as stopped,
        host_lock(wanted.command, lambda holder: tell(Waiting(holder)), stopped),
    ):
        return _search(wanted, version, tell, stopped)


def _search(wanted: Wanted, version: str, tell: Observer, stopped: Callable[[], bool]) -> Result:
    budget = Budget(wanted.budget_s, wanted.trials, time.monotonic)
    limit_s = min(max(LIMIT_S[0], wanted.budget_s / 4), LIMIT_S[1])
    device = _searchable(wanted.device)
    reading = read_model(wanted.model, wanted.shapes)
    host, noted = describe_host(), list(host_warnings())
    lanes_for = _lanes_factory(wanted, limit_s, stopped)
    model, sighted = _proved(reading, device, lanes_for)
    _check_bounds(wanted.bounds, model, device)
    noted += _model_warnings(model, sighted)
    tell(Began(model, host, device.name, wanted.budget_s))
    for one in noted:
        tell(Warned(one))

    def space_for(hint_requests: int) -> Space:
        batched = model.batch_refusal is None
        return cpu_space(facts(device), model.batch, batched, wanted.bounds, hint_requests)

    stolen_before = stolen_seconds()
    with closing(_study(wanted, model, host, device)) as study:
        task = Task(model, device.name, lanes_for(model), space_for, study, budget, wanted.seed, tell)
        found = tune(task)
    stolen = (stolen_seconds() - stolen_before) / max(budget.spent_s(), 1e-9) / host.cores
    for one in afterthoughts(found, stolen):
        noted.append(one)
        tell(Warned(one))
    return _result(wanted, version, model, host, found, noted, budget.spent_s())


def _searchable(name: str) -> Device:
    device = describe(name)
    if not name.startswith("CPU"):
        raise DeviceError(f"'{name}' cannot be searched by this version; --device takes CPU.")
    return device


def _lanes_factory(
    wanted: Wanted, limit_s: float, stopped: Callable[[], bool]
) -> Callable[[Model], ProcessLanes]:
    def lanes_for(model: Model) -> ProcessLanes:
        return ProcessLanes(model, make_pool(model, wanted.inputs, wanted.seed), limit_s, stopped)

    return lanes_for


def _proved(
    reading: ModelReading, device: Device, lanes_for: Callable[[Model], ProcessLanes]
) -> tuple[Model, bool]:
    """Return the model with its batch axes proved, or without them and with the reason."""
    proposals = ((model, lanes_for(model)) for model in reading.batched)
    return first_proved(proposals, reading.unbatched, device.name, "EXECUTION_MODE_HINT" in device.writable)


def _check_bounds(bounds: Bounds, model: Model, device: Device) -> None:
    """Refuse bounds that no configuration can meet."""
    if model.batch_refusal and bounds.batch and set(bounds.batch) != {model.batch}:
        raise UsageError(
            f"--batch cannot be searched on this model ({model.batch_refusal}); leave --batch out."
        )
    most = device.streams[1] if device.streams else 1
    beyond = [count for count in bounds.streams or () if isinstance(count, int) and count > most]
    if beyond:
        raise UsageError(
            f"--streams asks for {beyond[0]}, but {device.name} runs 1 to {most} streams here; "
            "give counts in that range."
        )


def _model_warnings(model: Model, sighted: bool) -> list[Warning]:
    noted = []
    if model.batch_refusal:
        noted.append(Warning("no-batch", f"Batch is not searched: {model.batch_refusal}."))
    if not sighted:
        noted.append(
            Warning(
                "blind-proof",
                "The model's answers hardly depend on its inputs, so the check that a batch leaves them "
                "alone saw little; give real data with --input.",
            )
        )
    return noted


def _study(wanted: Wanted, model: Model, host: Host, device: Device) -> Study:
    """Open the study, once it is sure that files can be written beside it."""
    output = wanted.output
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output):
            pass
    except OSError as error:
        why = error.strerror or str(error)
        raise StorageError(
            f"'{output}' cannot be written ({why}); choose another directory with --output."
        ) from error
    inputs = " ".join(f"{name}={path}" for name, path in sorted(wanted.inputs.items()))
    return Study(output / STUDY_NAME, model, host, device.name, inputs)


def afterthoughts(found: Findings, stolen: float) -> list[Warning]:
    """Return what the measurements themselves say about the host."""
    noted = []
    noise = spread(found.baseline_fps) if found.baseline_fps else 0.0
    if noise > NOISY:
        noted.append(
            Warning(
                "noisy-host",
                f"The hint's own speed varied by {100 * noise:.0f} % from window to window: "
                "absolute figures are rough (ratios are paired and hold better); "
                "search on a quieter machine or with a larger --budget.",
            )
        )
    if stolen > STOLEN:
        noted.append(
            Warning(
                "stolen-time",
                f"The hypervisor gave {100 * stolen:.0f} % of this machine's CPU time to others; "
                "search on a machine with dedicated cores.",
            )
        )
    return noted


def _result(
    wanted: Wanted,
    version: str,
    model: Model,
    host: Host,
    found: Findings,
    noted: Sequence[Warning],
    seconds: float,
) -> Result:
    run = SearchRun(
        version=version,
        command=wanted.command,
        seed=wanted.seed,
        trials=len(found.trials),
        seconds=seconds,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    return Result(
        model=model,
        host=host,
        baseline=found.baseline,
        trials=found.trials,
        final=found.final,
        verdict=found.verdict,
        drop_in=found.drop_in,
        warnings=tuple(noted),
        run=run,
        points=found.points,
        covered=found.covered,
        interrupted=found.interrupted,
    )
