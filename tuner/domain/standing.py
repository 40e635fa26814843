"""How far each of several targets came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.domain.target import Target
from tuner.domain.trial import Candidate, Trial
from tuner.domain.verdict import MINIMUM_GAIN


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one of several targets came.

    Attributes:
        target: Device string.
        best: What was chosen, where it is of this target; else its fastest finalist; else its fastest
            trial, by estimate: no claim.
        share_of_sum: Of a combination: its speed over the sum of what its devices reach alone.
        share_of_gain: Of automatic batching: its gain over the device's own hint as a share of that of the
            device's best explicit batch, where there is one that gains.
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
    """Return every target's best, for the targets that have a trial, in their order."""
    running = [one for one in finalists if one.disqualified is None]
    best: dict[Target, Trial | Candidate] = {}
    for target in targets:
        for known in ([chosen] if chosen else [], running, trials):
            own = [one for one in known if one.ratio and target.covers(one.configuration.device)]
            if own:
                best[target] = max(own, key=lambda one: one.ratio)
                break
    alone = {target.devices[0]: trial.ratio for target, trial in best.items() if not target.kind}

    def of_sum(target: Target) -> float | None:
        known = target.combines and all(device in alone for device in target.devices)
        return best[target].ratio / sum(alone[device] for device in target.devices) if known else None

    def of_gain(target: Target) -> float | None:
        own = [one for one in trials if one.ratio and one.configuration.device == target.devices[0]]
        if target.kind != "BATCH" or not own:
            return None
        hint = own[0]
        batched = (one.ratio for one in own if one.configuration.batch > hint.configuration.batch)
        gain = max(batched, default=0.0) / hint.ratio - 1
        return (best[target].ratio / hint.ratio - 1) / gain if gain > MINIMUM_GAIN else None

    return tuple(Standing(str(target), one, of_sum(target), of_gain(target)) for target, one in best.items())
