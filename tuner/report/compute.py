"""Computes what a report shows from what a search found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence, Set
from itertools import chain, groupby
from statistics import median

from tuner.domain.configuration import Configuration
from tuner.domain.figures import share as part
from tuner.domain.properties import DEVICE_PROPERTIES
from tuner.domain.result import Result
from tuner.domain.sample import Round
from tuner.domain.sentences import answer, switches
from tuner.domain.stats import Speedup, spread
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Final, Trial
from tuner.report.view import Curve, FinalRow, Moment, Point, Row, TargetRow, Usage, View

HINT_STREAMS = "hint"


def view(result: Result, usage: Usage) -> View:
    """Return what a report shows of a result."""
    outcome, verdict, final = result.outcome, result.verdict, result.final
    no_claim = _no_claim(final)
    runs = _runs(result)
    drift = _drift(runs)
    front = {trial.number for trial, _ in result.front}
    rows = [_row(result, trial, front) for trial in result.trials]
    told = [one.speedup for one in final.finalists if one.speedup] if final else []
    return View(
        title=result.model.name,
        verdict=verdict.kind,
        answer=answer(verdict, outcome.interrupted),
        advice=_final_row(verdict.best, "the advice"),
        hint=_final_row(result.baseline, "the hint"),
        drop_in=str(result.drop_in.configuration) if result.drop_in != verdict.best else "",
        usage=usage,
        rows=rows,
        finalists=list(_final_rows(result)),
        no_claim=no_claim,
        confidence=told[0].confidence if told and not no_claim else None,
        final_rounds=_final_rounds(result),
        curves=_curves(rows),
        importance=outcome.importance,
        targets=list(_targets(result)) if len(result.targets) > 1 else (),
        plain_sum=_plain_sum(result),
        drift=drift,
        final_at_s=runs[-1][0] + final.rounds[0].at_s if final and final.rounds else None,
        noise=spread([one.fps for one in drift]) if len(drift) > 1 else 0.0,
        time=_time(result, runs),
        warnings=[one.text for one in outcome.notices],
        reproduce=dict(_reproduce(result)),
        known=f"{outcome.covered} of {outcome.points} configurations" if outcome.points else "",
        switches=switches(outcome.switches),
        front=[row for row in rows if row.number in front],
        tried=sum(row.ratio is not None and row.state != "duplicate" for row in rows),
        result=result,
    )


def _row(result: Result, trial: Trial, front: Set[int]) -> Row:
    measured, configuration = result.at_final_speed(trial), trial.configuration
    low, high = _ends(trial.speedup)
    return Row(
        number=trial.number,
        configuration=str(configuration),
        device=configuration.device,
        streams=streams_of(configuration),
        batch=configuration.batch,
        requests=configuration.requests,
        compiled=str(trial.effective or ""),
        state=trial.state,
        ratio=trial.speedup.ratio if trial.speedup else None,
        low=low,
        high=high,
        rounds=len(trial.rounds),
        fps=measured.throughput_fps if measured else None,
        p50_ms=measured.latency_ms.p50 if measured else None,
        p90_ms=measured.latency_ms.p90 if measured else None,
        p99_ms=measured.latency_ms.p99 if measured else None,
        memory_mb=measured.memory_mb if measured else None,
        compile_s=trial.compile_s,
        reason=trial.reason or "",
        properties=json.dumps(configuration.plain_properties),
        role=_role(result, trial, front),
    )


def _role(result: Result, trial: Trial, front: Set[int]) -> str:
    if trial.configuration == result.baseline.configuration:
        return "hint"
    if trial.configuration == result.verdict.best.configuration:
        return "best"
    return "front" if trial.number in front else ""


def _ends(gain: Speedup | None) -> tuple[float | None, float | None]:
    """Return the ends of an interval, None where an end is open."""
    if gain is None:
        return None, None
    return gain.low if gain.low > 0 else None, gain.high if math.isfinite(gain.high) else None


def streams_of(configuration: Configuration) -> str:
    """Return the streams that were asked for, in words: each device's own for several."""
    properties = configuration.plain_properties
    own = properties.get(DEVICE_PROPERTIES)
    if own:
        devices = target_of(configuration.device).devices
        return ", ".join(f"{name} {own.get(name, {}).get('NUM_STREAMS', HINT_STREAMS)}" for name in devices)
    return str(properties.get("NUM_STREAMS", HINT_STREAMS))


