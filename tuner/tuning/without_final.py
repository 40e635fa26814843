"""The answer of a search that could compare nothing with the hint."""

from __future__ import annotations

import math

from tuner.domain.history import History
from tuner.domain.question import Question
from tuner.domain.result import Outcome
from tuner.domain.trial import Trial
from tuner.domain.verdict import Verdict
from tuner.tuning.exploration import Exploration

LONG_COMPILING_S = 5.0
"""Seconds of compiling from which it is worth a word: most models take less than one."""


def decide_without_final(history: History, exploration: Exploration, question: Question) -> Outcome:
    """Return the outcome if nothing but the hint could be measured."""
    hint = history.trials[0].as_candidate()
    every_point_known = all(
        history.covered(space) == len(space) for space in exploration.growth.points.spaces
    )
    in_vain = _tried_in_vain(history, question)
    if in_vain:
        reason = next(iter(in_vain.values()))[-1].reason
        why = f"every other configuration that was tried {' or '.join(in_vain)} ({reason})"
        overloaded = not {"failed", "was refused"} & set(in_vain)
        if overloaded:
            why = f"no other configuration that was tried {_measurable(question)} ({reason})"
        verdict = Verdict(
            "keep_hint" if overloaded and every_point_known else "inconclusive",
            hint,
            why=why,
            more_s=math.inf if overloaded and not every_point_known else None,
        )
    elif every_point_known:
        why = "with these limits, every configuration compiles to the same as the hint"
        verdict = Verdict("keep_hint", hint, why=why)
    elif too_large := exploration.memory.sentences():
        verdict = Verdict("inconclusive", hint, why=too_large[0])
    else:
        why = f"the budget is too short for any other configuration{_compiling(history)}"
        verdict = Verdict("inconclusive", hint, why=why, more_s=math.inf)
    return Outcome(hint, verdict, hint)


def _tried_in_vain(history: History, question: Question) -> dict[str, list[Trial]]:
    """Return the trials without a comparison by what became of them."""
    trials = history.trials
    found = {
        "failed": [trial for trial in trials if trial.state == "failed"],
        "was refused": [trial for trial in trials if trial.state == "refused"],
        _not_measurable(question): [
            trial for trial in trials if trial.state == "pruned" and not trial.measured
        ],
    }
    return {what: these for what, these in found.items() if these}


def _measurable(question: Question) -> str:
    """Return in words what a trial could not do that was given up before its first round."""
    if question.holding:
        return "came near the arrival rate of the best"
    return f"could be measured at {question.load}"


def _not_measurable(question: Question) -> str:
    """Return the same of a trial that could not."""
    if question.holding:
        return "did not come near the arrival rate of the best"
    return f"could not be measured at {question.load}"


def _compiling(history: History) -> str:
    """Say how long the hints compiled, where that is much of what a budget has."""
    seconds = sum(trial.compile_s or 0.0 for trial in history.trials)
    return f" (compiling took {seconds:.0f} s)" if seconds >= LONG_COMPILING_S else ""
