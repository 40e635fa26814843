"""Turns a result into advice and writes it, whole or not at all."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tuner.advice import records
from tuner.advice.advice import Advice
from tuner.advice.loader import Fleet
from tuner.advice.parsing import refuse_bombs
from tuner.advice.question_records import QuestionRecord
from tuner.advice.records import Record
from tuner.domain.configuration import Configuration
from tuner.domain.model import Model
from tuner.domain.price import Cheaper
from tuner.domain.result import Result
from tuner.domain.sample import Measured
from tuner.domain.stats import Speedup
from tuner.domain.travel import Travel
from tuner.domain.trial import Candidate
from tuner.domain.verdict import DECIDED_FOR_ANOTHER, Verdict
from tuner.errors import AdviceError
from tuner.measure.leftovers import remove_dead_files, unfinished_file
from tuner.probe.plain_files import require_replaceable

UNICODE_BREAKS = "\x85\u2028\u2029"

DIGITS = 5
"""Significant digits of measured figures; further digits would be noise."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper; Unicode's line breaks are quoted, or they would be read back as spaces.

    Bytes of a file name that are not Unicode become escapes in the text: no parser reads YAML's own for them.
    """


def _quoted_where_needed(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    text = text.encode(errors="backslashreplace").decode()
    style = '"' if any(mark in text for mark in UNICODE_BREAKS) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted_where_needed)


def make_advice(result: Result) -> Advice:
    """Return a result as advice."""
    best, baseline, verdict = result.verdict.best, result.baseline, result.verdict
    return Advice(
        schema=1,
        model=_model(result.model),
        best=records.Deployment.of(best.configuration),
        drop_in=records.DropIn.of(result.drop_in.configuration, speedup=_gain(result, result.drop_in)),
        verdict=verdict.kind,
        speedup=_gain(result, best),
        measured=_figures(best.measured) if best.measured else None,
        baseline=records.Baseline.of(
            baseline.configuration,
            measured=_figures(baseline.measured) if baseline.measured else None,
        ),
        devices=_devices(result),
        front=[
            _measurement(candidate.configuration, measured, candidate.speedup)
            for candidate, measured in result.front
        ],
        host=records.HostRecord(**{**asdict(result.host), "cpuset": list(result.host.cpuset)}),
        search=records.SearchRecord(**asdict(replace(result.run, seconds=round(result.run.seconds, 1)))),
        closest=_closest(verdict),
        cheaper=_cheaper(result.cheaper),
        question=QuestionRecord.of(result.question),
        hosts=_hosts(result.outcome.travel),
    )


def _hosts(travel: Travel | None) -> records.HostsRecord | None:
    return records.HostsRecord(travel.hosts, travel.finals, travel.held) if travel else None


def _closest(verdict: Verdict) -> records.Closest | None:
    if verdict.kind in DECIDED_FOR_ANOTHER or verdict.closest is None or verdict.speedup is None:
        return None
    return records.Closest.of(verdict.closest, speedup=_speedup(verdict.speedup))


def _cheaper(cheaper: Cheaper | None) -> records.Measurement | None:
    candidate = cheaper.candidate if cheaper else None
    if candidate is None or candidate.measured is None:
        return None
    return _measurement(candidate.configuration, candidate.measured, candidate.speedup)


def _devices(result: Result) -> list[records.TargetRecord]:
    """Return the best configuration of each target, with the final's figures if it was in the final."""
    found = []
    for standing in result.targets:
        best, share = standing.best, _rounded(standing.share_of_sum)
        if measured := result.at_final_speed(best):
            record = _measurement(best.configuration, measured, best.speedup)
            found.append(records.TargetRecord(**msgspec.structs.asdict(record), share_of_sum=share))
    return found


def write_advice(advice: Advice, path: Path) -> None:
    """Write the YAML beside its place and move it there in one step."""
    write_whole(_as_yaml(advice, advice.search.version, path), path)


def write_fleet(profiles: Sequence[Advice], path: Path) -> None:
    """Write the advice of several hosts into one YAML.

    Raises:
        AdviceError: It would be larger than what `load` reads.
    """
    text = _as_yaml(Fleet(schema=1, profiles=list(profiles)), profiles[0].search.version, path)
    try:
        refuse_bombs(text)
    except ValueError as error:
        raise AdviceError(
            f"The advice of {len(profiles)} hosts is more than 'load' reads ({error}); merge fewer files."
        ) from error
    write_whole(text, path)


def _as_yaml(record: Record, version: str, path: Path) -> str:
    header = f"# Written by openvino-tuner {version}. In Python: tuner.load({path.name!r}).compile()\n"
    body = yaml.dump(
        msgspec.to_builtins(record), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return header + body


def write_whole(text: str, path: Path) -> None:
    """Write a file beside its place and move it there in one step; until then an earlier file stays.

    Bytes of a file name that are not Unicode are written as escapes. A link is replaced, and what it leads to
    stays as it is. What a killed process had begun to write is removed.

    Raises:
        OSError: It cannot be written, or something else than a file is there, like a pipe or a device.
    """
    require_replaceable(path)
    remove_dead_files(path.parent)
    handle, temporary = unfinished_file(path)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _gain(result: Result, candidate: Candidate) -> records.SpeedupRecord:
    """Return a candidate's speedup; the speedup of the baseline over itself is exactly 1."""
    if candidate.configuration == result.baseline.configuration or candidate.speedup is None:
        rounds = result.final.rounds if result.final else ()
        sittings = rounds[-1].sitting + 1 if rounds else 1
        metric = result.question.metric
        return _speedup(Speedup(1.0, 1.0, 1.0, 0.95, len(rounds), sittings, metric))
    return _speedup(candidate.speedup)


def _speedup(speedup: Speedup) -> records.SpeedupRecord:
    figures = {**asdict(speedup), "high": None if math.isinf(speedup.high) else speedup.high}
    if speedup.metric == "throughput":
        del figures["metric"]
    return msgspec.convert(_rounded(figures), records.SpeedupRecord)


def _figures(measured: Measured) -> records.MeasuredRecord:
    figures = asdict(measured)
    del figures["probes"]  # they are in the study
    if throttled := measured.throttled:
        figures |= {
            "throttled": throttled.periods,
            "throttled_time": throttled.time,
            "p99_unthrottled_ms": throttled.free_p99_ms,
        }
    if (agreement := figures["agreement"]) and math.isinf(agreement["max_error"]):
        agreement["max_error"] = None
    return msgspec.convert(_rounded(figures), records.MeasuredRecord)


def _measurement(
    configuration: Configuration, measured: Measured, speedup: Speedup | None
) -> records.Measurement:
    gain = speedup or Speedup(1.0, 1.0, 1.0, 0.95, 0)
    return records.Measurement.of(configuration, measured=_figures(measured), speedup=_speedup(gain))


def _model(model: Model) -> records.ModelRecord:
    inputs = {each.name: records.InputRecord(shape=list(each.shape), type=each.type) for each in model.inputs}
    return records.ModelRecord(
        name=model.name,
        path=model.path,
        sha256=model.sha256,
        inputs=inputs,
        batch_axes=model.batch_axes,
        output_axes=list(model.output_axes),
        stateful=model.stateful,
    )


def _rounded(value: Any) -> Any:
    """Round figures, and those inside a record, to the significant digits of a measurement."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
