"""Computes what a report shows from what a search found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tuner.domain.course import disturbed, drift_of, runs_of, start_of
from tuner.domain.figures import digits, gibibytes, seconds
from tuner.domain.result import Result
from tuner.domain.sample import Probe
from tuner.domain.sentences import HIGH, cheaper_line, headline, limits_line, stretches, switches
from tuner.domain.stats import spread
from tuner.domain.target import target_of
from tuner.domain.trial import Final
from tuner.report.curves import curves_of
from tuner.report.limits import bounds_of, not_drawn, what_to_do
from tuner.report.notable import ahead_of_advice, cpu_labels_of, labels_of
from tuner.report.rows import final_row, final_rows, target_rows, trial_rows
from tuner.report.timeline import time_of
from tuner.report.view import FinalRow, Usage, View


def view(result: Result, usage: Usage) -> View:
    """Return what a report shows of a result."""
    outcome, verdict, final = result.outcome, result.verdict, result.final
    no_claim = _no_claim(final)
    runs = runs_of(result.trials, final, result.run.trials)
    drift = [] if result.question.arrives else drift_of(runs)
    rows = trial_rows(result)
    on_front = {trial.number for trial, _ in result.front}
    front = [row for row in rows if row.number in on_front]
    hint, advice = (
        final_row(result, result.baseline, "the hint"),
        final_row(result, verdict.best, "the advice"),
    )
    drop_in = _drop_in(result)
    price, cheaper = result.price, result.cheaper
    bounds = bounds_of(result.question, rows)
    return View(
        title=result.model.name,
        question=str(result.question),
        metric=result.question.metric,
        limits=result.limits,
        boundaries=result.boundaries,
        probes=_probes(final),
        held=next(iter(result.question.holding), None),
        unmet=result.unmet,
        what_to_do=what_to_do(result),
        verdict=verdict.kind,
        answer=result.sentence,
        headline=headline(price) if price else limits_line(verdict, result.unmet),
        high_price=HIGH if price and price.is_high else "",
        cheaper=cheaper_line(cheaper) if cheaper else "",
        advice=advice,
        hint=hint,
        drop_in=str(result.drop_in.configuration) if result.drop_in != verdict.best else "",
        precision=result.precision or "",
        drop_in_figures=drop_in,
        usage=usage,
        rows=rows,
        finalists=list(final_rows(result)),
        no_claim=no_claim,
        confidence=_confidence(final) if final and not no_claim else None,
        final_rounds=_final_rounds(result),
        curves=curves_of(rows),
        importance=outcome.importance,
        targets=list(target_rows(result)) if len(result.targets) > 1 else (),
        plain_sum=_plain_sum(result),
        drift=drift,
        disturbed=disturbed(drift),
        disturbance=stretches(disturbed(drift)),
        final_at_s=start_of(runs, final.rounds[0]) + final.rounds[0].at_s if final and final.rounds else None,
        noise=None
        if result.question.arrives
        else spread([moment.fps for moment in drift])
        if len(drift) > 1
        else 0.0,
        played_again=result.played_again,
        time=time_of(result, runs),
        warnings=[notice.text for notice in outcome.notices],
        reproduce=dict(_reproduce(result)),
        known=f"{outcome.covered} of {outcome.points} configurations" if outcome.points else "",
        switches=switches(outcome.switches),
        edges=outcome.edges,
        front=front,
        ahead=ahead_of_advice(result, rows, advice),
        labels=labels_of([] if result.question.load else front, hint, advice, drop_in),
        cpu_labels=cpu_labels_of(rows, hint, advice, drop_in),
        bounds=bounds,
        not_drawn=not_drawn(result.question, bounds),
        tried=sum(row.ratio is not None and row.state != "duplicate" for row in rows),
        result=result,
    )


def _no_claim(final: Final | None) -> str:
    if final is None:
        return "no final was held"
    return f"the final was cut short: {final.trouble}" if final.trouble else ""


def _confidence(final: Final) -> float | None:
    """Return the confidence with which the finalists' intervals hold together."""
    return next((finalist.speedup.confidence for finalist in final.finalists if finalist.speedup), None)


def _drop_in(result: Result) -> FinalRow | None:
    other = result.drop_in.configuration not in {
        result.verdict.best.configuration,
        result.baseline.configuration,
    }
    return final_row(result, result.drop_in, "the drop-in") if other else None


def _final_rounds(result: Result) -> dict[str, list[float]]:
    """Return each finalist's ratio in every round, for those that are in the rounds, the advice first."""
    final = result.final
    if final is None:
        return {}
    lanes = enumerate((entry.configuration for entry in final.finalists if entry.speedup), start=1)
    advised = result.verdict.best.configuration
    return {
        str(configuration): [math.exp(played.log_ratio(lane)) for played in final.rounds]
        for lane, configuration in sorted(lanes, key=lambda pair: pair[1] != advised)
    }


def _probes(final: Final | None) -> dict[str, Sequence[Probe]]:
    """Return the rates of arrivals that a final tried, by configuration; empty where it tried none."""
    everyone = (*final.finalists, final.baseline) if final else ()
    return {
        str(entry.configuration): sorted(entry.measured.probes, key=lambda probe: probe.rate_fps)
        for entry in everyone
        if entry.measured and entry.measured.probes
    }


def _plain_sum(result: Result) -> float | None:
    """Return the sum of what the devices reach alone; latencies and CPU times do not add up."""
    if result.question.metric != "throughput":
        return None
    alone = [each.best.ratio for each in result.targets if not target_of(each.target).kind]
    return sum(alone) if len(alone) > 1 else None


def _reproduce(result: Result) -> Iterator[tuple[str, str]]:
    run, host, model = result.run, result.host, result.model
    inputs = ", ".join(f"{each.name}[{','.join(map(str, each.shape))}] {each.type}" for each in model.inputs)
    yield "question", str(result.question)
    yield "command", run.command
    yield "seed", str(run.seed)
    yield "tuner", run.version
    yield "OpenVINO", host.openvino
    limit = f" (its control group gives {digits(host.quota)})" if host.quota else ""
    yield "host", f"{host.cpu}, {host.cores} cores{limit}, {gibibytes(host.memory_mb)}, {host.os}"
    if travel := result.outcome.travel:
        yield "hosts", str(travel)
    yield "devices", ", ".join(f"{name} ({full})" for name, full in host.devices.items())
    if host.drivers:
        yield "drivers", ", ".join(f"{name} {version}" for name, version in host.drivers.items())
    yield "model", f"{model.path}, SHA-256 {model.sha256}"
    yield "inputs", inputs
    yield "trials", f"{run.trials}; the last run took {seconds(run.seconds)}"
    yield "date", run.date
