"""What makes a search's figures worth less, and what to do about it."""

from __future__ import annotations

from tuner.domain.history import History
from tuner.domain.model import Model
from tuner.domain.result import Notice
from tuner.domain.stats import spread
from tuner.domain.target import plain_name
from tuner.domain.trial import Trial
from tuner.tuning.tune import Findings

NOISY = 0.10
"""Spread of the baseline's windows from which the host counts as noisy."""

STOLEN = 0.02
"""Share of CPU time taken by the hypervisor from which it is worth a warning."""


def model_warnings(model: Model, sighted: bool) -> list[Notice]:
    """Return what the model itself keeps from being searched or checked."""
    noted = []
    if model.batch_refusal:
        noted.append(Notice("no-batch", f"Batch is not searched: {model.batch_refusal}."))
    if not sighted:
        noted.append(
            Notice(
                "blind-proof",
                "The model's answers hardly depend on its inputs, so the check that a batch leaves them "
                "alone saw little; give real data with inputs=.",
            )
        )
    return noted


def afterthoughts(found: Findings, stolen: float) -> list[Notice]:
    """Return what the measurements themselves say about the host."""
    noted = []
    baseline_fps = History(found.trials).baseline_fps()
    noise = spread(baseline_fps) if baseline_fps else 0.0
    if noise > NOISY:
        noted.append(
            Notice(
                "noisy-host",
                f"The hint's own speed varied by {100 * noise:.0f} % from window to window: "
                "absolute figures are rough (ratios are paired and hold better); "
                "search on a quieter machine or with a larger budget=.",
            )
        )
    noted += [Notice("refused", f"{sentence}.") for sentence in found.refused]
    noted += [
        Notice("gone", f"{target} was given up: it does not run its own hint any more ({why}).")
        for target, why in found.gone.items()
    ]
    if changed := next(filter(None, map(_clamped, found.trials)), None):
        noted.append(Notice("clamped", f"{changed}: configurations are told apart by what was compiled."))
    mixed = [
        one.effective for one in found.trials if one.effective and "+" in (one.effective.precision or "")
    ]
    if mixed:
        noted.append(
            Notice(
                "mixed-precision",
                f"Devices together compute in different precisions ({mixed[0].precision}): which one "
                "answers a request decides how it is rounded; search devices of one precision.",
            )
        )
    if stolen > STOLEN:
        noted.append(
            Notice(
                "stolen-time",
                f"The hypervisor gave {100 * stolen:.0f} % of this machine's CPU time to others; "
                "search on a machine with dedicated cores.",
            )
        )
    return noted


def _clamped(trial: Trial) -> str | None:
    """Say which device silently changed its number of streams, or None."""
    if trial.effective is None:
        return None
    asked = trial.configuration.plain_properties
    own = dict(asked.get("DEVICE_PROPERTIES", {}))
    members = [(plain_name(one.devices[0]), one.streams) for one in trial.effective.members]
    own |= {plain_name(name): settings for name, settings in own.items()}
    pairs = [(name, own.get(name, {}).get("NUM_STREAMS"), streams) for name, streams in members] or [
        (trial.configuration.device, asked.get("NUM_STREAMS"), trial.effective.streams)
    ]
    changed = (each for each in pairs if None not in each and each[1] != each[2])
    return next((f"{name} made {streams} of NUM_STREAMS={wish}" for name, wish, streams in changed), None)
