"""What makes the figures of a search less reliable, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, median

from tuner.domain.course import disturbed, drift_of, runs_of
from tuner.domain.figures import share
from tuner.domain.history import History
from tuner.domain.model import Model
from tuner.domain.question import THROUGHPUT, Question
from tuner.domain.result import Notice
from tuner.domain.sentences import stretches
from tuner.domain.stats import spread
from tuner.domain.target import plain_name
from tuner.domain.trial import Trial, unsteady_rounds
from tuner.measure.neighbour import Neighbour
from tuner.tuning.tune import Findings

NOISY = 0.10
"""A host counts as noisy if its baseline's windows vary by more than this."""

OFTEN = 0.25
"""The share of windows that may stray by more than `NOISY`; `spread` does not see fewer than half."""

CHANGING = 0.10
"""The share of rounds in which the host changed that is worth a warning."""

LONG = 0.1
"""The share of a search that a disturbance lasts from which it is worth a warning."""

STOLEN = 0.02
"""The share of CPU time taken by the hypervisor that is worth a warning."""


def model_notices(model: Model, inputs_matter: bool) -> Iterator[Notice]:
    """Yield what cannot be searched or checked on this model."""
    if model.stateful:
        yield Notice(
            "stateful",
            "The model keeps a state from one inference to the next, and each infer request has a state of "
            "its own: send all of a sequence to the same request, and no two sequences at the same time.",
        )
    if model.batch_refusal:
        yield Notice("no-batch", f"Batch is not searched: {model.batch_refusal}.")
    if not inputs_matter:
        yield Notice(
            "blind-proof",
            "The outputs barely depend on the inputs, so the check that a batch does not change them "
            "proves little; search with real data as its inputs.",
        )


def host_notices(stolen: float, neighbour: Neighbour | None = None) -> Iterator[Notice]:
    """Yield what disturbed a host while it measured.

    Args:
        stolen: Share of the CPU time that the hypervisor took.
        neighbour: The program that runs beside the measurements, if one does.
    """
    if stolen > STOLEN:
        yield Notice(
            "stolen-time",
            f"The hypervisor gave {100 * stolen:.0f} % of this machine's CPU time to others; "
            "search on a machine with dedicated cores.",
        )
    if neighbour and neighbour.ends:
        codes = ", ".join(map(str, neighbour.ends))
        yield Notice(
            "neighbour",
            f"{neighbour} ended on the way (exit code {codes}) and was started again; the rounds in "
            "which it ended were repeated.",
        )


def measurement_notices(found: Findings, question: Question = THROUGHPUT) -> Iterator[Notice]:
    """Yield what the measurements themselves show of the host and its devices.

    Args:
        found: What the search found.
        question: What was asked. Where items arrive, or another program runs, the rates say nothing of
            the host.
    """
    says_nothing = question.arrives or bool(question.beside)
    baseline_fps = [] if says_nothing else History(found.trials).baseline_fps()
    noise = spread(baseline_fps) if baseline_fps else 0.0
    if noise > NOISY:
        yield Notice(
            "noisy-host",
            f"The hint's own speed varied by {100 * noise:.0f} % from window to window: "
            "absolute figures are rough (ratios are paired and more reliable); "
            "search on a quieter machine or with a larger budget.",
        )
    elif (astray := _share_astray(baseline_fps)) > OFTEN:
        yield Notice(
            "noisy-host",
            f"In {share(astray)} of its windows the hint was off its median speed by more than "
            f"{share(NOISY)}: other programs ran in between; end them, and run the same command again.",
        )
    elif when := "" if says_nothing else _disturbance(found):
        yield Notice(
            "disturbed",
            f"{when[0].upper()}{when[1:]}: another program ran, or the processor changed its clock; "
            "end it, keep the clock steady, and run the same command again.",
        )
    elif (changing := _share_unsteady(found)) > CHANGING:
        yield Notice(
            "noisy-host",
            f"The host changed its speed in {share(changing)} of the rounds, which were played again: other "
            "programs ran in between; end them, and run the same command again.",
        )
    yield from (Notice("refused", f"{sentence}.") for sentence in found.refused)
    yield from (Notice("memory", f"{sentence}.") for sentence in found.too_large)
    for target, why in found.gone.items():
        yield Notice("gone", f"{target} was given up: it no longer runs its own hint ({why}).")
    if changed := next(filter(None, map(_clamped, found.trials)), None):
        yield Notice("clamped", f"{changed}; configurations that compile to the same are measured once.")
    precisions = (trial.effective.precision or "" for trial in found.trials if trial.effective)
    if mixed := next((precision for precision in precisions if "+" in precision), None):
        yield Notice(
            "mixed-precision",
            f"The devices of a combination compute in different precisions ({mixed}): the rounding of an "
            "answer depends on its device; combine devices of the same precision.",
        )


def _share_astray(rates: Sequence[float]) -> float:
    """Return the share of rates that are further from their median than a quiet host's."""
    middle = median(rates) if rates else 0.0
    return fmean(abs(rate - middle) > NOISY * middle for rate in rates) if rates else 0.0


def _share_unsteady(found: Findings) -> float:
    """Return the share of rounds that were played again because the host changed in them."""
    unsteady, counted = unsteady_rounds(found.trials, found.final)
    return unsteady / (unsteady + counted) if unsteady else 0.0


def _disturbance(found: Findings) -> str:
    """Return in words when the host was disturbed; empty where that was not for long."""
    course = drift_of(runs_of(found.trials, found.final, len(found.trials)))
    when = disturbed(course)
    disturbed_s = sum(stretch.to_s - stretch.from_s for stretch in when)
    return stretches(when) if when and disturbed_s > LONG * (course[-1].at_s - course[0].at_s) else ""


def _clamped(trial: Trial) -> str | None:
    """Return a sentence on a device that silently changed its number of streams, or None."""
    if trial.effective is None:
        return None
    asked = trial.configuration.plain_properties
    own = dict(asked.get("DEVICE_PROPERTIES", {}))
    members = [(plain_name(member.devices[0]), member.streams) for member in trial.effective.members]
    own |= {plain_name(name): settings for name, settings in own.items()}
    pairs = [(name, own.get(name, {}).get("NUM_STREAMS"), streams) for name, streams in members] or [
        (trial.configuration.device, asked.get("NUM_STREAMS"), trial.effective.streams)
    ]
    changed = (each for each in pairs if None not in each and each[1] != each[2])
    return next((f"{name} compiled NUM_STREAMS={wish} as {streams}" for name, wish, streams in changed), None)
