"""Measures the open hints, and chooses the baseline among them.

A search over several targets compares everything with the best of their hints: what a user would take
who reads no further.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from tuner.domain.history import History
from tuner.domain.pruning import at_a_look
from tuner.domain.question import Question
from tuner.domain.sample import Measured
from tuner.domain.stats import Speedup, speedup
from tuner.domain.trial import Trial
from tuner.domain.verdict import MINIMUM_GAIN
from tuner.errors import DeviceError
from tuner.measure.comparison import Comparison
from tuner.tuning.hint import Hint

WINDOWS = 5
"""Of a single hint: enough to know its rate and latency, since it plays in every round that follows."""

ROUNDS = 6
"""Among several hints: enough to choose the baseline. Claims against it come from the final."""

NEAR = 0.03
"""Two hints whose estimates differ by no more are alike, where there are too few rounds for an interval."""


def measure_hints(
    opened: Sequence[Hint],
    history: History,
    rng: random.Random,
    clock: Callable[[], float],
    question: Question,
    window_s: float,
    hurried: Callable[[], bool] = lambda: False,
) -> tuple[Hint, list[Trial]]:
    """Return the baseline, and a trial of each hint that no earlier run has measured, the baseline's first.

    Automatic batching is left out. There are fewer rounds where time is short, as `hurried` says.

    Raises:
        DeviceError: The baseline of the earlier runs is not among the hints.
        LaneError: A lane died.
    """
    hints = [hint for hint in opened if hint.target.kind != "BATCH"]
    known = _known_baseline(hints, history, question) if history.trials else None
    playing = [hint for hint in hints if hint is known or history.knows(hint.configuration) is None]
    if known and len(playing) == 1:
        return known, []
    comparison = Comparison([hint.lane for hint in playing], rng, clock, window_s, question=question)
    comparison.warm_up()
    for _ in range(ROUNDS if len(playing) > 1 else WINDOWS):
        comparison.play()
        if comparison.rounds and hurried():
            break
    while not comparison.rounds:  # items arrived too late in all of them
        comparison.play()
    measured = [
        replace(comparison.measured(lane), agreement=hint.agreement()) for lane, hint in enumerate(playing)
    ]
    best = playing.index(known) if known else _best(playing, comparison, measured, question)
    order = [*([] if known else [best]), *(lane for lane in range(len(playing)) if lane != best)]
    return playing[best], [
        _trial(number, playing[lane], comparison, lane, best, measured[lane], question)
        for number, lane in enumerate(order, start=len(history.trials))
    ]


def _known_baseline(hints: Sequence[Hint], history: History, question: Question) -> Hint:
    """Return the hint with which all trials of earlier runs were compared."""
    first = history.trials[0].configuration
    for hint in hints:
        same_hint = hint.configuration.plain_properties == first.plain_properties
        if history.began_with(hint.target) and same_hint:
            return hint
    name = first.plain_properties.get("PERFORMANCE_HINT")
    follow = f" or does not follow {question.load}" if question.load else ""
    raise DeviceError(
        f"All earlier trials were compared with the hint {name} on {first.device}, which does not "
        f"run{follow} any more; choose another directory with output=."
    )


def _best(
    hints: Sequence[Hint], comparison: Comparison, measured: Sequence[Measured], question: Question
) -> int:
    """Return the lane of the simplest hint among those that are not slower than the fastest.

    Where items arrive and some hints keep all limits, it is one of them. After too few rounds for an
    interval nothing is sure, and what is slower by more than `NEAR` counts as slower.
    """
    lanes = list(range(len(hints)))
    if question.arrives:
        lanes = [lane for lane in lanes if not question.broken(measured[lane])] or lanes
    fastest = max(lanes, key=lambda lane: median(comparison.log_ratios(lane)))

    def is_slower(lane: int) -> bool:
        gain = at_a_look([each.log_ratio(fastest, to=lane) for each in comparison.rounds])
        if math.isinf(gain.high):
            return gain.ratio > 1 + NEAR
        return gain.low > 1.0 and gain.ratio > 1 + MINIMUM_GAIN

    tied = [lane for lane in lanes if lane == fastest or not is_slower(lane)]
    return min(tied, key=lambda lane: (hints[lane].configuration.complexity, lane != fastest))


def _trial(
    number: int,
    hint: Hint,
    comparison: Comparison,
    lane: int,
    baseline: int,
    measured: Measured,
    question: Question,
) -> Trial:
    """Return a hint's trial: its rounds against the baseline, or none for the baseline itself."""
    is_baseline, facts = lane == baseline, hint.lane.facts
    rounds = () if is_baseline else tuple(each.pair(baseline, lane) for each in comparison.rounds)
    gain = Speedup(1.0, 1.0, 1.0, 0.95, 0) if is_baseline else speedup([each.log_ratio() for each in rounds])
    return Trial(
        number,
        hint.configuration,
        "measured",
        rounds=rounds,
        effective=facts.effective,
        speedup=replace(gain, metric=question.metric),
        measured=measured,
        reason=question.why_not(measured),
        excess=question.excess(measured),
        window_s=comparison.window_s(lane),
        compile_s=facts.compile_s,
        reopen_s=facts.reopen_s,
    )
