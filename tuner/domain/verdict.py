"""From the final to the answer. When in doubt: never a win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.domain.configuration import Configuration
from tuner.domain.sample import log_ratios_by_sitting
from tuner.domain.stats import Speedup, speedup_over_sittings
from tuner.domain.target import target_of
from tuner.domain.trial import Candidate, Final

MINIMUM_GAIN = 0.01
"""A gain below this is not worth leaving the portable hint."""

CONFIDENCE = 0.98
"""Of all finalists' intervals together, in a final: `faster` looks at their lower ends alone, so it is
said in at most 1 % of searches in which nothing is faster."""

GAIN_WORTH_FINDING = 0.03
"""`keep_hint` is said only when a gain this large is ruled out; else the answer is open."""

KEEP_CONFIDENCE = 0.9
"""Of an interval whose upper end alone rules out a gain, with 95 % confidence. Each finalist must pass, so
their number calls for no correction (Berger, *Technometrics* 24:295, 1982)."""


VerdictKind = Literal["faster", "keep_hint", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        kind: `faster`, `keep_hint` or `inconclusive`.
        best: What to deploy; the baseline unless `faster`.
        speedup: Of `best` when `faster`, else of the fastest finalist; None without rounds.
        closest: The configuration that `speedup` speaks of, or None.
        why: What stood in the way of a clearer answer, or None.
    """

    kind: VerdictKind
    best: Candidate
    speedup: Speedup | None = None
    closest: Configuration | None = None
    why: str | None = None


def decide(final: Final) -> Verdict:
    """Return the verdict of a final.

    `faster` needs a finalist whose lower bound lies above the minimum gain. Among those tied with
    the best of them the simplest wins. `keep_hint` needs a gain worth finding to be ruled out for every
    finalist, and none that ran well and died; all else is inconclusive. A finalist on one device that
    is as fast as a hint on several takes that hint's place.
    """
    eligible = [one for one in final.finalists if one.disqualified is None and one.speedup]
    if final.trouble or not eligible:
        why = (
            f"the final was cut short ({final.trouble})" if final.trouble else "no finalist could be measured"
        )
        return Verdict("inconclusive", final.baseline, why=why)
    top = max(eligible, key=_ratio)
    winners = [one for one in eligible if _speedup(one).low > 1 + MINIMUM_GAIN]
    if winners:
        best = simplest_tied(final, winners)
        return Verdict("faster", best, best.speedup, best.configuration)
    best = _as_fast_alone(final, eligible) or final.baseline
    if lost := [one for one in final.finalists if one.disqualified and one.effective]:
        what = f"{lost[0].configuration} was lost in the final ({lost[0].disqualified})"
        why = f"{what}; run the same command again"
        return Verdict("inconclusive", best, top.speedup, top.configuration, why)
    closest = {one.configuration: _against(final, one, KEEP_CONFIDENCE) for one in eligible}
    if max(gain.high for gain in closest.values()) > 1 + GAIN_WORTH_FINDING:
        why = "the intervals are too wide to tell; give it a larger budget="
        return Verdict("inconclusive", best, top.speedup, top.configuration, why)
    alone = None if best is final.baseline else f"{best.configuration} alone is as fast as several devices"
    return Verdict("keep_hint", best, closest[top.configuration], top.configuration, alone)


def _as_fast_alone(final: Final, eligible: Sequence[Candidate]) -> Candidate | None:
    """Return a finalist on one device that is as fast as a baseline of several, or None.

    A loss as large as a gain worth finding must be ruled out, and the estimate within the minimum gain.
    """
    if not target_of(final.baseline.configuration.device).combines:
        return None
    single = [one for one in eligible if not target_of(one.configuration.device).combines]
    gains = [(one, _against(final, one, KEEP_CONFIDENCE)) for one in single]
    as_fast = [
        one for one, gain in gains if gain.low > 1 - GAIN_WORTH_FINDING and gain.ratio > 1 - MINIMUM_GAIN
    ]
    return min(as_fast, key=lambda one: one.configuration.complexity, default=None)


def best_drop_in(final: Final, own_batch: int) -> Candidate:
    """Return the best finalist that keeps the model's own batch, or the baseline."""
    winners = [
        one
        for one in final.finalists
        if one.configuration.batch == own_batch
        and one.disqualified is None
        and one.speedup
        and one.speedup.low > 1 + MINIMUM_GAIN
    ]
    if winners and not final.trouble:
        return simplest_tied(final, winners)
    eligible = [one for one in final.finalists if one.disqualified is None and one.speedup]
    own = [one for one in eligible if one.configuration.batch == own_batch and not final.trouble]
    return _as_fast_alone(final, own) or final.baseline


def simplest_tied(final: Final, winners: Sequence[Candidate]) -> Candidate:
    """Return the simplest of the winners that the fastest does not surely beat, sitting by sitting."""
    fastest = max(winners, key=_ratio)
    tied = [one for one in winners if one is fastest or not _surely_slower(final, one, fastest)]
    return min(tied, key=lambda one: one.configuration.complexity)


def _surely_slower(final: Final, one: Candidate, fastest: Candidate) -> bool:
    """Whether `fastest` beats `one`, sitting by sitting, by more than is worth a complication.

    A loss estimated beyond the minimum gain is no tie even if unsure, one within half of it is a
    tie even if sure.
    """
    against = _against(final, fastest, to=one)
    surely = against.low > 1.0 and against.ratio > 1 + MINIMUM_GAIN / 2
    return surely or against.ratio > 1 + MINIMUM_GAIN


def _against(final: Final, one: Candidate, confidence: float = 0.95, to: Candidate | None = None) -> Speedup:
    """Return how much faster one finalist is than another, the baseline unless told, for it alone."""
    lanes = [final.baseline, *(each for each in final.finalists if each.speedup)]
    logs = log_ratios_by_sitting(final.rounds, lanes.index(one), lanes.index(to) if to else 0)
    return speedup_over_sittings(logs, confidence)


def _ratio(one: Candidate) -> float:
    return _speedup(one).ratio


def _speedup(one: Candidate) -> Speedup:
    assert one.speedup is not None
    return one.speedup