def _no_claim(final: Final | None) -> str:
    if final is None:
        return "no final was held"
    return f"the final was cut short: {final.trouble}" if final.trouble else ""


def _final_rows(result: Result) -> Iterator[FinalRow]:
    final = result.final
    if final is None:
        return
    ranked = sorted(final.finalists, key=lambda one: -one.ratio)
    running = [one for one in (*ranked, final.baseline) if one.disqualified is None and one.ratio]
    top = max(running, key=lambda one: one.ratio, default=None)
    for one in [*ranked, final.baseline]:
        words = [
            "the hint" if one == final.baseline else "",
            "the advice" if one == result.verdict.best else "",
            "tied with the best" if top and one in running and _tied(one, top) else "",
        ]
        yield _final_row(one, one.disqualified or ", ".join(filter(None, words)))


def _tied(one: Candidate, top: Candidate) -> bool:
    """Whether intervals overlap; the hint, all others' measure, has none."""
    low = top.speedup.low if top.speedup else top.ratio
    high = one.speedup.high if one.speedup else one.ratio
    return one != top and high >= low


def _final_row(one: Candidate, note: str) -> FinalRow:
    figures = one.measured
    low, high = _ends(one.speedup)
    return FinalRow(
        configuration=str(one.configuration),
        compiled=str(one.effective or ""),
        ratio=one.ratio or None,
        low=low,
        high=high,
        fps=figures.throughput_fps if figures else None,
        p50_ms=figures.latency_ms.p50 if figures else None,
        p99_ms=figures.latency_ms.p99 if figures else None,
        memory_mb=figures.memory_mb if figures else None,
        note=note,
    )


def _final_rounds(result: Result) -> dict[str, list[float]]:
    """Return each finalist's ratio in every round, for those that are in the rounds, the advice first."""
    final = result.final
    if final is None:
        return {}
    lanes = enumerate((one.configuration for one in final.finalists if one.speedup), start=1)
    advised = result.verdict.best.configuration
    return {
        str(configuration): [math.exp(each.log_ratio(lane)) for each in final.rounds]
        for lane, configuration in sorted(lanes, key=lambda one: one[1] != advised)
    }


def _curves(rows: Sequence[Row]) -> dict[str, list[Curve]]:
    """Return the curves of every target that was measured with more than one batch."""
    groups: dict[str, dict[str, list[Point]]] = {}
    for row in rows:
        if row.ratio is not None and row.state in {"measured", "pruned"}:
            points = groups.setdefault(_unordered(row.device), {}).setdefault(row.streams, [])
            points.append(Point(row.batch, row.requests, row.ratio, row.fps))
    return {
        target: [_curve(streams, points) for streams, points in sorted(kinds.items())]
        for target, kinds in groups.items()
        if len({point.batch for point in chain.from_iterable(kinds.values())}) > 1
    }


def _curve(streams: str, points: Sequence[Point]) -> Curve:
    ordered = sorted(points)
    batches = groupby(ordered, key=lambda one: one.batch)
    best = [max(same, key=lambda one: one.ratio) for _, same in batches]
    return Curve(streams, ordered, best)


def _unordered(device: str) -> str:
    """Return a device string that is the same for every order of a combination's devices."""
    target = target_of(device)
    return f"{target.kind}:{','.join(sorted(target.devices))}" if target.kind else str(target)


def _targets(result: Result) -> Iterator[TargetRow]:
    for one in result.targets:
        measured, (low, high) = result.at_final_speed(one.best), _ends(one.best.speedup)
        share = ""
        if one.share_of_sum is not None:
            share = f"{part(one.share_of_sum)} of the plain sum of its devices"
        if one.share_of_gain is not None:
            share = f"{part(one.share_of_gain)} of an explicit batch's gain"
        yield TargetRow(
            target=one.target,
            configuration=str(one.best.configuration),
            ratio=one.best.ratio,
            low=low,
            high=high,
            fps=measured.throughput_fps if measured else None,
            source=_source(result, one.best),
            share=share,
        )


