"""What the command line says, as plain lines; fixed ones fit into 80 columns."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.domain.figures import (
    count,
    decimals_apart,
    faster,
    gain,
    gain_of,
    interval,
    mebibytes,
    milliseconds,
    rate,
    share,
)
from tuner.domain.history import History
from tuner.domain.host import Host
from tuner.domain.load import Load
from tuner.domain.model import Model
from tuner.domain.place import Place, Throttling
from tuner.domain.result import Result
from tuner.domain.sample import Measured
from tuner.domain.sentences import cheaper_line, played_again, price_line, switches
from tuner.domain.standing import Standing
from tuner.domain.stats import Speedup
from tuner.domain.support import EARLIER_RUN
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Trial
from tuner.domain.verdict import tied_winners
from tuner.tuning.progress import BaselineReady, Began, FinalBegan

if TYPE_CHECKING:
    from tuner.commands.verify import Verification
    from tuner.probe.devices import Device

NAME_WIDTH = 36
LEAST_SHARE = 0.005  # less is written as 0 %
UNKNOWN, HINT = "unknown", "PERFORMANCE_HINT"
LEFT_WIDTH = 10
LABEL = re.compile(r" {0,4}\S{0,8} {2,7}")
"""What a line begins with before its text: `  best     `, or the number of a trial."""


def folded(line: str, width: int) -> str:
    """Fold a line between words; further lines are indented as far as the text after the label."""
    found = LABEL.match(line)
    indent = " " * (found.end() if found else 2)
    parts = [
        textwrap.fill(part, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for part in line.splitlines()
    ]
    return "\n".join(parts)


def seconds_left(left_s: float) -> str:
    """Return how long something is still to take."""
    return f"{left_s:.0f} s left" if left_s >= 0.5 else "finishing"


def header(began: Began, version: str) -> Iterator[str]:
    """Yield the lines about host and model."""
    yield f"openvino-tuner {version} on {_host(began.host)}"
    if place := _place(began.host):
        yield f"place  {place}"
    yield f"model  {began.model.name}: {_inputs(began.model)}"


def baseline(ready: BaselineReady) -> Iterator[str]:
    """Yield the lines about the hints and the space."""
    hint = ready.baseline
    if hint.measured:
        name = _hint_name(hint)
        which = "" if name == "THROUGHPUT" else f" ({HINT}={name})"
        figures_of = figures(hint.measured)
        yield f"hint   {hint.configuration.device}, {hint.effective or UNKNOWN}{which}: {figures_of}"
    for other in ready.others:
        of_first = f": {_gain(other.speedup)}" if other.speedup else ""
        yield f"       {other.configuration.device}, {other.effective or UNKNOWN}{of_first}"
    for target, why in ready.left_out.items():
        yield f"out    {target}: {why}"
    known = f", {count(ready.known, 'trial')} known from earlier runs" if ready.known else ""
    yield f"space  {ready.points} configurations{known}"


def trial_lines(trial: Trial, best: Trial | None) -> Iterator[str]:
    """Yield what there is to say about a trial that ended; `best` is the best so far, itself included."""
    start = f"{trial.number:>3}  {trial.configuration!s:<{NAME_WIDTH}}"
    if len(start) > NAME_WIDTH + 5:  # a line of its own, so that figures stay in their column
        yield start
        start = " " * (NAME_WIDTH + 5)
    if trial.speedup is None or trial.measured is None:
        yield f"{start}  {trial.state}: {trial.reason}"
        return
    end = "over a limit" if not trial.keeps_limits else "best" if trial == best else trial.state
    yield f"{start} {_gain(trial.speedup):>9} {rate(trial.measured.throughput_fps):>9}/s  {end}"


def trial_details(trial: Trial) -> Iterator[str]:
    """Yield the further lines about a trial that `-v` shows."""
    if trial.measured and trial.speedup and trial.compile_s is not None:
        memory = mebibytes(trial.measured.memory_mb)
        yield f"     {trial.effective or UNKNOWN}; compiled in {trial.compile_s:.2f} s"
        yield f"     {_interval(trial.speedup)}; {figures(trial.measured)}; {memory}"


def best_line(best: Trial | None) -> str:
    """Return what is best so far."""
    if best is None or best.speedup is None:
        return "best so far: the hint"
    return f"best so far: {_gain(best.speedup)} ({_interval(best.speedup)}) {best.configuration}"


def final(began: FinalBegan) -> Iterator[str]:
    """Yield the lines about who is in the final, and why the best so far is not."""
    yield f"final: the hint against {'; '.join(map(str, began.finalists))}"
    if began.left_out:
        found = began.left_out.speedup
        leader = f"{began.left_out.configuration}" + (f" ({_gain(found)})" if found else "")
        why = "the time left is too short for it, and the gain of the finalist is more certain"
        yield f"left out of the final: {leader}, because {why}"


def summary(result: Result, config: Path, study: Path, unsaved: Collection[Path] = ()) -> Iterator[str]:
    """Yield the lines of the answer; files that are `unsaved` are not named."""
    verdict = result.verdict
    yield result.sentence
    yield from (f"  run      {each.text}" for each in result.outcome.notices if each.code == EARLIER_RUN)
    yield from _load(result.question.load)
    yield from (f"  rate     {boundary}" for boundary in result.boundaries)
    yield from (f"  limit    {limit}" for limit in result.limits)
    yield from _changes(result)
    if place := _place(result.host):
        yield f"  place    {place}{_assumed(result.baseline)}"
    yield f"  best     {_with_figures(verdict.best)}"
    which = f" ({_named(result.baseline)})" if result.question.arrives else ""
    yield f"  hint     {_with_figures(result.baseline)}{which}"
    yield from _tied(result)
    if result.drop_in != verdict.best:
        extra = f" ({_gain(result.drop_in.speedup)})" if result.drop_in.speedup else " (the hint)"
        yield f"  drop-in  {result.drop_in.configuration}{extra}: keeps the model's own batch"
    if len(result.targets) > 1:
        yield from _standings(result.targets)
        yield from _one_device(result)
    for finalist in result.final.finalists if result.final else ():
        if finalist.disqualified:
            yield f"  out      {finalist.configuration}: {finalist.disqualified}"
    if result.question.objective == "pareto":
        keeping = (pair for pair in result.front if pair[0].keeps_limits)
        yield from (f"  front    {point.configuration}: {figures(found)}" for point, found in keeping)
    yield from _covered(result)
    yield from (f"  edge     {edge}" for edge in result.outcome.edges)
    if result.outcome.switches:
        yield f"  switches around the best: {switches(result.outcome.switches)}"
    if result.played_again:
        yield f"  rounds   {result.played_again}"
    size = f"{count(len(result.trials), 'trial')}, {result.run.seconds:.0f} s"
    files = {config: "config   ", config.with_name("report.html"): "report   ", study: "study    "}
    for path in (path for path in files if path not in unsaved):
        yield f"  {files[path]}{path}" + f" ({size})" * (path == study)


def _covered(result: Result) -> Iterator[str]:
    """Yield on how many hosts it was measured, where there are several, and how much of the space."""
    if result.outcome.travel:
        yield f"  hosts    {result.outcome.travel}"
    yield f"  known    {result.outcome.covered} of {result.outcome.points} configurations"


def _changes(result: Result) -> Iterator[str]:
    """Yield what else the advice changes beside its gain: precision, and what it costs."""
    if result.precision:
        yield f"  outputs  {result.precision}"
    if price := result.price:
        yield f"  price    {price_line(price)}"
    if cheaper := result.cheaper:
        yield f"  cheaper  {cheaper_line(cheaper)}"


def _named(hint: Candidate) -> str:
    """Return a hint in OpenVINO's spelling: `PERFORMANCE_HINT=LATENCY`."""
    return f"{HINT}={_hint_name(hint)}"


