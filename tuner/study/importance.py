"""Which parameters matter, by Optuna's PED-ANOVA."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from tuner.domain.axes import OWN
from tuner.domain.configuration import Configuration
from tuner.domain.space import DEFAULT
from tuner.domain.switches import SWITCHES
from tuner.domain.trial import Trial

LEAST_TRIALS = 6
"""Below this many measured configurations, the shares would show noise."""


def importance(trials: Sequence[Trial]) -> dict[str, float]:
    """Return each parameter's share of what makes a configuration fast; empty if too few were measured.

    Source: Watanabe, Bansal & Hutter, *PED-ANOVA*, IJCAI 2023, in Optuna's implementation.
    """
    known = [trial for trial in trials if trial.speedup and trial.state in {"measured", "pruned"}]
    rows = [_parameters(trial.configuration) for trial in known]
    axes = {name: sorted({row[name] for row in rows}) for name in rows[0]} if rows else {}
    varied = {name: CategoricalDistribution(values) for name, values in axes.items() if len(values) > 1}
    if len(known) < LEAST_TRIALS or not varied:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    for trial, row in zip(known, rows, strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                params={name: row[name] for name in varied},
                distributions=dict(varied),
                value=trial.ratio,
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()))


def _parameters(configuration: Configuration) -> dict[str, str]:
    """Return what varies in the whole space; late switches vary around the best only and have no share."""
    properties = configuration.plain_properties
    early = [axis for axis, switch in SWITCHES.items() if not switch.late]
    return {
        **{axis.replace("_", " "): str(properties.get(SWITCHES[axis].property, DEFAULT)) for axis in early},
        "device": configuration.device,
        "streams": str(properties.get("NUM_STREAMS", "hint")),
        "batch": f"{configuration.batch:09}",
        "requests": f"{configuration.requests:09}",
        "threads": f"{int(properties.get('INFERENCE_NUM_THREADS', 0)):09}",
        "copies": f"{configuration.copies:09}",
        "cores": OWN if configuration.slices else DEFAULT,
    }
