"""The answer of a search, and of a check of advice, as plain lines and as data."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.cli import words
from tuner.domain.figures import count, decimals_apart, faster, gain, gain_of, share
from tuner.domain.history import History
from tuner.domain.load import Load
from tuner.domain.result import Result
from tuner.domain.sentences import cheaper_line, played_again, price_line, switches
from tuner.domain.standing import Standing
from tuner.domain.support import EARLIER_RUN
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate
from tuner.domain.verdict import tied_winners

if TYPE_CHECKING:
    from tuner.commands.verify import Verification


def summary(result: Result, config: Path, study: Path, unsaved: Collection[Path] = ()) -> Iterator[str]:
    """Yield the lines of the answer; files that are `unsaved` are not named."""
    verdict = result.verdict
    yield result.sentence
    yield from (f"  run      {each.text}" for each in result.outcome.notices if each.code == EARLIER_RUN)
    yield from _load(result.question.load)
    yield from (f"  rate     {boundary}" for boundary in result.boundaries)
    yield from (f"  limit    {limit}" for limit in result.limits)
    yield from _changes(result)
    if place := words.place_words(result.host):
        yield f"  place    {place}{_assumed(result.baseline)}"
    yield f"  best     {words.with_figures(verdict.best)}"
    which = f" ({_named(result.baseline)})" if result.question.arrives else ""
    yield f"  hint     {words.with_figures(result.baseline)}{which}"
    yield from _tied(result)
    if result.drop_in != verdict.best:
        extra = f" ({words.gain_words(result.drop_in.speedup)})" if result.drop_in.speedup else " (the hint)"
        yield f"  drop-in  {result.drop_in.configuration}{extra}: keeps the model's own batch"
    if len(result.targets) > 1:
        yield from _standings(result.targets)
        yield from _one_device(result)
    for finalist in result.final.finalists if result.final else ():
        if finalist.disqualified:
            yield f"  out      {finalist.configuration}: {finalist.disqualified}"
    if result.question.objective == "pareto":
        keeping = (pair for pair in result.front if pair[0].keeps_limits)
        yield from (f"  front    {point.configuration}: {words.figures(found)}" for point, found in keeping)
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
    return f"{words.HINT}={words.hint_name(hint)}"


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
        yield f"           {words.with_figures(candidate)}{out}"
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
        parts = [words.gain_words(target.best.speedup) if target.best.speedup else "the baseline"]
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


def _assumed(hint: Candidate) -> str:
    """Return what the hint takes the place to be; empty where its device does not say."""
    effective = hint.effective
    if effective is None or effective.streams is None or effective.threads is None:
        return ""
    return f"; the hint takes {count(effective.streams, 'stream')}, {count(effective.threads, 'thread')}"
