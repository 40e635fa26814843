"""What the user asks of a search."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, get_args

from tuner.advice.parsing import CONFIG_NAME
from tuner.commands.report import REPORT_NAME
from tuner.domain.limit import Limit
from tuner.domain.limit_words import limits_of
from tuner.domain.load import Load
from tuner.domain.objectives import OBJECTIVES, Objective
from tuner.domain.precision import error_of, precisions_of
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.space import HINT, Bounds, Choice
from tuner.domain.units import (
    GREATEST_SEED,
    MOST,
    arrival_rate_of,
    copies_of,
    cores_of,
    cpuset_of,
    niceness_of,
    seconds_of,
)
from tuner.errors import UsageError
from tuner.measure.answers import tolerance
from tuner.measure.neighbour import command_of
from tuner.probe.arrivals import read_arrivals
from tuner.probe.model_files import name_of, require_usable_path
from tuner.study.opening import without_secrets
from tuner.study.storage import STUDY_NAME
from tuner.tuning.strategy import strategy_for
from tuner.tuning.targets import Batching


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks of a search.

    Attributes:
        model: Path of the model.
        output: Directory of the study and the advice.
        devices: Targets to search, as `compile_model` takes them; if empty, every device here and, of
            several devices, their combinations.
        plugins: OpenVINO's plugins XML with further devices, or None.
        batching: Who gathers items into a batch: the application (`explicit`), OpenVINO (`auto`), or both.
        budget_s: Seconds that the search may take, final included.
        up_to_s: Seconds that it may take while its answer is open; 0 for no more than `budget_s`.
        trials: Greatest number of trials, or None.
        bounds: Bounds of the space.
        inputs: Files or directories with samples, by input name.
        shapes: Static shapes by input name.
        question: What the user wants to know.
        cpus: CPU time in cores that the search may use, or None for what there is.
        cpuset: Cores that it may use, or None for all of this process.
        storage: URL of a database server that keeps the study as well, or `env:NAME`; empty for none.
        seed: Seed of everything that is random.
        command: How this search was called, for the record.
    """

    model: Path
    output: Path
    devices: tuple[str, ...] = ()
    plugins: Path | None = None
    batching: Batching = "explicit"
    budget_s: float = 60.0
    up_to_s: float = 0.0
    trials: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    question: Question = THROUGHPUT
    cpus: float | None = None
    cpuset: tuple[int, ...] | None = None
    storage: str = ""
    seed: int = 0
    command: str = ""

    def __post_init__(self) -> None:
        """Refuse what has no meaning, before anything waits or runs.

        Raises:
            UsageError: A parameter has a value that it cannot have.
        """
        if self.batching not in get_args(Batching):
            words = ", ".join(get_args(Batching))
            raise UsageError(f"batching={self.batching!r} is none of {words}; give one of them.")
        if self.question.objective not in OBJECTIVES:
            words = ", ".join(map(repr, OBJECTIVES))
            raise UsageError(f"objective={self.question.objective!r} is none of {words}; give one of them.")
        _refuse_contradiction(self.question)
        require_time(self.question.load, self.budget_s)
        if self.trials is not None and _whole(self.trials) < 1:
            raise UsageError(
                f"trials={self.trials!r} is not a number of trials; give 1 or more, or leave it out."
            )
        require_seed(self.seed)
        if 0 < self.up_to_s < self.budget_s:
            raise UsageError(
                f"up_to={self.up_to_s:g}s is less than budget={self.budget_s:g}s; give more, or leave it out."
            )
        for name, shape in self.shapes.items():
            if not all(_whole(size) >= 1 for size in shape):
                raise UsageError(
                    f"shapes= gives the input '{name}' the shape {list(shape)}; give whole numbers from 1 on."
                )

    @property
    def plugins_file(self) -> str | None:
        """The plugins XML as OpenVINO takes it."""
        return str(self.plugins) if self.plugins else None

    @property
    def config(self) -> Path:
        """Where the advice is written."""
        return self.output / CONFIG_NAME

    @property
    def report(self) -> Path:
        """Where the report is written."""
        return self.output / REPORT_NAME

    @property
    def study(self) -> Path:
        """Where the study is kept."""
        return self.output / STUDY_NAME


def asked_of(
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
    storage: str | None = None,
    seed: int = 0,
    command: str | None = None,
) -> Asked:
    """Return what a call of `tuner.search` asks for; its parameters are those of the search.

    Raises:
        ModelError: The model's path is empty or not Unicode.
        UsageError: A parameter has a value that it cannot have, or two contradict each other.
    """
    require_usable_path(model)
    path, bounds = Path(model), bounds_of(streams, batch, requests, precision)
    return Asked(
        model=path,
        output=output_of(path, output),
        devices=(device,) if isinstance(device, str) else tuple(device),
        plugins=Path(plugins) if plugins else None,
        batching=batching,
        budget_s=seconds_of(budget),
        up_to_s=seconds_of(up_to, "up_to") if up_to is not None else 0.0,
        trials=trials,
        bounds=bounds,
        inputs={name: Path(file) for name, file in (inputs or {}).items()},
        shapes={name: tuple(shape) for name, shape in (shapes or {}).items()},
        question=Question.asked(
            objective,
            (*limits_of(max_latency, max_memory, min_throughput), *error_limit(bounds, max_error)),
            load_of(rate, arrivals, seed),
            copies_of(copies) if copies is not None else (1,),
            shlex.join(command_of(beside)) if beside is not None else "",
            niceness_of(nice),
        ),
        cpus=cores_of(cpus) if cpus is not None else None,
        cpuset=cpuset_of(cpuset) if cpuset is not None else None,
        storage=storage or "",
        seed=seed,
        command=without_secrets(command or f"tuner.search({str(path)!r})", storage or ""),
    )


