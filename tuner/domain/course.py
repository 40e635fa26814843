"""The course of a study: its runs one after the other, the hint's rate in every round, and disturbances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

from tuner.domain.sample import Round
from tuner.domain.trial import Final, Trial

APART = 0.10
"""A host counts as disturbed while the hint's rate is further than this from its median."""

IN_A_ROW = 5
"""Rounds for which a disturbance lasts at least: single windows stray on every machine."""


class Moment(NamedTuple):
    """The hint's rate in one round."""

    at_s: float  # Seconds since the study began
    fps: float  # Items per second
    share: float  # Of the median rate


class Stretch(NamedTuple):
    """Rounds in a row in which something disturbed the host."""

    from_s: float  # When the first of them began, in seconds since the study began
    to_s: float  # When the last of them began
    share: float  # The hint's median rate in them, as a share of that of the whole study


def runs_of(
    trials: Sequence[Trial], final: Final | None, final_after: int
) -> list[tuple[float, list[Round]]]:
    """Return the rounds of every run of the study, in order, with the seconds that earlier runs took.

    The final came after so many of the trials. The clock of a run starts at zero, and only trials that began
    together may share a beginning.
    """
    runs: list[tuple[float, list[Round]]] = []
    start, began, ended = 0.0, math.inf, 0.0
    parts = [trial.rounds for trial in trials]
    parts.insert(final_after, final.rounds if final else ())
    for rounds in filter(None, parts):
        if rounds[0].at_s < began:
            start, ended = start + ended, 0.0
            runs.append((start, []))
        began, ended = rounds[0].at_s, max(ended, rounds[-1].at_s)
        runs[-1][1].extend(rounds)
    return runs


def start_of(runs: Sequence[tuple[float, Sequence[Round]]], played: Round) -> float:
    """Return the seconds that runs took before the run of a round."""
    return next(start for start, rounds in runs if any(known is played for known in rounds))


def drift_of(runs: Sequence[tuple[float, Sequence[Round]]]) -> list[Moment]:
    """Return the hint's rate in every round; rounds that share a window of the hint are taken once."""
    rates = dict.fromkeys(
        (start + played.at_s, played.rates_fps[0]) for start, rounds in runs for played in rounds
    )
    middle = median(rate for _, rate in rates) if rates else 1.0
    return [Moment(at_s, rate, rate / middle) for at_s, rate in sorted(rates)]


def disturbed(course: Sequence[Moment]) -> list[Stretch]:
    """Return the stretches in which the hint was clearly slower or faster than in most of the study.

    What counts is the median of a few rounds, so a single window neither begins nor ends a stretch.
    """
    stretches = []
    for side, group in groupby(zip(course, _sides(course), strict=True), key=lambda pair: pair[1]):
        moments = [moment for moment, _ in group]
        if side and len(moments) >= IN_A_ROW:
            share = median(moment.share for moment in moments)
            stretches.append(Stretch(moments[0].at_s, moments[-1].at_s, share))
    return stretches


def _sides(course: Sequence[Moment]) -> Iterator[int]:
    """Yield for every moment whether the rates around it are low (-1), high (1) or as usual (0)."""
    reach = IN_A_ROW // 2
    for index in range(len(course)):
        around = median(moment.share for moment in course[max(0, index - reach) : index + reach + 1])
        yield (around > 1 + APART) - (around < 1 - APART)