def _hint_name(hint: Candidate) -> object:
    return hint.configuration.plain_properties.get(HINT, UNKNOWN)


def _load(load: Load | None) -> Iterator[str]:
    if load:
        yield f"  load     {load}"


def verification(found: Verification) -> Iterator[str]:
    """Yield the lines of a check of advice."""
    advice = found.advice
    yield f"{_answer(found)}"
    yield f"  advice   {advice.best.configuration}"
    yield f"  against  {found.against}"
    yield from _load(found.load)
    if found.question.circumstances:
        yield f"  with     {found.question.circumstances}"
    if found.then and found.then.rounds:
        yield f"  then     {gain_of(found.then.speedup)}"
    if found.now:
        yield f"  now      {gain_of(found.now)}"
    yield from (f"  limit    {limit}" for limit in found.limits)
    if found.final and (again := played_again(found.final.unsteady, len(found.final.rounds))):
        yield f"  rounds   {again}"
    for candidate in (found.final.baseline, *found.final.finalists) if found.final else ():
        out = f": {candidate.disqualified}" if candidate.disqualified else ""
        yield f"           {_with_figures(candidate)}{out}"
    yield f"  host     {found.fit.level}" + (f": {found.fit}" if found.fit.reasons else "")
    if found.model_changed:
        yield "  model    this is not the file that was measured"


