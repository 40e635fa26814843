"""Which parameters matter, by Optuna's PED-ANOVA."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from tuner.domain.trial import Trial

LEAST_TRIALS = 6
"""Measured configurations below which a share would be told of noise."""


def importance(trials: Sequence[Trial]) -> dict[str, float]:
    """Return each parameter's share of what makes a configuration fast; empty where too little is known.

    Source: Watanabe, Bansal & Hutter, *PED-ANOVA*, IJCAI 2023, as Optuna has it.
    """
    known = [one for one in trials if one.speedup and one.state in {"measured", "pruned"}]
    told = [_parameters(one) for one in known]
    axes = {name: sorted({one[name] for one in told}) for name in told[0]} if told else {}
    varied = {name: CategoricalDistribution(values) for name, values in axes.items() if len(values) > 1}
    if len(known) < LEAST_TRIALS or not varied:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for one, parameters in zip(known, told, strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                params={name: parameters[name] for name in varied},
                distributions=dict(varied),
                value=one.ratio,
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()))


def _parameters(trial: Trial) -> dict[str, str]:
    one = trial.configuration
    properties = {name: str(value) for name, value in one.properties if name != "PERFORMANCE_HINT"}
    return {
        "device": one.device,
        "streams": properties.get("NUM_STREAMS", "hint"),
        "batch": f"{one.batch:09}",
        "requests": f"{one.requests:09}",
    }
