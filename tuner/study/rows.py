"""What a study is in Optuna's tables: a row for each trial, and as attributes its setting and its answers.

The parameters of a trial (streams, batch, requests…) are the same for every space, so a search with other
bounds continues the same study, and every tool for Optuna shows them; 0 streams or threads stand for the
hint's choice. The whole trial with its raw rounds is kept beside them as JSON.
"""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import column, select, table

from tuner.domain.axes import OWN
from tuner.domain.configuration import Configuration
from tuner.domain.copies import MOST_COPIES
from tuner.domain.precision import PRECISIONS
from tuner.domain.result import Outcome, Result, Setting
from tuner.domain.space import DEFAULT
from tuner.domain.trial import Final, Trial
from tuner.study.records import Kept, recorded, revived

STATES = {
    "measured": TrialState.COMPLETE,
    "duplicate": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "refused": TrialState.FAIL,
    "failed": TrialState.FAIL,
}

DISTRIBUTIONS = {
    "streams": IntDistribution(0, 1024),
    "batch": IntDistribution(1, 1 << 40, log=True),
    "requests": IntDistribution(1, 1 << 40, log=True),
    "pinning": CategoricalDistribution((DEFAULT, "True", "False")),
    "threads": IntDistribution(0, 1024),
    "precision": CategoricalDistribution((DEFAULT, *PRECISIONS)),
    "copies": IntDistribution(1, MOST_COPIES),
    "cores": CategoricalDistribution((DEFAULT, OWN)),
}
"""The same in every study, whatever the bounds of its space."""

TRIALS = table("trials", column("trial_id"), column("study_id"))
ATTRIBUTES = table("trial_user_attributes", column("trial_id"), column("key"), column("value_json"))
"""Optuna's tables, whose version it checks when it opens a storage."""


def row(trial: Trial, rounds: bool = True) -> FrozenTrial:
    """Return a trial that ended as Optuna keeps it; `Study.add_trial` adds it in a single transaction.

    Without `rounds`, these are in the JSON alone, and adding it takes as many statements for every trial.
    """
    value = trial.speedup.ratio if trial.speedup else None
    attributes: dict[str, Any] = {
        "trial": recorded(trial),
        "device": trial.configuration.device,
        "configuration": str(trial.configuration),
    }
    if trial.measured:
        attributes["throughput_fps"] = trial.measured.throughput_fps
        attributes["latency_p99_ms"] = trial.measured.latency_ms.p99
    if trial.reason:
        attributes["reason"] = trial.reason
    state = STATES[trial.state]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.trial.create_trial(
            state=state,
            value=value if state is TrialState.COMPLETE else None,
            params=_parameters(trial.configuration),
            constraints={} if trial.excess is None else {"limits": trial.excess},
            distributions=DISTRIBUTIONS,
            user_attrs=attributes,
            intermediate_values={
                number: math.exp(each.log_ratio()) for number, each in enumerate(trial.rounds) if rounds
            },
        )


def trials_of(study: optuna.Study, storage: optuna.storages.RDBStorage) -> list[Trial]:
    """Return every saved trial, in order; trials that another program added are left out.

    They are numbered as they come: two searches that wrote at the same time gave the same numbers. Only the
    JSON is read, by a query of its own: Optuna reads every parameter and attribute as an object, which takes
    several times as long.
    """
    query = (
        select(ATTRIBUTES.c.value_json)
        .join(TRIALS, TRIALS.c.trial_id == ATTRIBUTES.c.trial_id)
        .where(TRIALS.c.study_id == study._study_id, ATTRIBUTES.c.key == "trial")
        .order_by(TRIALS.c.trial_id)
    )
    with storage.engine.connect() as connection:
        saved = [json.loads(text) for (text,) in connection.execute(query)]
    trials = [revived(data, Trial) for data in saved if data]
    return [
        trial if trial.number == number else replace(trial, number=number)
        for number, trial in enumerate(trials)
    ]


def attribute(study: optuna.Study, name: str, kind: type[Kept]) -> Kept | None:
    """Return an attribute of a study, or None."""
    data = study.user_attrs.get(name)
    return revived(data, kind) if data else None


def answer_of(study: optuna.Study) -> Result | None:
    """Return the answer that a study holds, without its trials; None if there is none."""
    setting, outcome = attribute(study, "setting", Setting), attribute(study, "outcome", Outcome)
    if setting is None or outcome is None:
        return None
    kept = study.user_attrs["outcome"]
    final = kept["final"] if "final" in kept else study.user_attrs.get("final")
    return Result(setting, outcome, (), revived(final, Final) if final else None)


def set_aside(study: optuna.Study) -> list[Result]:
    """Return proven answers of earlier runs that the bounds of a later run did not allow."""
    return [
        Result(
            revived(kept["setting"], Setting),
            revived(kept["outcome"], Outcome),
            (),
            revived(kept["final"], Final),
        )
        for kept in study.user_attrs.get("set aside", ())
    ]


def recorded_answer(answer: Result) -> dict[str, Any]:
    """Return a proven answer, which has a final, as plain data."""
    assert answer.final is not None
    return {
        "setting": recorded(answer.setting),
        "outcome": recorded(answer.outcome),
        "final": recorded(answer.final),
    }


def _parameters(configuration: Configuration) -> dict[str, Any]:
    properties = configuration.plain_properties
    return {
        "streams": int(properties.get("NUM_STREAMS", 0)),
        "batch": configuration.batch,
        "requests": configuration.requests,
        "pinning": str(properties.get("ENABLE_CPU_PINNING", DEFAULT)),
        "threads": int(properties.get("INFERENCE_NUM_THREADS", 0)),
        "precision": str(properties.get("INFERENCE_PRECISION_HINT", DEFAULT)),
        "copies": configuration.copies,
        "cores": OWN if configuration.slices else DEFAULT,
    }
