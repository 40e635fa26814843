"""The best speed that a search found on each of its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.domain.target import Target
from tuner.domain.trial import Candidate, Trial
from tuner.domain.verdict import MINIMUM_GAIN


@dataclass(frozen=True, slots=True)
class Standing:
    """The best speed that a search found on a target.

    Attributes:
        target: Device string.
        best: The configuration that a whole final chose, if it is on this target; else the target's fastest
            finalist; else its fastest trial, which is an estimate and no claim.
        share_of_sum: For a combination: its speed divided by the sum of its devices' own best speeds.
        share_of_gain: For automatic batching: its gain over the device's hint, divided by the gain of the
            device's best explicit batch. None where no explicit batch has a gain.
    """

    target: str
    best: Trial | Candidate
    share_of_sum: float | None = None
    share_of_gain: float | None = None


def standings(
    trials: Sequence[Trial],
    targets: Sequence[Target],
    chosen: Candidate | None = None,
    finalists: Sequence[Candidate] = (),
) -> tuple[Standing, ...]:
    """Return the standing of each target that has a trial, in the order of the targets."""
    running = [finalist for finalist in finalists if finalist.disqualified is None]
    best: dict[Target, Trial | Candidate] = {}
    for target in targets:
        for group in ([chosen] if chosen else [], running, trials):
            own = [known for known in group if known.ratio and target.covers(known.configuration.device)]
            if own:
                best[target] = max(own, key=lambda known: known.ratio)
                break
    alone = {target.devices[0]: trial.ratio for target, trial in best.items() if not target.kind}

    def of_sum(target: Target) -> float | None:
        known = target.combines and all(device in alone for device in target.devices)
        return best[target].ratio / sum(alone[device] for device in target.devices) if known else None

    def of_gain(target: Target) -> float | None:
        own = [trial for trial in trials if trial.ratio and trial.configuration.device == target.devices[0]]
        if target.kind != "BATCH" or not own:
            return None
        hint = own[0]
        batched = (trial.ratio for trial in own if trial.configuration.batch > hint.configuration.batch)
        gain = max(batched, default=0.0) / hint.ratio - 1
        return (best[target].ratio / hint.ratio - 1) / gain if gain > MINIMUM_GAIN else None

    return tuple(
        Standing(str(target), fastest, of_sum(target), of_gain(target)) for target, fastest in best.items()
    )
