"""Rows of the report's tables: trials, finalists and targets."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Set

from tuner.domain.configuration import Configuration
from tuner.domain.figures import share
from tuner.domain.properties import DEVICE_PROPERTIES
from tuner.domain.result import Result
from tuner.domain.stats import Speedup
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Trial
from tuner.report.view import FinalRow, Row, TargetRow

HINT_STREAMS = "hint"


def trial_rows(result: Result) -> list[Row]:
    """Return a row for every trial."""
    front = {trial.number for trial, _ in result.front}
    return [_trial_row(result, trial, front) for trial in result.trials]


def _trial_row(result: Result, trial: Trial, front: Set[int]) -> Row:
    measured, configuration = result.at_final_speed(trial), trial.configuration
    agreement = measured.agreement if measured else None
    low, high = _ends(trial.speedup)
    return Row(
        number=trial.number,
        configuration=str(configuration),
        device=configuration.device,
        streams=_streams(configuration),
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
        cpu_ms_per_item=measured.cpu_ms_per_item if measured else None,
        max_error=agreement.max_error if agreement else None,
        cosine=agreement.cosine if agreement else None,
        same_top1=agreement.same_top1 if agreement else None,
        compile_s=trial.compile_s,
        reason=trial.reason or "",
        properties=json.dumps(configuration.plain_properties),
        role=_role(result, trial, front),
        metric=result.question.metric,
        excess=trial.excess,
        throttled=measured.throttled.periods if measured and measured.throttled else None,
        slowest_fps=min(measured.copies_fps) if measured and measured.copies_fps else None,
    )


def _role(result: Result, trial: Trial, front: Set[int]) -> str:
    if trial.configuration == result.baseline.configuration:
        return "hint"
    if trial.configuration == result.verdict.best.configuration:
        return "best"
    return "front" if trial.number in front else ""


def _ends(speedup: Speedup | None) -> tuple[float | None, float | None]:
    """Return the ends of an interval, None where an end is open."""
    if speedup is None:
        return None, None
    return speedup.low if speedup.low > 0 else None, speedup.high if math.isfinite(speedup.high) else None


def _streams(configuration: Configuration) -> str:
    """Return the streams that were asked for, in words: each device's own for several."""
    properties = configuration.plain_properties
    own = properties.get(DEVICE_PROPERTIES)
    if own:
        devices = target_of(configuration.device).devices
        return ", ".join(f"{name} {own.get(name, {}).get('NUM_STREAMS', HINT_STREAMS)}" for name in devices)
    return str(properties.get("NUM_STREAMS", HINT_STREAMS))


def final_rows(result: Result) -> Iterator[FinalRow]:
    """Yield the finalists, best first, then the hint; nothing where no final was held."""
    final = result.final
    if final is None:
        return
    ranked = sorted(final.finalists, key=lambda finalist: -finalist.ratio)
    everyone = [*ranked, final.baseline]
    running = [entry for entry in everyone if entry.disqualified is None and entry.ratio]
    top = max(running, key=lambda entry: entry.ratio, default=None)
    for entry in everyone:
        words = [
            "the hint" if entry == final.baseline else "",
            "the advice" if entry == result.verdict.best else "",
            "tied with the best" if top and entry in running and _tied(entry, top) else "",
        ]
        yield final_row(result, entry, entry.disqualified or ", ".join(filter(None, words)))


def _tied(entry: Candidate, top: Candidate) -> bool:
    """Whether intervals overlap; the hint, which all are compared with, has none."""
    low = top.speedup.low if top.speedup else top.ratio
    high = entry.speedup.high if entry.speedup else entry.ratio
    return entry != top and high >= low


def final_row(result: Result, entry: Candidate, note: str) -> FinalRow:
    """Return a finalist, or the hint, as a row."""
    measured = entry.measured
    low, high = _ends(entry.speedup)
    return FinalRow(
        configuration=str(entry.configuration),
        compiled=str(entry.effective or ""),
        ratio=entry.ratio or None,
        low=low,
        high=high,
        fps=measured.throughput_fps if measured else None,
        p50_ms=measured.latency_ms.p50 if measured else None,
        p99_ms=measured.latency_ms.p99 if measured else None,
        memory_mb=measured.memory_mb if measured else None,
        cpu_ms_per_item=measured.cpu_ms_per_item if measured else None,
        note=note,
        metric=result.question.metric,
    )


def target_rows(result: Result) -> Iterator[TargetRow]:
    """Yield the best of each target."""
    for standing in result.targets:
        best = standing.best
        measured, (low, high) = result.at_final_speed(best), _ends(best.speedup)
        words = ""
        if standing.share_of_sum is not None and result.question.metric == "throughput":
            words = f"{share(standing.share_of_sum)} of the plain sum of its devices"
        if standing.share_of_gain is not None:
            words = f"{share(standing.share_of_gain)} of an explicit batch's gain"
        yield TargetRow(
            target=standing.target,
            configuration=str(best.configuration),
            ratio=best.ratio,
            low=low,
            high=high,
            fps=measured.throughput_fps if measured else None,
            source=_source(result, best),
            share=words,
            metric=result.question.metric,
        )


def _source(result: Result, best: Trial | Candidate) -> str:
    if isinstance(best, Trial):
        return "a trial: no claim"
    return "a final cut short: no claim" if result.final and result.final.trouble else "the final"
