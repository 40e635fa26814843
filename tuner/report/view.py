"""What a report shows, computed: renderers do no arithmetic and no choosing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from tuner.domain.configuration import Configuration, Effective
from tuner.domain.result import Finalist, Result, Trial
from tuner.domain.sample import Measured
from tuner.domain.stats import Speedup, spread
from tuner.domain.target import target_of
from tuner.domain.verdict import in_words

HINT_STREAMS = "hint"


@dataclass(frozen=True, slots=True)
class Row:
    """A trial as a reader sees it.

    Attributes:
        number: In the study, from 0.
        configuration: In short words.
        device: Device string.
        streams: Asked for: a number, `hint`, or each device's own.
        batch: Items in a request.
        requests: Infer requests in flight.
        compiled: What the device made of it, in words.
        state: `measured`, `pruned`, `duplicate` or `failed`.
        ratio: Speed over the hint's; None where it was not measured. So are all further figures.
        low: Lower end of its interval, None where there is none.
        high: Upper end, None where there is none.
        rounds: Played against the hint.
        fps: Items per second, at the speed that the host had in the final.
        p50_ms: Median latency of a request.
        p99_ms: Latency that 99 of 100 requests keep.
        memory_mb: Peak memory of its process, in MiB.
        compile_s: Seconds to read, reshape and compile.
        reason: Why it failed, or what it duplicates.
        role: `hint`, `best`, `front`, or nothing.
    """

    number: int
    configuration: str
    device: str
    streams: str
    batch: int
    requests: int
    compiled: str
    state: str
    ratio: float | None
    low: float | None
    high: float | None
    rounds: int
    fps: float | None
    p50_ms: float | None
    p99_ms: float | None
    memory_mb: float | None
    compile_s: float | None
    reason: str
    role: str


@dataclass(frozen=True, slots=True)
class Contender:
    """A finalist against the hint.

    Attributes:
        configuration: In short words.
        ratio: Speed over the hint's, None where it could not be measured.
        low: Lower end of its interval, None where there is none.
        high: Upper end, None where there is none.
        fps: Items per second.
        p99_ms: Latency that 99 of 100 requests keep.
        memory_mb: Peak memory, in MiB.
        note: `the advice`, `tied with the best`, why it is out, or nothing.
    """

    configuration: str
    ratio: float | None
    low: float | None
    high: float | None
    fps: float | None
    p99_ms: float | None
    memory_mb: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Curve:
    """How speed changes with the batch, for one kind of streams on one target.

    Attributes:
        target: Device string.
        streams: What its points share.
        batches: Batches with a measurement, ascending.
        ratios: The best ratio at each, over all numbers of requests.
    """

    target: str
    streams: str
    batches: tuple[int, ...]
    ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """The best of a target.

    Attributes:
        target: Device string.
        configuration: In short words.
        ratio: Speed over the common baseline's.
        fps: Items per second.
        share: Of the plain sum, or of an explicit batch's gain, in words; or nothing.
    """

    target: str
    configuration: str
    ratio: float
    fps: float | None
    share: str


@dataclass(frozen=True, slots=True)
class Usage:
    """How the advice is put to use.

    Attributes:
        config: Path of the YAML.
        study: Path or URL of the study.
        python: Lines of Python that load and run it.
        benchmark_app: The command line that measures it, or None.
        properties: What goes to `compile_model`, as JSON.
    """

    config: str
    study: str
    python: str
    benchmark_app: str | None
    properties: str


@dataclass(frozen=True, slots=True)
class View:
    """A search as a report shows it.

    Attributes:
        title: The model's name.
        verdict: `faster`, `keep_hint` or `inconclusive`.
        answer: The answer in one sentence.
        advice: The advised configuration in words.
        facts: Figures of the advice and the hint, by name.
        usage: How the advice is put to use.
        rows: Every trial.
        rounds: Of every trial that was measured: when each round began, the hint's rate in it and its own.
        contenders: The final, best first; empty where it was not held.
        final_rounds: Ratios of every round of the final, by configuration.
        curves: Speed over batch.
        importance: Share of what matters, by parameter.
        targets: The best of each target, where there are several.
        drift: The baseline's rate over seconds, through the trials and the final.
        final_at_s: When the final began, or None.
        noise: Spread of the baseline's rates.
        time: Where the seconds went, by name.
        warnings: What makes the figures worth less, and what to do.
        reproduce: Command, seed, versions, host, model, by name.
        known: How much of the space is known, in words.
        front: The trials that no other beats in both throughput and latency.
    """

    title: str
    verdict: str
    answer: str
    advice: str
    facts: Mapping[str, str]
    usage: Usage
    rows: Sequence[Row]
    rounds: Mapping[int, Sequence[tuple[float, float, float]]]
    contenders: Sequence[Contender]
    final_rounds: Mapping[str, Sequence[float]]
    curves: Sequence[Curve]
    importance: Mapping[str, float]
    targets: Sequence[TargetRow]
    drift: Sequence[tuple[float, float]]
    final_at_s: float | None
    noise: float
    time: Mapping[str, float]
    warnings: Sequence[str]
    reproduce: Mapping[str, str]
    known: str
    front: Sequence[Row]


def view(result: Result, usage: Usage) -> View:
    """Return what a report shows of a result."""
    verdict, final, drift = result.verdict, result.final, _drift(result)
    front = {trial.number for trial, _ in result.front}
    rows = [_row(result, trial, front) for trial in result.trials]
    return View(
        title=result.model.name,
        verdict=verdict.kind,
        answer=("stopped early; " if result.interrupted else "") + in_words(verdict),
        advice=str(verdict.best.configuration),
        facts=dict(_facts(result)),
        usage=usage,
        rows=rows,
        rounds={
            one.number: [(each.at_s, each.rates_fps[0], each.rates_fps[1]) for each in one.rounds]
            for one in result.trials
            if one.rounds
        },
        contenders=list(_contenders(result)),
        final_rounds=_final_rounds(result),
        curves=list(_curves(rows)),
        importance=result.importance,
        targets=list(_targets(result)) if len(result.targets) > 1 else (),
        drift=drift,
        final_at_s=final.rounds[0].at_s if final and final.rounds else None,
        noise=spread([rate for _, rate in drift]) if len(drift) > 1 else 0.0,
        time=_time(result),
        warnings=[one.text for one in result.warnings],
        reproduce=dict(_reproduce(result)),
        known=f"{result.covered} of {result.points} configurations" if result.points else "",
        front=[row for row in rows if row.number in front],
    )


def _row(result: Result, trial: Trial, front: Set[int]) -> Row:
    measured, configuration = result.at_final_speed(trial), trial.configuration
    gain = trial.speedup
    return Row(
        number=trial.number,
        configuration=str(configuration),
        device=configuration.device,
        streams=streams_of(configuration),
        batch=configuration.batch,
        requests=configuration.requests,
        compiled=compiled_words(trial.effective),
        state=trial.state,
        ratio=gain.ratio if gain else None,
        low=gain.low if gain and gain.low > 0 else None,
        high=gain.high if gain and math.isfinite(gain.high) else None,
        rounds=len(trial.rounds),
        fps=measured.throughput_fps if measured else None,
        p50_ms=measured.latency_ms.p50 if measured else None,
        p99_ms=measured.latency_ms.p99 if measured else None,
        memory_mb=measured.memory_mb if measured else None,
        compile_s=trial.compile_s,
        reason=trial.reason or "",
        role=_role(result, trial, front),
    )


def _role(result: Result, trial: Trial, front: Set[int]) -> str:
    if trial.configuration == result.baseline.configuration:
        return "hint"
    if trial.configuration == result.verdict.best.configuration:
        return "best"
    return "front" if trial.number in front else ""


def streams_of(configuration: Configuration) -> str:
    """Return the streams that were asked for, in words: each device's own for several."""
    properties = configuration.compile_properties
    own = properties.get("DEVICE_PROPERTIES")
    if own:
        devices = target_of(configuration.device).devices
        return ", ".join(f"{name} {own.get(name, {}).get('NUM_STREAMS', HINT_STREAMS)}" for name in devices)
    return str(properties.get("NUM_STREAMS", HINT_STREAMS))


