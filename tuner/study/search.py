"""The whole job on real lanes: read, prove, measure, search; from a path to a result."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.result import Host, Result, SearchRun, Trial, Warning, standings
from tuner.domain.space import Bounds, Space, combination_space, device_space, gathering_space
from tuner.domain.stats import spread
from tuner.domain.target import Member, Target, target_of
from tuner.errors import DeviceError, StorageError, UsageError
from tuner.measure.answers import first_proved
from tuner.measure.lock import host_lock
from tuner.measure.process import ProcessLanes
from tuner.probe.devices import Device, facts, list_devices, schedules
from tuner.probe.host import describe_host, host_warnings, stolen_seconds
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading, digest, read_model
from tuner.study.budget import Budget
from tuner.study.interrupt import interruptible
from tuner.study.progress import Began, Observer, Waiting, Warned
from tuner.study.storage import Study
from tuner.study.tune import Findings, Task, tune

STUDY_NAME = "study.db"

Batching = Literal["explicit", "auto", "both"]

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
    lanes_for = _lanes_factory(wanted, plugins, limit_s, stopped)
    first = devices[targets[0].devices[0]]
    model, sighted = _proved(reading, first, lanes_for)
    facts_of = {name: facts(device) for name, device in devices.items()}
    _check_bounds(wanted.bounds, model, [devices[target.devices[0]] for target in targets if not target.kind])
    noted += _model_warnings(model, sighted)
    tell(Began(model, host, tuple(map(str, targets)), wanted.budget_s))
    for one in noted:
        tell(Warned(one))

    def space_for(target: Target, hints: Mapping[Target, Configuration]) -> Space:
        if target.kind == "BATCH":
            single = target_of(target.devices[0])
            requests = hints[single].requests
            return gathering_space(target, facts_of[str(single)], model.batch, wanted.bounds, requests)
        batched, bounds = model.batch_refusal is None, wanted.bounds
        if wanted.batching == "auto":
            batched, bounds = False, replace(bounds, batch=None)
        if not target.combines:
            requests = hints[target].requests
            return device_space(facts_of[target.devices[0]], model.batch, batched, bounds, requests)
        members = [facts_of[name] for name in target.devices]
        requests_of = {name: hints[target_of(name)].requests for name in target.devices}
        policies = schedules(target, plugins)
        return combination_space(target, members, policies, model.batch, batched, bounds, requests_of)

    stolen_before = stolen_seconds()
    with closing(_study(wanted, model, host, targets)) as study:
        found = tune(Task(model, targets, lanes_for(model), space_for, study, budget, wanted.seed, tell))
    stolen = (stolen_seconds() - stolen_before) / max(budget.spent_s(), 1e-9) / host.cores
    noted += [
        Warning("left-out", f"{target} is not searched: {why}.") for target, why in found.left_out.items()
    ]
    for one in afterthoughts(found, stolen):
        noted.append(one)
        tell(Warned(one))
    return _result(wanted, version, model, host, found, noted, budget.spent_s())


def targets_for(
    asked: Sequence[str], present: Sequence[str], batching: Batching = "explicit"
) -> tuple[Target, ...]:
    """Return what to search: single devices first, then combinations.

    The devices of a combination are searched alone too: their hints are what it has to beat, and
    their best settings what it begins with.

    Args:
        asked: Device strings; with none, every device present, and all of them together.
        present: Devices that OpenVINO finds here.
        batching: With `auto` or `both`, automatic batching is a target of its own for each device.

    Raises:
        UsageError: A string names no target, or one is given twice.
        DeviceError: There is no such device here.
    """
    targets = [target_of(one) for one in asked] or _everything(present)
    for target in targets:
        for name in target.devices:
            if name not in present:
                whole = f" (in '{target}')" if target.kind else ""
                there = ", ".join(present)
                raise DeviceError(f"There is no device '{name}'{whole} here; --device takes one of: {there}.")
        if [one.covers(str(target)) for one in targets].count(True) > 1:
            raise UsageError(f"--device '{target}' is given twice; give each target once, in one order.")
    alone = dict.fromkeys(target_of(name) for target in targets for name in target.devices)
    gathering = dict.fromkeys(one for one in targets if one.kind == "BATCH")
    if batching != "explicit":
        every = (Target("BATCH", one.members) for one in alone)
        gathering |= dict.fromkeys(
            one for one in every if not any(one.covers(str(known)) for known in gathering)
        )
    return (*alone, *gathering, *(replace(one, members=_bare(one)) for one in targets if one.combines))


def _everything(present: Sequence[str]) -> list[Target]:
    """Return every device and, of several, their combinations, processors last in priority."""
    ranked = sorted(present, key=lambda name: name.startswith("CPU"))
    kinds = ("AUTO", "MULTI") if len(ranked) > 1 else ()
    return [*map(target_of, ranked), *(target_of(f"{kind}:{','.join(ranked)}") for kind in kinds)]


def _bare(target: Target) -> tuple[Member, ...]:
    return tuple(Member(name) for name in target.devices)


def _lanes_factory(
    wanted: Wanted, plugins: str | None, limit_s: float, stopped: Callable[[], bool]
) -> Callable[[Model], ProcessLanes]:
    def lanes_for(model: Model) -> ProcessLanes:
        pool = make_pool(model, wanted.inputs, wanted.seed)
        return ProcessLanes(model, pool, limit_s, stopped, plugins=plugins)

    return lanes_for


def _proved(
    reading: ModelReading, device: Device, lanes_for: Callable[[Model], ProcessLanes]
) -> tuple[Model, bool]:
    """Return the model with its batch axes proved, or without them and with the reason."""
    proposals = ((model, lanes_for(model)) for model in reading.batched)
    return first_proved(proposals, reading.unbatched, device.name, "EXECUTION_MODE_HINT" in device.writable)


def _check_bounds(bounds: Bounds, model: Model, devices: Sequence[Device]) -> None:
    """Refuse bounds that no configuration can meet."""
    if model.batch_refusal and bounds.batch and set(bounds.batch) != {model.batch}:
        raise UsageError(
            f"--batch cannot be searched on this model ({model.batch_refusal}); leave --batch out."
        )
    most = {
        one.name: one.streams[1] if one.streams and "NUM_STREAMS" in one.writable else 0 for one in devices
    }
    widest = max(most, key=lambda name: most[name])
    beyond = [count for count in bounds.streams or () if isinstance(count, int) and count > most[widest]]
    if beyond and most[widest]:
        raise UsageError(
            f"--streams asks for {beyond[0]}, but {widest} runs 1 to {most[widest]} streams here; "
            "give counts in that range."
        )
    if beyond:
        raise UsageError(
            f"--streams asks for {beyond[0]}, but {widest} chooses its own; leave --streams out."
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
    if changed := next(filter(None, map(_clamped, found.trials)), None):
        noted.append(Warning("clamped", f"{changed}: configurations are told apart by what was compiled."))
    mixed = [
        one.effective for one in found.trials if one.effective and "+" in (one.effective.precision or "")
    ]
    if mixed:
        noted.append(
            Warning(
                "mixed-precision",
                f"Devices together compute in different precisions ({mixed[0].precision}): which one "
                "answers a request decides how it is rounded; search devices of one precision.",
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


def _clamped(trial: Trial) -> str | None:
    """Say which device silently changed its number of streams, or None."""
    if trial.effective is None:
        return None
    asked = trial.configuration.compile_properties
    own = asked.get("DEVICE_PROPERTIES", {})
    members = [(one.devices[0].removesuffix(".0"), one.streams) for one in trial.effective.members]
    pairs = [(name, own.get(name, {}).get("NUM_STREAMS"), streams) for name, streams in members] or [
        (trial.configuration.device, asked.get("NUM_STREAMS"), trial.effective.streams)
    ]
    changed = (each for each in pairs if None not in each and each[1] != each[2])
    return next((f"{name} made {streams} of NUM_STREAMS={wish}" for name, wish, streams in changed), None)


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
        targets=standings(found.trials, found.targets),
    )
