"""The whole job on real lanes: read, prove, measure, search; from a path to a result."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tuner.domain.model import Model
from tuner.domain.result import Host, Result, SearchRun, Warning, standings
from tuner.domain.space import Bounds
from tuner.domain.target import Target
from tuner.errors import StorageError
from tuner.measure.answers import first_proved
from tuner.measure.blobs import Blobs
from tuner.measure.lock import host_lock
from tuner.measure.process import COMPILE_LIMIT_S, ProcessLanes
from tuner.probe.devices import Device, facts, list_devices, schedules, with_blobs
from tuner.probe.host import describe_host, host_warnings, stolen_seconds
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading, digest, read_model
from tuner.tuning.budget import Budget
from tuner.study.importance import importance
from tuner.measure.interrupt import interruptible
from tuner.tuning.progress import Began, Observer, Waiting, Warned
from tuner.tuning.remarks import afterthoughts, model_warnings
from tuner.study.storage import Outcome, Setting, Study
from tuner.tuning.targets import Batching, Layout, refuse_impossible, targets_for
from tuner.tuning.tune import Findings, Task, tune

STUDY_NAME = "study.db"

LIMIT_S = (30.0, 300.0)
"""Least and greatest time that a lane is given to answer; in between, a quarter of the budget."""

PROCESSOR = "CPU"
"""Where it is proved that a model may be batched, before other devices: it compiles in a moment."""


class LanesFor(Protocol):
    """Prepares the lanes of a model, with or without blobs."""

    def __call__(self, model: Model, blobs: Blobs | None = None) -> ProcessLanes:
        """Return what opens its lanes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for.

    Attributes:
        model: Path of the model.
        output: Directory of the study and the advice.
        devices: Targets to search, as `compile_model` takes them; with none, every device that is there and,
            of several, their combination.
        plugins: OpenVINO's plugins XML with further devices, or None.
        batching: Who gathers items into a batch: the application (`explicit`), OpenVINO (`auto`), or both.
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
    devices: tuple[str, ...] = ()
    plugins: Path | None = None
    batching: Batching = "explicit"
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
    plugins = str(wanted.plugins) if wanted.plugins else None
    devices = {one.name: one for one in list_devices(plugins)}
    targets = targets_for(wanted.devices, tuple(devices), wanted.batching)
    reading = read_model(wanted.model, wanted.shapes)
    host, noted = describe_host(plugins), list(host_warnings())
    alone = [devices[target.devices[0]] for target in targets if not target.kind]
    blobs = Blobs(with_blobs(alone))
    lanes_for = _lanes_factory(wanted, plugins, limit_s, stopped)
    model, sighted = _proved(reading, [*_processor(devices), *alone], lanes_for)
    refuse_impossible(wanted.bounds, model, alone, targets)
    layout = Layout(
        model,
        wanted.bounds,
        wanted.batching,
        {device.name: facts(device, wanted.model, plugins) for device in alone},
        {target: schedules(target, plugins) for target in targets if target.combines},
    )
    noted += model_warnings(model, sighted)
    tell(Began(model, host, tuple(map(str, targets)), wanted.budget_s))
    for one in noted:
        tell(Warned(one))

    stolen_before = stolen_seconds()
    with closing(_study(wanted, model, host, targets)) as study, closing(blobs):
        names = tuple(map(str, targets))
        study.begin(Setting(model, host, names, _run(wanted, version, trials=0, seconds=0.0)))
        found = tune(Task(model, targets, lanes_for(model, blobs), layout, study, budget, wanted.seed, tell))
        stolen = (stolen_seconds() - stolen_before) / max(budget.spent_s(), 1e-9) / host.cores
        noted += [
            Warning("left-out", f"{target} is not searched: {why}.") for target, why in found.left_out.items()
        ]
        for one in afterthoughts(found, stolen):
            noted.append(one)
            tell(Warned(one))
        run = _run(wanted, version, len(found.trials), budget.spent_s())
        result = _result(model, host, found, noted, run)
        study.finish(_outcome(result))
    return result


def _lanes_factory(
    wanted: Wanted, plugins: str | None, limit_s: float, stopped: Callable[[], bool]
) -> LanesFor:
    def lanes_for(model: Model, blobs: Blobs | None = None) -> ProcessLanes:
        return ProcessLanes(
            model,
            make_pool(model, wanted.inputs, wanted.seed),
            limit_s,
            stopped,
            plugins=plugins,
            compile_limit_s=max(COMPILE_LIMIT_S, wanted.budget_s),
            blobs=blobs,
        )

    return lanes_for


def _processor(devices: Mapping[str, Device]) -> list[Device]:
    return [devices[PROCESSOR]] if PROCESSOR in devices else []


def _proved(reading: ModelReading, devices: Sequence[Device], lanes_for: LanesFor) -> tuple[Model, bool]:
    """Return the model with its batch axes proved, or without them and with the reason."""
    proposals = ((model, lanes_for(model)) for model in reading.batched)
    precise = {device.name: "EXECUTION_MODE_HINT" in device.writable for device in devices}
    return first_proved(proposals, reading.unbatched, precise)


def _study(wanted: Wanted, model: Model, host: Host, targets: Sequence[Target]) -> Study:
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
    if wanted.plugins:
        inputs = f"{inputs} plugins {digest(wanted.plugins)[:16]}".strip()
    return Study(output / STUDY_NAME, model, host, " + ".join(map(str, targets)), inputs)


def _run(wanted: Wanted, version: str, trials: int, seconds: float) -> SearchRun:
    return SearchRun(
        version=version,
        command=wanted.command,
        seed=wanted.seed,
        trials=trials,
        seconds=seconds,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
    )


def _result(model: Model, host: Host, found: Findings, noted: Sequence[Warning], run: SearchRun) -> Result:
    finalists = found.final.finalists if found.final else ()
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
        targets=standings(found.trials, found.targets, found.verdict.best, finalists),
        importance=importance(found.trials),
        switches=found.switches,
    )


def _outcome(result: Result) -> Outcome:
    return Outcome(
        baseline=result.baseline,
        verdict=result.verdict,
        drop_in=result.drop_in,
        warnings=tuple(result.warnings),
        run=result.run,
        points=result.points,
        covered=result.covered,
        interrupted=result.interrupted,
        importance=dict(result.importance),
        switches=dict(result.switches),
    )