def require_seed(seed: int) -> None:
    """Make sure that every generator of random numbers takes a seed.

    Raises:
        UsageError: One of them does not.
    """
    if not 0 <= _whole(seed) <= GREATEST_SEED:
        raise UsageError(f"seed={seed!r} is not a seed; give a whole number from 0 to {GREATEST_SEED}.")


def load_of(rate: str | float | None, arrivals: str | os.PathLike[str] | None, seed: int = 0) -> Load | None:
    """Return the load that a user asks for, or None.

    Raises:
        UsageError: There are two, or one of them is none.
    """
    if rate is not None and arrivals is not None:
        raise UsageError("rate= and arrivals= are two loads; give one of them.")
    if arrivals is not None:
        return read_arrivals(arrivals)
    return None if rate is None else Load(arrival_rate_of(rate), seed)


def _refuse_contradiction(question: Question) -> None:
    if question.of_copies and question.arrives:
        raise UsageError(
            "copies= is about processes that are kept busy; which of them an arrival goes to is for the "
            "program before them to say. Leave copies= out, or the arrivals."
        )
    if question.objective == "rate":
        _refuse_a_second_rate(question)
    if question.load is None:
        return
    given = f"arrivals='{question.load.source}'" if question.load.source else f"rate={question.load.rate:g}"
    if question.objective in {"throughput", "pareto"}:
        raise UsageError(
            f"{given} fixes the throughput, so there is none to gain; give objective='latency' for the "
            "lowest p99 latency at that rate, or objective='cpu' for the least CPU time; or leave it out for "
            "objective='rate', which finds the highest rate within max_latency=."
        )
    if any(limit.figure == "throughput" for limit in question.limits):
        raise UsageError(f"{given} fixes the throughput already; leave min_throughput= out.")


def _refuse_a_second_rate(question: Question) -> None:
    if not question.holding:
        raise UsageError(
            "objective='rate' is the highest rate of arrivals at which a limit of the latency holds, and "
            "none is given; give max_latency='20ms', for example."
        )
    if question.load:
        raise UsageError("objective='rate' finds the rate of arrivals; leave rate= and arrivals= out.")
    if any(limit.figure == "throughput" for limit in question.limits):
        raise UsageError("objective='rate' finds the rate that holds; leave min_throughput= out.")


def require_time(load: Load | None, budget_s: float) -> None:
    """Make sure that a window of a load takes no more than its share of the budget.

    Raises:
        UsageError: The budget is too short for it.
    """
    share = strategy_for(THROUGHPUT).window_share
    if load and load.window_s > share * budget_s:
        raise UsageError(
            f"budget={budget_s:g}s is too short for {load}: a window of {round(load.rate * load.window_s)} "
            f"items takes {load.window_s:.3g} s; give at least {math.ceil(load.window_s / share)}s."
        )


def bounds_of(
    streams: Sequence[Choice] | None,
    batch: Sequence[int] | None,
    requests: Sequence[int] | None,
    precision: str | Sequence[str] | None = None,
) -> Bounds:
    """Return the bounds of a search; an empty list of counts bounds nothing.

    Raises:
        UsageError: Something among the counts is no count, or a precision is unknown.
    """
    return Bounds(
        _counts(streams, "streams", HINT),
        _counts(batch, "batch"),
        _counts(requests, "requests"),
        None if precision is None else precisions_of(precision),
    )


def error_limit(bounds: Bounds, max_error: str | float | None) -> tuple[Limit, ...]:
    """Return how far outputs may be from those in f32, where precision is searched.

    Unless the user says it, that is what the rounding of the coarsest allowed precision explains.

    Raises:
        UsageError: There is an error without precision, or it is out of its range.
    """
    if max_error is not None and bounds.precision is None:
        raise UsageError(
            f"max_error='{max_error}' limits the difference from f32, which is measured where precision is "
            "searched; give precision='all' as well, or leave max_error= out."
        )
    if bounds.precision is None:
        return ()
    return (
        Limit("error", tolerance("f16", *bounds.precision) if max_error is None else error_of(max_error)),
    )


def output_of(model: Path, output: str | os.PathLike[str] | None) -> Path:
    """Return the directory that a search of `model` writes to."""
    return Path(output) if output else Path("reports") / name_of(model)


def _counts(counts: Iterable[Any] | None, name: str, word: str | None = None) -> tuple[Any, ...] | None:
    if counts is None:
        return None
    example = "[1, 2, 8]" if word is None else f"[1, 2, 8, {word!r}]"
    refused = UsageError(
        f"{name}={counts!r} is not a list of counts from 1 to {MOST}; give for example {example}."
    )
    if isinstance(counts, (str, bytes)) or not isinstance(counts, Iterable):
        raise refused
    found = tuple(count if isinstance(count, str) else _whole(count) for count in counts)
    if not all(count == word if isinstance(count, str) else 1 <= count <= MOST for count in found):
        raise refused
    return found or None


def _whole(value: object) -> int:
    """Return a whole number of any type, NumPy's included; -1 for everything else."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else -1