def verification_document(found: Verification) -> dict[str, Any]:
    """Return a check of advice as plain data."""
    now = found.now
    return {
        "holds": found.holds,
        "sentence": _answer(found),
        "min_ratio": found.min_ratio,
        "against": found.against,
        "ratio": now.ratio if now else None,
        "low": now.low if now else None,
        "high": now.high if now and not math.isinf(now.high) else None,
        "rounds": now.rounds if now else 0,
        "metric": now.metric if now else None,
        "limits": list(found.limits),
        "load": _load_document(found.load),
        "copies": found.advice.copies,
        "beside": found.question.beside or None,
        "niceness": found.question.niceness,
        "overload": found.overload or None,
        "host": {"level": found.fit.level, "reasons": list(found.fit.reasons)},
        "model_changed": found.model_changed,
    }


def _load_document(load: Load | None) -> dict[str, Any] | None:
    return {"rate": load.rate, "arrivals": load.source or None} if load else None


def _answer(found: Verification) -> str:
    if found.overload:
        return ", ".join([f"{'holds' if found.holds else 'fails'}: {found.overload}", *found.limits])
    if found.now is None:
        return f"the advice is the same as {found.against}: there is nothing to measure"
    decimals = decimals_apart(found.now.ratio, found.min_ratio)
    measured = f"{faster(found.now.ratio, decimals, found.now.metric)} {found.against}"
    required = [f"{gain(found.min_ratio, decimals, found.now.metric)} is required"] if found.min_ratio else []
    return ", ".join([f"{'holds' if found.holds else 'fails'}: {measured}", *required, *found.limits])


def _standings(targets: Sequence[Standing]) -> Iterator[str]:
    """Yield a line about each target's best: as measured in the final, else as in its trial."""
    for target in targets:
        parts = [_gain(target.best.speedup) if target.best.speedup else "the baseline"]
        if target.share_of_sum:
            parts.append(f"{share(target.share_of_sum)} of the sum of its devices")
        if target.share_of_gain is not None:
            parts.append(f"{share(target.share_of_gain)} of an explicit batch's gain")
        yield f"  target   {target.best.configuration}: {', '.join(parts)}"


def _one_device(result: Result) -> Iterator[str]:
    """Yield whether the final shows that one device is enough."""
    finalists = result.final.finalists if result.final else ()
    best, kind = result.verdict.best.configuration.device, result.verdict.kind
    if not target_of(best).combines:
        if kind != "inconclusive" and any(
            target_of(each.configuration.device).combines for each in finalists
        ):
            yield f"  alone    {best}: one device is enough; no combination was clearly faster"
        return
    for finalist in finalists:
        near = finalist.speedup is not None and finalist.speedup.high > 1.0 and kind != "faster"
        if near and not target_of(finalist.configuration.device).combines:
            yield f"  alone    {finalist.configuration}: one device may be enough"


def _tied(result: Result) -> Iterator[str]:
    """Yield why the best so far, which was shown before the final, is not advised, where the two are tied."""
    history, advised = History(result.trials, result.setting.bounds), result.verdict.best.configuration
    leader = history.best()
    if result.verdict.kind != "faster" or result.final is None or leader is None:
        return
    shown = history.simplest_form(leader)
    if shown != advised and any(
        tied.configuration == shown for tied in tied_winners(result.final, result.question)
    ):
        yield f"  tied     {shown}: not clearly faster, so the simpler one is advised"


def _gain(speedup: Speedup) -> str:
    return gain(speedup.ratio, metric=speedup.metric)