def _source(result: Result, one: Trial | Candidate) -> str:
    if isinstance(one, Trial):
        return "a trial: no claim"
    return "a final cut short: no claim" if result.final and result.final.trouble else "the final"


def _plain_sum(result: Result) -> float | None:
    alone = [one.best.ratio for one in result.targets if not target_of(one.target).kind]
    return sum(alone) if len(alone) > 1 else None


def _runs(result: Result) -> list[tuple[float, list[Round]]]:
    """Return the rounds of every run of the study, in order, with the seconds that earlier runs took.

    The clock of a run starts at zero, and only trials that began together may share a beginning.
    """
    runs: list[tuple[float, list[Round]]] = []
    start, began, ended = 0.0, math.inf, 0.0
    parts = [trial.rounds for trial in result.trials if trial.rounds]
    if result.final and result.final.rounds:
        parts.append(result.final.rounds)
    for rounds in parts:
        if rounds[0].at_s < began:
            start, ended = start + ended, 0.0
            runs.append((start, []))
        began, ended = rounds[0].at_s, max(ended, rounds[-1].at_s)
        runs[-1][1].extend(rounds)
    return runs


def _drift(runs: Sequence[tuple[float, Sequence[Round]]]) -> list[Moment]:
    # Hints that are measured together share the baseline's windows: each is told once.
    told = dict.fromkeys((start + one.at_s, one.rates_fps[0]) for start, rounds in runs for one in rounds)
    middle = median(rate for _, rate in told) if told else 1.0
    return [Moment(at_s, rate, rate / middle) for at_s, rate in sorted(told)]


def _time(result: Result, runs: Sequence[tuple[float, Sequence[Round]]]) -> dict[str, float]:
    """Return where the seconds of all runs of the study went, as far as they are known.

    The final, from its first round to the beginning of its last, holds its own compiling and warming up.
    The rest, reading the model and opening the final's first sitting among it, is known of a single run only.
    """
    hint_s = (result.trials[0].window_s or 0.0) if result.trials else 0.0
    final = result.final.rounds if result.final else ()
    paired = {(start, one.at_s) for start, rounds in runs for one in rounds} - {
        (runs[-1][0], one.at_s) for one in final
    }
    timed = [one for one in result.trials if one.took_s is not None]
    known = {
        "compiling": sum(one.compile_s or 0.0 for one in result.trials),
        "windows": len(paired) * hint_s + sum(_windows_s(one) for one in result.trials),
        "starting and warming up": sum(
            (one.took_s or 0.0) - (one.compile_s or 0.0) - _windows_s(one) - len(one.rounds) * hint_s
            for one in timed
        ),
        "final": final[-1].at_s - final[0].at_s if final else 0.0,
    }
    rest = result.run.seconds - sum(known.values())
    told = {name: seconds for name, seconds in known.items() if seconds > 0}
    return {**told, "the rest": rest} if rest > 0 and len(runs) == 1 else told


def _windows_s(trial: Trial) -> float:
    return len(trial.rounds) * (trial.window_s or 0.0)


def _reproduce(result: Result) -> Iterator[tuple[str, str]]:
    run, host, model = result.run, result.host, result.model
    inputs = ", ".join(f"{one.name}[{','.join(map(str, one.shape))}] {one.type}" for one in model.inputs)
    yield "command", run.command
    yield "seed", str(run.seed)
    yield "tuner", run.version
    yield "OpenVINO", host.openvino
    limit = f" (its control group gives {host.cgroup_cores:g})" if host.cgroup_cores else ""
    yield "host", f"{host.cpu}, {host.cores} cores{limit}, {host.memory_mb / 1024:.0f} GiB, {host.os}"
    yield "devices", ", ".join(f"{name} ({full})" for name, full in host.devices.items())
    if host.drivers:
        yield "drivers", ", ".join(f"{name} {version}" for name, version in host.drivers.items())
    yield "model", f"{model.path}, SHA-256 {model.sha256}"
    yield "inputs", inputs
    yield "trials", f"{run.trials}; the last run took {run.seconds:.0f} s"
    yield "date", run.date
