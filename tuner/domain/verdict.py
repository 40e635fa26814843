"""The verdict that follows from a final. In doubt, no gain is claimed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tuner.domain.configuration import Configuration
from tuner.domain.figures import NAMES, better
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.domain.survey import Survey
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Final

MINIMUM_GAIN = 0.01
"""Gains below this are not worth giving up the portable hint."""

CONFIDENCE = 0.98
"""Confidence of all finalists' intervals together, in a final. `faster` depends on the lower ends alone, so
it is claimed in at most 1 % of the searches in which no candidate is faster."""

GAIN_WORTH_FINDING = 0.03
"""`keep_hint` is claimed only when a gain this large is ruled out; otherwise the answer is open."""

KEEP_CONFIDENCE = 0.9
"""Confidence of the intervals that rule out a gain. Only their upper ends count, which hold with 95 %
confidence. Every finalist must pass, so their number needs no correction (Berger, *Technometrics* 24:295,
1982)."""

VerdictKind = Literal["faster", "keep_hint", "meets_limits", "inconclusive"]


DECIDED_FOR_ANOTHER: tuple[VerdictKind, ...] = ("faster", "meets_limits")
"""The verdicts that advise another configuration than the hint."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        kind: `faster`, `keep_hint`, `inconclusive`; or `meets_limits`: not faster than the hint, which does
            not surely keep the limits.
        best: What to deploy: the baseline unless the kind is one of `DECIDED_FOR_ANOTHER`. With `keep_hint`
            it is a finalist on one device, where that is as fast as a baseline on several.
        speedup: Speedup of `best` when `faster`, else of the fastest finalist; None without rounds.
        closest: The configuration with that speedup, or None.
        why: Why the answer is not clearer, or None.
        points: Configurations in the spaces that were searched; 0 where that is not known.
        measured: How many of them were measured, or compile to the same as a measured one.
        more_s: Seconds of another run after which half of such open answers are settled, infinite if that
            cannot be told; None where time alone settles nothing.
        limited: Whether it is about configurations within limits.
    """

    kind: VerdictKind
    best: Candidate
    speedup: Speedup | None = None
    closest: Configuration | None = None
    why: str | None = None
    points: int = 0
    measured: int = 0
    more_s: float | None = None
    limited: bool = False


def decide(final: Final, known: Survey | None = None, question: Question = THROUGHPUT) -> Verdict:
    """Return the verdict of a final.

    `faster` needs a finalist whose lower bound is above the minimum gain. Of those that tie with the
    fastest, the simplest wins. `keep_hint` needs a gain worth finding to be ruled out for every finalist, no
    finalist that ran and was then disqualified, and no other configuration that may gain as much. Then a
    finalist on one device that is as fast as the hint on several replaces that hint. Everything else is
    inconclusive, and the hint stays.

    With limits, only finalists count that surely keep them. If the hint does not, the best of these is
    advised, faster or not.

    Args:
        final: The final.
        known: What is known of the configurations that are not in the final; None where only those in the
            final are asked for.
        question: What was asked.
    """
    verdict = replace(_of_finalists(final, question), limited=bool(question.limits))
    if known is None:
        return verdict
    verdict = replace(verdict, points=known.points, measured=known.measured)
    if verdict.kind == "keep_hint" and known.open:
        why = _what_is_open(known, question)
        return replace(verdict, kind="inconclusive", best=final.baseline, why=why, more_s=math.inf)
    return verdict


def _what_is_open(known: Survey, question: Question) -> str:
    """Return how much was measured, and how many configurations may still gain."""
    worth = f"{100 * GAIN_WORTH_FINDING:.0f} %"
    named = question.metric in NAMES
    gain = f"may have {worth} {better(question.metric)}" if named else f"may be {worth} faster"
    parts = [f"{known.measured} of {known.points} configurations were measured"]
    if unmeasured := len(known.unmeasured) + known.unlisted:
        parts.append(f"{unmeasured} of the others {gain}")
    if known.doubtful:
        parts.append(f"{len(known.doubtful)} of the measured ones {gain}, as far as their few rounds tell")
    return ", ".join(parts)


def _of_finalists(final: Final, question: Question) -> Verdict:
    """Return the verdict as far as the finalists are concerned."""
    eligible = _eligible(final)
    if final.trouble or not eligible:
        why = (
            f"the final was cut short ({final.trouble})" if final.trouble else "no finalist could be measured"
        )
        return Verdict("inconclusive", final.baseline, why=why)
    top = max(eligible, key=lambda finalist: finalist.ratio)
    if question.limits:
        able, eligible = eligible, [finalist for finalist in eligible if question.keeps(finalist.bounds)]
        if not eligible:
            return _nobody_keeps(final, able, question)
        if not question.keeps(final.baseline.bounds) and not _winners(eligible):
            return _instead_of_the_hint(final, eligible, question)
        top = max(eligible, key=lambda finalist: finalist.ratio)
    if winners := _winners(eligible):
        best = simplest_tied(final, winners)
        return Verdict("faster", best, best.speedup, best.configuration)
    if lost := [finalist for finalist in final.finalists if finalist.disqualified and finalist.effective]:
        what = f"{lost[0].configuration} was lost in the final ({lost[0].disqualified})"
        why = f"{what}; run the same command again"
        return Verdict("inconclusive", final.baseline, top.speedup, top.configuration, why)
    gains = {finalist.configuration: _ruled_out(final, finalist) for finalist in eligible}
    if max(gain.high for gain in gains.values()) > 1 + GAIN_WORTH_FINDING:
        why = "the intervals are too wide to decide"
        return Verdict("inconclusive", final.baseline, top.speedup, top.configuration, why, more_s=math.inf)
    best = _as_fast_alone(final, eligible) or final.baseline
    one_device = None if best is final.baseline else f"one device, {best.configuration.device}, is enough"
    return Verdict("keep_hint", best, gains[top.configuration], top.configuration, one_device)


def _instead_of_the_hint(final: Final, keeping: Sequence[Candidate], question: Question) -> Verdict:
    """Return the best of those that keep the limits, where the hint breaks one, by its figures."""
    best, limits = simplest_tied(final, keeping), " and ".join(map(str, question.limits))
    if (question.excess(final.baseline.measured) or 0.0) > 0:
        why = f"the hint does not keep {limits}"
        return Verdict("meets_limits", best, best.speedup, best.configuration, why)
    why = f"it is not sure that the hint keeps {limits}"
    return Verdict("inconclusive", final.baseline, best.speedup, best.configuration, why, more_s=math.inf)


def _nobody_keeps(final: Final, able: Sequence[Candidate], question: Question) -> Verdict:
    """Return the verdict where no finalist surely keeps the limits: the hint, or nothing.

    The hint is kept only if it surely keeps them itself, and every finalist surely breaks one. Where figures
    keep the limits, and that is not sure, time may settle it.
    """
    limits = " and ".join(map(str, question.limits))
    lost = any(finalist.disqualified and finalist.effective for finalist in final.finalists)
    hint_keeps = question.keeps(final.baseline.bounds)
    if hint_keeps and not lost and all(question.breaks(finalist.bounds) for finalist in able):
        return Verdict("keep_hint", final.baseline, why=f"only the hint surely keeps {limits}")
    closest = min(able, key=lambda finalist: question.excess(finalist.measured) or 0.0)
    missed = question.why_not(closest.measured) if closest.measured else None
    nothing = "no finalist" if hint_keeps else "nothing that was measured"
    why = f"{nothing} surely keeps {limits}: {closest.configuration} {missed or 'does, but that is not sure'}"
    more_s = None if missed else math.inf
    return Verdict("inconclusive", final.baseline, closest.speedup, closest.configuration, why, more_s=more_s)


def _eligible(final: Final) -> list[Candidate]:
    return [finalist for finalist in final.finalists if finalist.disqualified is None and finalist.speedup]


def _winners(eligible: Sequence[Candidate]) -> list[Candidate]:
    return [finalist for finalist in eligible if finalist.speedup and finalist.speedup.low > 1 + MINIMUM_GAIN]


def _as_fast_alone(final: Final, eligible: Sequence[Candidate]) -> Candidate | None:
    """Return a finalist on one device that is as fast as a baseline on several, or None.

    A loss as large as a gain worth finding must be ruled out, and the estimated loss must be smaller than
    the minimum gain.
    """
    if not target_of(final.baseline.configuration.device).combines:
        return None
    single = [finalist for finalist in eligible if not target_of(finalist.configuration.device).combines]
    gains = [(finalist, _ruled_out(final, finalist)) for finalist in single]
    as_fast = [
        finalist
        for finalist, gain in gains
        if gain.low > 1 - GAIN_WORTH_FINDING and gain.ratio > 1 - MINIMUM_GAIN
    ]
    return min(as_fast, key=_complexity, default=None)


def best_drop_in(
    final: Final, own_batch: int, verdict: Verdict | None = None, question: Question = THROUGHPUT
) -> Candidate:
    """Return the best finalist with the model's own batch, or the baseline; without a decision the latter.

    Where the baseline breaks a limit, that is the best that keeps it, faster or not.
    """
    verdict = verdict or decide(final, question=question)
    if verdict.kind == "inconclusive":
        return final.baseline
    own = [
        finalist
        for finalist in _eligible(final)
        if finalist.configuration.batch == own_batch
        and (not question.limits or question.keeps(finalist.bounds))
    ]
    hint_breaks = question.limits and (question.excess(final.baseline.measured) or 0.0) > 0
    if winners := _winners(own) or (own if hint_breaks else []):
        return simplest_tied(final, winners)
    return _as_fast_alone(final, own) or final.baseline


def simplest_tied(final: Final, winners: Sequence[Candidate]) -> Candidate:
    """Return the simplest of the winners that tie with the fastest."""
    return min(_tied(final, winners), key=_complexity)


def tied_winners(final: Final, question: Question = THROUGHPUT) -> list[Candidate]:
    """Return the finalists that tie for the first place; the simplest of them is advised."""
    able = [each for each in _eligible(final) if not question.limits or question.keeps(each.bounds)]
    return _tied(final, _winners(able)) if not final.trouble else []


def _tied(final: Final, winners: Sequence[Candidate]) -> list[Candidate]:
    fastest = max(winners, key=lambda winner: winner.ratio, default=None)
    return [
        winner
        for winner in winners
        if fastest and (winner is fastest or not _is_slower(final, winner, fastest))
    ]


def _is_slower(final: Final, winner: Candidate, fastest: Candidate) -> bool:
    """Return whether `fastest` beats `winner` by enough to justify a more complex configuration.

    An estimated loss above the minimum gain is enough even if not certain; a loss below half of the
    minimum gain is not enough even if certain.
    """
    against = _against(final, fastest, to=winner)
    certain = against.low > 1.0 and against.ratio > 1 + MINIMUM_GAIN / 2
    return certain or against.ratio > 1 + MINIMUM_GAIN


def _ruled_out(final: Final, finalist: Candidate) -> Speedup:
    """Return a finalist's speedup with the interval that rules gains out, in all finals of the run."""
    return _against(final, finalist, 1 - (1 - KEEP_CONFIDENCE) / final.looks)


def _against(
    final: Final, finalist: Candidate, confidence: float = 0.95, to: Candidate | None = None
) -> Speedup:
    """Return the speedup of a finalist against another one, by default the baseline.

    The confidence is that of this interval alone.
    """
    gain = speedup_over_sittings(final.log_ratios(finalist, to), confidence)
    metric = finalist.speedup.metric if finalist.speedup else gain.metric
    return replace(gain, rounds=len(final.rounds), metric=metric)


def _complexity(candidate: Candidate) -> tuple[int, ...]:
    return candidate.configuration.complexity
