"""Where the time of a study went."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.domain.course import start_of
from tuner.domain.result import Result
from tuner.domain.sample import Round
from tuner.domain.trial import Trial


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
        "rounds played again": sum(trial.unsteady * (hint_s + (trial.window_s or 0.0)) for trial in timed),
        "starting and warming up": sum(
            (trial.took_s or 0.0)
            - (trial.compile_s or 0.0)
            - _windows_s(trial)
            - len(trial.rounds) * hint_s
            - trial.unsteady * (hint_s + (trial.window_s or 0.0))
            for trial in timed
        ),
        "final": final[-1].at_s - final[0].at_s if final else 0.0,
    }
    rest = result.run.seconds - sum(known.values())
    shown = {name: seconds for name, seconds in known.items() if seconds > 0}
    return {**shown, "the rest": rest} if rest > 0 and len(runs) == 1 else shown


def _windows_s(trial: Trial) -> float:
    return len(trial.rounds) * (trial.window_s or 0.0)
