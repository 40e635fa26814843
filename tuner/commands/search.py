"""`tuner.search`: the whole job, from a model's path to the advice, the report and the study."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from tuner import __version__
from tuner.advice.writer import make_advice, write_advice
from tuner.commands.asked import Asked, output_of
from tuner.commands.report import REPORT_NAME, write_report
from tuner.domain.model import Model
from tuner.domain.result import Notice, Result, SearchRun, Setting
from tuner.domain.sentences import answer
from tuner.domain.space import Bounds, Choice
from tuner.domain.units import seconds_of
from tuner.errors import StorageError
from tuner.measure.answers import first_proved
from tuner.measure.blobs import Blobs
from tuner.measure.interrupt import interruptible
from tuner.measure.lock import host_lock
from tuner.measure.process import COMPILE_LIMIT_S, ProcessLanes
from tuner.probe.devices import Device, facts, list_devices, schedules, with_blobs
from tuner.probe.host import describe_host, host_warnings, stolen_seconds
from tuner.probe.inputs import make_pool
from tuner.probe.model import ModelReading, digest, read_model
from tuner.study.importance import importance
from tuner.study.storage import Study
from tuner.tuning.budget import Budget
from tuner.tuning.progress import Began, Observer, Waiting, Warned
from tuner.tuning.remarks import measurement_notices, model_notices
from tuner.tuning.spaces import Layout, refuse_impossible
from tuner.tuning.targets import Batching, targets_for
from tuner.tuning.tune import Findings, Task, tune

LIMIT_S = (30.0, 300.0)
"""Least and greatest time that a lane is given to answer; in between, a quarter of the budget."""

PROCESSOR = "CPU"
"""Where it is proved that a model may be batched, before other devices: it compiles in a moment."""


class LanesFor(Protocol):
    """Prepares the lanes of a model, with or without blobs."""

    def __call__(self, model: Model, blobs: Blobs | None = None) -> ProcessLanes:
        """Return what opens its lanes."""


def search(
    model: str | os.PathLike[str],
    *,
    device: str | Sequence[str] = (),
    plugins: str | os.PathLike[str] | None = None,
    batching: Batching = "explicit",
    budget: str | float = "60s",
    trials: int | None = None,
    streams: Sequence[Choice] | None = None,
    batch: Sequence[int] | None = None,
    requests: Sequence[int] | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    output: str | os.PathLike[str] | None = None,
    seed: int = 0,
    observer: Observer = lambda _: None,
    command: str | None = None,
) -> Result:
    """Search a model's best configuration and write `config.yaml`, `report.html` and `study.db`.

    In a script, call it under `if __name__ == "__main__":`: lanes are processes of their own.

    Args:
        model: Path of whatever `ov.Core().read_model` reads.
        device: Target or targets to search, as `compile_model` takes them; with none, every device
            that is there and, of several, their combinations.
        plugins: OpenVINO's plugins XML with further devices.
        batching: Who gathers items into a batch: the application (`"explicit"`), OpenVINO (`"auto"`),
            or `"both"`.
        budget: Time for everything, e.g. `"90s"`, `"5m"`, or seconds.
        trials: Trials at most.
        streams: Stream counts to search, `"hint"` among them if wanted.
        batch: Batches to search.
        requests: Numbers of infer requests to search.
        inputs: A `.npy` file, an image, or a directory of them, by input name.
        shapes: Static shapes by input name, for models with dynamic dimensions.
        output: Directory to write to; `reports/<model>` unless given.
        seed: Seed of proposals, orders and random inputs.
        observer: Hears what happens, see `tuner.tuning.progress`.
        command: How to describe the call in the advice.

    Returns:
        Everything the search knows; an interruption (Ctrl-C) returns the best so far with
        `interrupted` set.

    Raises:
        TunerError: With one sentence for the user.
    """
    path = Path(model)
    asked = Asked(
        model=path,
        output=output_of(path, output),
        devices=(device,) if isinstance(device, str) else tuple(device),
        plugins=Path(plugins) if plugins else None,
        batching=batching,
        budget_s=seconds_of(budget),
        trials=trials,
        bounds=Bounds(
            tuple(streams) if streams else None,
            tuple(batch) if batch else None,
            tuple(requests) if requests else None,
        ),
        inputs={name: Path(file) for name, file in (inputs or {}).items()},
        shapes={name: tuple(shape) for name, shape in (shapes or {}).items()},
        seed=seed,
        command=command or f"tuner.search({str(path)!r})",
    )
    with (
        interruptible() as stopped,
        host_lock(asked.command, lambda holder: observer(Waiting(holder)), stopped),
    ):
        result = _result(asked, observer, stopped)
    _keep_advice(result, asked.config)
    write_report(result, asked.config, asked.study)
    return result


def _result(asked: Asked, tell: Observer, stopped: Callable[[], bool]) -> Result:
    """Read the model, lay out the spaces, search them, and keep what was found."""
    budget = Budget(asked.budget_s, asked.trials, time.monotonic)
    plugins = str(asked.plugins) if asked.plugins else None
    devices = {device.name: device for device in list_devices(plugins)}
    targets = targets_for(asked.devices, tuple(devices), asked.batching)
    reading = read_model(asked.model, asked.shapes)
    host, notices = describe_host(plugins), list(host_warnings())
    alone = [devices[target.devices[0]] for target in targets if not target.kind]
    blobs = Blobs(with_blobs(alone))
    lanes_for = _lanes_factory(asked, plugins, stopped)
    model, sighted = _proved(reading, [*_processor(devices), *alone], lanes_for)
    refuse_impossible(asked.bounds, model, alone, targets)
    layout = Layout(
        model,
        asked.bounds,
        asked.batching,
        {device.name: facts(device, asked.model, plugins) for device in alone},
        {target: schedules(target, plugins) for target in targets if target.combines},
    )
    setting = Setting(model, host, tuple(map(str, targets)), _run(asked))
    notices += model_notices(model, sighted)
    tell(Began(model, host, setting.targets, asked.budget_s))
    for notice in notices:
        tell(Warned(notice))

    stolen_before_s = stolen_seconds()
    with closing(_study(asked, setting)) as study, closing(blobs):
        study.begin(setting)
        task = Task(model, targets, lanes_for(model, blobs), layout, study, budget, asked.seed, tell)
        found = tune(task)
        stolen = (stolen_seconds() - stolen_before_s) / max(budget.spent_s(), 1e-9) / host.cores
        notices += _afterthoughts(found, stolen, tell)
        outcome = replace(
            found.outcome,
            notices=tuple(notices),
            importance=importance(found.trials),
            run=_run(asked, len(found.trials), budget.spent_s()),
        )
        study.finish(outcome)
    return Result(setting, outcome, found.trials, found.final)


def _afterthoughts(found: Findings, stolen: float, tell: Observer) -> list[Notice]:
    """Return what the search itself showed of the host and the targets."""
    left_out = [
        Notice("left-out", f"{target} is not searched: {why}.") for target, why in found.left_out.items()
    ]
    measured = measurement_notices(found, stolen)
    for notice in measured:
        tell(Warned(notice))
    return [*left_out, *measured]


def _lanes_factory(asked: Asked, plugins: str | None, stopped: Callable[[], bool]) -> LanesFor:
    limit_s = min(max(LIMIT_S[0], asked.budget_s / 4), LIMIT_S[1])

    def lanes_for(model: Model, blobs: Blobs | None = None) -> ProcessLanes:
        return ProcessLanes(
            model,
            make_pool(model, asked.inputs, asked.seed),
            limit_s,
            stopped,
            plugins=plugins,
            compile_limit_s=max(COMPILE_LIMIT_S, asked.budget_s),
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


def _study(asked: Asked, setting: Setting) -> Study:
    """Open the study, once it is sure that files can be written beside it."""
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=asked.output):
            pass
    except OSError as error:
        raise StorageError(
            f"'{asked.output}' cannot be written ({error.strerror or error}); "
            "choose another directory with output=."
        ) from error
    inputs = " ".join(f"{name}={path}" for name, path in sorted(asked.inputs.items()))
    if asked.plugins:
        inputs = f"{inputs} plugins {digest(asked.plugins)[:16]}".strip()
    return Study(asked.study, setting.model, setting.host, " + ".join(setting.targets), inputs)


def _run(asked: Asked, trials: int = 0, seconds: float = 0.0) -> SearchRun:
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    return SearchRun(__version__, asked.command, asked.seed, trials, seconds, date)


def _keep_advice(result: Result, config: Path) -> None:
    try:
        write_advice(make_advice(result), config)
    except OSError as error:
        raise StorageError(
            f"'{config}' cannot be written ({error.strerror or error}); the study is saved: "
            "make room there and run the same command again."
        ) from error


def document(result: Result, config: Path, study: Path) -> dict[str, Any]:
    """Return a result as plain data: the advice, the sentence, warnings, trials, files."""
    outcome = result.outcome
    return {
        **msgspec.to_builtins(make_advice(result)),
        "sentence": answer(outcome.verdict),
        "interrupted": outcome.interrupted,
        "warnings": [{"code": notice.code, "text": notice.text} for notice in outcome.notices],
        "tried": [
            {"configuration": str(trial.configuration), "state": trial.state, "reason": trial.reason}
            for trial in result.trials
        ],
        "files": {"config": str(config), "report": str(config.with_name(REPORT_NAME)), "study": str(study)},
    }
