"""The course of a study: its runs one after the other, the hint's drift, and where the time went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from tuner.domain.result import Result
from tuner.domain.sample import Round
from tuner.domain.trial import Trial
from tuner.report.view import Moment


def runs_of(result: Result) -> list[tuple[float, list[Round]]]:
    """Return the rounds of every run of the study, in order, with the seconds that earlier runs took.

    The clock of a run starts at zero, and only trials that began together may share a beginning.
    """
    runs: list[tuple[float, list[Round]]] = []
    start, began, ended = 0.0, math.inf, 0.0
    parts = [trial.rounds for trial in result.trials]
    parts.insert(result.run.trials, result.final.rounds if result.final else ())
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


def time_of(result: Result, runs: Sequence[tuple[float, Sequence[Round]]]) -> dict[str, float]:
    """Return where the seconds of all runs of the study went, as far as they are known.

    The final, from its first round to the beginning of its last, holds its own compiling and warming up.
    The rest, reading the model and opening the final's first sitting among it, is known of a single run only.
    """
    hint_s = (result.trials[0].window_s or 0.0) if result.trials else 0.0
    final = result.final.rounds if result.final else ()
    paired = {(start, played.at_s) for start, rounds in runs for played in rounds}
    if final:
        began_s = start_of(runs, final[0])
        paired -= {(began_s, played.at_s) for played in final}
    timed = [trial for trial in result.trials if trial.took_s is not None]
    known = {
        "compiling": sum(trial.compile_s or 0.0 for trial in result.trials),
        "windows": len(paired) * hint_s + sum(_windows_s(trial) for trial in result.trials),
        "starting and warming up": sum(
            (trial.took_s or 0.0) - (trial.compile_s or 0.0) - _windows_s(trial) - len(trial.rounds) * hint_s
            for trial in timed
        ),
        "final": final[-1].at_s - final[0].at_s if final else 0.0,
    }
    rest = result.run.seconds - sum(known.values())
    shown = {name: seconds for name, seconds in known.items() if seconds > 0}
    return {**shown, "the rest": rest} if rest > 0 and len(runs) == 1 else shown


def _windows_s(trial: Trial) -> float:
    return len(trial.rounds) * (trial.window_s or 0.0)