def _interval(speedup: Speedup) -> str:
    return interval(speedup.low, speedup.high, speedup.metric) or "no interval yet"


def figures(measured: Measured) -> str:
    """Return rate and latency, and how often a quota held it back."""
    p99, throttled = milliseconds(measured.latency_ms.p99), _throttled(measured.throttled)
    return f"{rate(measured.throughput_fps)} items/s{_copies(measured)}, p99 {p99}{throttled}"


def _throttled(found: Throttling | None) -> str:
    """Return how often a quota held it back, and the latency of what was not held; empty where it did not."""
    if found is None or found.periods < LEAST_SHARE:
        return ""
    free = f" (p99 without that {milliseconds(found.free_p99_ms)})" if found.free_p99_ms else ""
    return f", throttled in {share(found.periods)} of periods{free}"


def _copies(measured: Measured) -> str:
    """Return the rates of the slowest and the fastest copy; empty for a single process."""
    if not measured.copies_fps:
        return ""
    return f" ({rate(min(measured.copies_fps))} to {rate(max(measured.copies_fps))} a copy)"


def _with_figures(candidate: Candidate) -> str:
    measured = candidate.measured
    figures_of = f": {figures(measured)}, {mebibytes(measured.memory_mb)}" if measured else ""
    return f"{candidate.configuration}{figures_of}"


def _host(host: Host) -> str:
    return f"{host.cpu}, {host.cores} cores, {host.memory_mb / 1024:.0f} GiB, OpenVINO {host.openvino}"


def _assumed(hint: Candidate) -> str:
    """Return what the hint takes the place to be; empty where its device does not say."""
    effective = hint.effective
    if effective is None or effective.streams is None or effective.threads is None:
        return ""
    return f"; the hint takes {count(effective.streams, 'stream')}, {count(effective.threads, 'thread')}"


def _place(host: Host) -> str:
    """Return what control groups and a cpuset leave of a host; empty where that is all of it."""
    found = [f"{host.quota:g} of {host.cores} cores' time (a control group's quota)"] if host.quota else []
    found += [f"{count(len(host.cpuset), 'core')} ({_listed(host.cpuset)})"] if host.cpuset else []
    limit_mb = host.memory_limit_mb
    found += [f"{mebibytes(limit_mb)} of memory"] if limit_mb and limit_mb < host.memory_mb else []
    found += [f"weight {host.cpu_weight} beside other groups"] if host.cpu_weight else []
    return ", ".join(found)


def _inputs(model: Model) -> str:
    return ", ".join(f"{each.name}[{','.join(map(str, each.shape))}] {each.type}" for each in model.inputs)


def place_lines(here: Place) -> Iterator[str]:
    """Yield what this process may use of the host, and what the hint takes."""
    cores = f"{count(len(here.cores), 'core')} ({_listed(here.cores)})"
    if here.quota and here.quota.cores < len(here.cores):
        period = milliseconds(1e3 * here.quota.period_s)
        cores += f", of which a control group allows {here.quota.cores:g} cores' time in periods of {period}"
    yield f"place  {cores}"
    if here.memory_limit_mb:
        yield f"  memory        {mebibytes(here.memory_limit_mb)} in a control group"
    if here.weight:
        yield f"  weight        {here.weight} beside other groups"
    if here.hint_streams and here.hint_threads:
        hint = f"{count(here.hint_streams, 'stream')}, {count(here.hint_threads, 'thread')}"
        yield f"  hint on CPU   {hint}"


def _listed(cores: Sequence[int]) -> str:
    """Return numbers of cores as control groups list them: `0-3,8`."""
    parts: list[list[int]] = []
    for core in cores:
        if parts and parts[-1][-1] == core - 1:
            parts[-1].append(core)
        else:
            parts.append([core])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def device_list(devices: Sequence[Device]) -> Iterator[str]:
    """Yield the lines about devices and their ranges."""
    for device in devices:
        yield f"{device.name}  {device.full_name}"
        yield f"  streams       {_range(device.streams)}"
        yield f"  requests      {_range(device.requests)}"
        yield f"  precision     {device.precision or 'not reported'}"
        yield f"  capabilities  {', '.join(device.capabilities)}"


def _range(ends: tuple[int, int] | None) -> str:
    return f"{ends[0]} to {ends[1]}" if ends else "not reported"
