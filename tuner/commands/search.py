"""`tuner.search`: the whole job, from a model's path to the advice, the report and the study."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tuner import __version__
from tuner.advice.writer import make_advice
from tuner.commands.asked import Asked, asked_of
from tuner.commands.files import open_study, refuse_to_replace_several, refuse_unwritable, save_answer
from tuner.commands.measuring import Ready, begin, measuring
from tuner.commands.on_a_cluster import on_a_cluster
from tuner.commands.report import REPORT_NAME
from tuner.domain.objectives import Objective
from tuner.domain.question import Question
from tuner.domain.result import Notice, Outcome, Result, SearchRun, Setting
from tuner.domain.space import Choice
from tuner.domain.travel import Travel, travel_of
from tuner.errors import UsageError
from tuner.measure.guard import importable_script, refuse_while_imported
from tuner.measure.interrupt import interruptible
from tuner.measure.lock import host_lock
from tuner.measure.neighbour import running
from tuner.measure.place import placed, require_place
from tuner.study.importance import importance
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import Hosts
from tuner.tuning.progress import Began, Observer, Started, Step, Waiting, Warned, ending
from tuner.tuning.remarks import measurement_notices
from tuner.tuning.targets import Batching
from tuner.tuning.tune import Findings, Task, TrialStore, tune


def search(
    model: str | os.PathLike[str],
    *,
    device: str | Sequence[str] = (),
    plugins: str | os.PathLike[str] | None = None,
    batching: Batching = "explicit",
    budget: str | float = "60s",
    up_to: str | float | None = None,
    trials: int | None = None,
    streams: Sequence[Choice] | None = None,
    batch: Sequence[int] | None = None,
    requests: Sequence[int] | None = None,
    precision: str | Sequence[str] | None = None,
    max_error: str | float | None = None,
    objective: Objective = "throughput",
    max_latency: str | Sequence[str] | None = None,
    max_memory: str | None = None,
    min_throughput: str | float | None = None,
    rate: str | float | None = None,
    arrivals: str | os.PathLike[str] | None = None,
    copies: str | int | Sequence[int] | None = None,
    beside: str | None = None,
    nice: int = 0,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    output: str | os.PathLike[str] | None = None,
    cpus: str | float | None = None,
    cpuset: str | Sequence[int] | None = None,
    ray: str | None = None,
    hosts: str | None = None,
    storage: str | None = None,
    seed: int = 0,
    observer: Observer = lambda _: None,
    command: str | None = None,
) -> Result:
    """Search a model's best configuration and write `config.yaml`, `report.html` and `study.db`.

    In a script, call it under `if __name__ == "__main__":`: lanes are processes of their own.

    Args:
        model: Path of whatever `ov.Core().read_model` reads, or of a folder with one such model in it.
        device: Target or targets to search, as `compile_model` takes them; if empty, every device here
            and, of several devices, their combinations.
        plugins: OpenVINO's plugins XML with further devices.
        batching: Who gathers items into a batch: the application (`"explicit"`), OpenVINO (`"auto"`),
            or `"both"`.
        budget: Time for everything, e.g. `"90s"`, `"5m"`, or seconds.
        up_to: More time, spent only while the answer is open, and time may settle it; none unless given.
        trials: Trials at most.
        streams: Stream counts to search, with `"hint"` for the hint's own choice.
        batch: Batches to search.
        requests: Numbers of infer requests to search.
        precision: Precisions to search: `"f32,bf16"`, with `"hint"` for the hint's own, or `"all"` that a
            device has; the hint's own alone unless given.
        max_error: How far outputs may be from those in f32, as a share of the largest value (`0.01`, `"1%"`);
            what the rounding of the coarsest precision explains unless given.
        objective: What is to be gained: `"throughput"`; `"latency"`, the p99 latency of one caller who waits,
            against the hint `LATENCY`; `"cpu"`, little CPU time an item; `"pareto"`, the front of throughput
            and p99 latency, with its knee as what to deploy; or `"rate"`, the highest rate of random arrivals
            at which `max_latency` holds. With `rate` or `arrivals` it is `"latency"`, the p99 latency of the
            items that arrive, or `"cpu"`. Where items arrive, the baseline is the better of the hints
            `THROUGHPUT` and `LATENCY`.
        max_latency: What a percentile of the latency may be at most, p99 unless it is named: `"20ms"`,
            `"p90:5ms"`; or several of them.
        max_memory: What the process may take at most: `"2GiB"`, `"500MiB"`.
        min_throughput: Items per second at least.
        rate: Items per second that arrive at random (a Poisson process), whether or not there are answers.
            Then latency counts from the arrival. From 0.000001 to 100,000.
        arrivals: A text file with recorded arrival times instead, in seconds, one a line.
        copies: How many processes run a configuration side by side, judged by the sum of their rates: `2`; or
            several numbers, `"1-4"`, of which the best is searched. The baseline is the hint in as many
            processes, in the smallest number of several. 1 unless given.
        beside: A command, without a shell, of another program that runs while this one measures; it is
            started and ended by the search, and started again if it ends.
        nice: By how much what is measured gives way to other programs, from 0 to 19, as the command `nice`
            does.
        inputs: A `.npy` file, an image, or a directory of them, by input name.
        shapes: Static shapes by input name, for models with dynamic dimensions.
        output: Directory to write to; `reports/<model>` unless given.
        cpus: CPU time in cores that the search may use, as a container has it: `1.5`, by a control group.
        cpuset: Cores that it may use: `"0-1"`, `[0, 2]`.
        ray: Address of a Ray cluster on whose hosts to measure, each a trial at a time: `"auto"`,
            `"ray://head:10001"`, or `"local"`, which starts one here. Equal hosts share a study.
        hosts: Labels of the cluster's nodes that are used: `"kind=xeon"`; every node unless given.
        storage: URL of a PostgreSQL or MySQL database for a copy of the study that a team shares, or
            `"env:NAME"` with the environment variable that holds it.
        seed: Seed of proposals, of the order of windows, and of random inputs.
        observer: Called with every event; `tuner.progress()` shows them, `tuner.tuning.progress` has them.
        command: How to describe the call in the advice.

    Returns:
        Everything the search knows. After an interruption (Ctrl-C), or where its cluster was lost,
        `outcome.interrupted` is set: what to deploy is the hint, and `verdict.closest` is the best so far,
        which is not proven.

    Raises:
        UnsavedError: The search has its answer, but a file cannot be written; `result` has the answer.
        TunerError: With one sentence for the user.
    """
    refuse_while_imported("tuner.search")
    asked = asked_of(
        model,
        device=device,
        plugins=plugins,
        batching=batching,
        budget=budget,
        up_to=up_to,
        trials=trials,
        streams=streams,
        batch=batch,
        requests=requests,
        precision=precision,
        max_error=max_error,
        objective=objective,
        max_latency=max_latency,
        max_memory=max_memory,
        min_throughput=min_throughput,
        rate=rate,
        arrivals=arrivals,
        copies=copies,
        beside=beside,
        nice=nice,
        inputs=inputs,
        shapes=shapes,
        output=output,
        cpus=cpus,
        cpuset=cpuset,
        storage=storage,
        seed=seed,
        command=command,
    )
    if ray is None and hosts is not None:
        raise UsageError("hosts= chooses hosts of a Ray cluster; give its address with ray=, too.")
    with ending(observer):
        refuse_unwritable(asked)
        refuse_to_replace_several(asked)
        if ray is None:
            return _searched_here(asked, observer)
        return _searched_on_a_cluster(asked, ray, hosts, observer)


def _searched_here(asked: Asked, tell: Observer) -> Result:
    """Search on this host, when no other search measures on it."""
    require_place(asked.cpus, asked.cpuset)
    began, waited = begin(asked, tell), [False]

    def wait(holder: str) -> None:
        waited[0] = True
        tell(Waiting(holder))

    with importable_script(), interruptible() as stopped, host_lock(asked.command, wait, stopped):
        if waited[0]:  # the model may be another by now
            began = begin(asked, tell)
        with running(asked.question.beside) as neighbour, placed(asked.cpus, asked.cpuset):
            budget = _budget(asked, began.took_s)
            tell(Started(budget.left_s()))
            with measuring(asked, began, budget, stopped, tell, neighbour) as (ready, this_host):
                return _tuned(asked, ready, this_host, budget, tell)


def _searched_on_a_cluster(asked: Asked, address: str, labels: str | None, tell: Observer) -> Result:
    """Search on the hosts of a Ray cluster; this process only keeps the study and asks for configurations."""
    tell(Step("sending the model to the cluster"))
    with on_a_cluster(asked, address, labels, tell) as (ready, cluster):
        budget = _budget(asked, cluster.took_s)  # waiting for a host does not count
        tell(Started(budget.left_s()))
        return _tuned(asked, ready, cluster, budget, tell)


def _budget(asked: Asked, spent_s: float = 0.0) -> Budget:
    return Budget(asked.budget_s, asked.trials, time.monotonic, spent_s, asked.up_to_s)


def _tuned(asked: Asked, ready: Ready, hosts: Hosts, budget: Budget, tell: Observer) -> Result:
    """Tune on hosts that are ready, and save the answer."""
    setting = _setting(asked, ready)
    tell(Began(ready.model, ready.host, setting.targets, asked.budget_s))
    for notice in ready.notices:
        tell(Warned(notice))
    with closing(open_study(asked, setting, tell)) as study:
        study.begin(setting)
        found = tune(_task(asked, ready, hosts, study, budget, tell))
        closing_notices = _closing_notices(found, hosts, asked.question, tell)
        notices = [*ready.notices, *hosts.notices, *closing_notices, *study.closing_notices()]
        travel = _travel(found, hosts, asked.question)
        outcome = replace(_outcome(asked, found, notices, budget), travel=travel)
        tell(Step("writing the advice and the report"))
        return save_answer(study, Result(setting, outcome, found.trials, found.final), asked)


def _setting(asked: Asked, ready: Ready) -> Setting:
    targets = tuple(map(str, ready.targets))
    return Setting(ready.model, ready.host, targets, _run(asked), asked.bounds, asked.question)


def _task(
    asked: Asked, ready: Ready, hosts: Hosts, store: TrialStore, budget: Budget, tell: Observer
) -> Task:
    return Task(
        ready.model,
        ready.targets,
        hosts,
        ready.layout,
        store,
        budget,
        asked.seed,
        tell,
        ready.strategy,
        bounds=asked.bounds,
        question=asked.question,
        item_mb=ready.item_mb,
    )


def _closing_notices(found: Findings, hosts: Hosts, question: Question, tell: Observer) -> list[Notice]:
    """Return what the search itself showed of the targets and the hosts; observers know the former."""
    left_out = [
        Notice("left-out", f"{target} is not searched: {why}.") for target, why in found.left_out.items()
    ]
    measured = [*measurement_notices(found, question), *hosts.disturbances()]
    for notice in measured:
        tell(Warned(notice))
    return [*left_out, *measured]


def _outcome(asked: Asked, found: Findings, notices: Sequence[Notice], budget: Budget) -> Outcome:
    """Add to what the search found what only this command knows."""
    try:
        shares = importance(found.trials)
    except MemoryError:  # the answer does not need them
        shares = {}
    return replace(
        found.outcome,
        notices=(*found.outcome.notices, *notices),
        importance=shares,
        run=_run(asked, len(found.trials), budget.spent_s()),
    )


def _travel(found: Findings, hosts: Hosts, question: Question) -> Travel | None:
    """Return on how many hosts the answer holds, where there is more than one."""
    if hosts.measured_on < 2 or found.final is None:
        return None
    return travel_of(found.outcome.verdict, hosts.measured_on, hosts.elsewhere, question)


def _run(asked: Asked, trials: int = 0, seconds: float = 0.0) -> SearchRun:
    date = datetime.now().astimezone().isoformat(timespec="seconds")
    return SearchRun(__version__, asked.command, asked.seed, trials, seconds, date)


def document(result: Result, config: Path, study: Path, unsaved: Collection[Path] = ()) -> dict[str, Any]:
    """Return a result as plain data: the advice, the sentence, warnings, trials, files that were saved."""
    outcome = result.outcome
    files = {"config": config, "report": config.with_name(REPORT_NAME), "study": study}
    return {
        **msgspec.to_builtins(make_advice(result)),
        "sentence": result.sentence,
        "interrupted": outcome.interrupted,
        "warnings": [{"code": notice.code, "text": notice.text} for notice in outcome.notices],
        "tried": [
            {"configuration": str(trial.configuration), "state": trial.state, "reason": trial.reason}
            for trial in result.trials
        ],
        "files": {name: str(path) for name, path in files.items() if path not in unsaved},
    }