def compiled_words(effective: Effective | None) -> str:
    """Say what a device made of a configuration."""
    if effective is None:
        return ""
    parts = [f"{one.devices[0]}: {_settings(one)}" for one in effective.members] or [_settings(effective)]
    return "; ".join([*parts, effective.precision or ""]).rstrip("; ")


def _settings(effective: Effective) -> str:
    told = {
        "streams": effective.streams,
        "threads": effective.threads,
        "pinned": None if effective.pinned is None else "yes" if effective.pinned else "no",
    }
    return ", ".join(
        f"{value} {name}" if name != "pinned" else f"pinned: {value}"
        for name, value in told.items()
        if value is not None
    )


def _contenders(result: Result) -> Iterator[Contender]:
    final = result.final
    if final is None:
        return
    measured = sorted(final.finalists, key=lambda one: -one.ratio)
    best = result.verdict.best
    top = next((one for one in measured if one.disqualified is None and one.speedup), None)
    for one in measured:
        yield _contender(one, _note(one, best, top))
    yield _contender(final.baseline, "the hint" + (", the advice" if best == final.baseline else ""))


def _note(one: Finalist, best: Finalist, top: Finalist | None) -> str:
    if one.disqualified:
        return one.disqualified
    if one == best:
        return "the advice"
    if top and one.speedup and top.speedup and one.speedup.high >= top.speedup.low:
        return "tied with the best"
    return ""


def _contender(one: Finalist, note: str) -> Contender:
    gain = one.speedup or (
        Speedup(1.0, 1.0, 1.0, 0.95, 0) if one.measured and note.startswith("the hint") else None
    )
    figures: Measured | None = one.measured
    return Contender(
        configuration=str(one.configuration),
        ratio=gain.ratio if gain else None,
        low=gain.low if gain and gain.low > 0 else None,
        high=gain.high if gain and math.isfinite(gain.high) else None,
        fps=figures.throughput_fps if figures else None,
        p99_ms=figures.latency_ms.p99 if figures else None,
        memory_mb=figures.memory_mb if figures else None,
        note=note,
    )


def _final_rounds(result: Result) -> dict[str, list[float]]:
    """Return each finalist's ratio in every round, for those that are in the rounds."""
    final = result.final
    if final is None:
        return {}
    running = [one for one in final.finalists if one.speedup]
    return {
        str(one.configuration): [math.exp(each.log_ratio(lane)) for each in final.rounds]
        for lane, one in enumerate(running, start=1)
    }


def _curves(rows: Sequence[Row]) -> Iterator[Curve]:
    groups: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row.ratio is not None and row.state in {"measured", "pruned"}:
            target = target_of(row.device)
            name = f"{target.kind}:{','.join(sorted(target.devices))}" if target.kind else str(target)
            best = groups.setdefault((name, row.streams), {})
            best[row.batch] = max(best.get(row.batch, 0.0), row.ratio)
    for (target_name, streams), best in sorted(groups.items()):
        batches = tuple(sorted(best))
        yield Curve(target_name, streams, batches, tuple(best[batch] for batch in batches))


def _targets(result: Result) -> Iterator[TargetRow]:
    for one in result.targets:
        measured = result.at_final_speed(one.best)
        share = ""
        if one.share_of_sum is not None:
            share = f"{100 * one.share_of_sum:.0f} % of the plain sum of its devices"
        if one.share_of_gain is not None:
            share = f"{100 * one.share_of_gain:.0f} % of an explicit batch's gain"
        fps = measured.throughput_fps if measured else None
        yield TargetRow(one.target, str(one.best.configuration), one.best.ratio, fps, share)


def _drift(result: Result) -> list[tuple[float, float]]:
    final = result.final.rounds if result.final else ()
    rounds = [one for trial in result.trials for one in trial.rounds]
    return [(one.at_s, one.rates_fps[0]) for one in [*rounds, *final]]


def _time(result: Result) -> dict[str, float]:
    """Return where the seconds of all runs of the study went, as far as the trials tell."""
    hint = result.trials[0].window_s if result.trials else None
    windows = sum(
        len(one.rounds) * ((one.window_s or 0.0) + (hint or 0.0)) for one in result.trials if one.rounds
    )
    compiling = sum(one.compile_s or 0.0 for one in result.trials)
    rounds = result.final.rounds if result.final else ()
    final = rounds[-1].at_s - rounds[0].at_s if rounds else 0.0
    known = {"compiling": compiling, "windows of trials": windows, "final": final}
    rest = result.run.seconds - sum(known.values())
    return {**known, "starting processes, warming up, choosing": rest} if rest > 0 else known


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    best, hint = result.verdict.best.measured, result.baseline.measured
    for name, one in (("advice", best), ("hint", hint)):
        if one:
            yield (
                name,
                (
                    f"{one.throughput_fps:,.4g} items/s, p50 {one.latency_ms.p50:.3g} ms, "
                    f"p99 {one.latency_ms.p99:.3g} ms, {one.memory_mb:.0f} MiB"
                ),
            )
    if result.drop_in != result.verdict.best:
        yield "drop-in", f"{result.drop_in.configuration}: the best that keeps the model's own batch"


def _reproduce(result: Result) -> Iterator[tuple[str, str]]:
    run, host, model = result.run, result.host, result.model
    inputs = ", ".join(f"{one.name}[{','.join(map(str, one.shape))}] {one.type}" for one in model.inputs)
    yield "command", run.command
    yield "seed", str(run.seed)
    yield "tuner", run.version
    yield "OpenVINO", host.openvino
    yield "host", f"{host.cpu}, {host.cores} cores, {host.memory_mb / 1024:.0f} GiB, {host.os}"
    yield "devices", ", ".join(f"{name} ({full})" for name, full in host.devices.items())
    yield "model", f"{model.path}, SHA-256 {model.sha256}"
    yield "inputs", inputs
    yield "trials", f"{run.trials} in {run.seconds:.0f} s"
    yield "date", run.date
