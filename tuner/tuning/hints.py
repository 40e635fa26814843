"""The performance hints of every target: which of them run, and which is the baseline.

A search over several targets compares everything with the best of their hints, the one that a
user who reads no further would be told to take.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.pruning import at_a_look
from tuner.domain.space import GATHERED, SHORT_TIMEOUT_MS
from tuner.domain.stats import Speedup, speedup
from tuner.domain.target import Target
from tuner.domain.trial import Trial
from tuner.domain.verdict import MINIMUM_GAIN
from tuner.errors import DeviceError, LaneError, UsageError
from tuner.measure.comparison import WINDOW_S, Comparison
from tuner.measure.lane import ASK_DEVICE, Lane, Lanes, require_all_devices
from tuner.tuning.budget import Budget

WINDOWS = 5
"""Of a hint alone: enough to know its rate and latency, it plays in every round that follows."""

ROUNDS = 6
"""Among several hints: enough to choose the baseline. Claims against it are the final's."""


class Hint:
    """A target's performance hint in a lane of its own."""

    def __init__(self, lanes: Lanes, target: Target, own_batch: int) -> None:
        """Compile it with the model's own batch and as many requests as the device asks for.

        Raises:
            LaneError: It does not compile, does not run, or not on every device of the target.
        """
        asked: dict[str, str | int] = {"PERFORMANCE_HINT": target.hint}
        if target.kind == "BATCH":
            asked["AUTO_BATCH_TIMEOUT"] = SHORT_TIMEOUT_MS
        asking = Configuration.of(str(_gathering(target)), asked, own_batch, ASK_DEVICE)
        self._lanes = lanes
        self.target = target
        self.lane: Lane = lanes.open(asking)
        self.configuration = replace(asking, requests=self.lane.facts.optimal_requests)
        try:
            require_all_devices(self.configuration, self.lane)
            if target.kind != "BATCH":  # a setting of its device, not measured as a hint
                self.lane.window(WINDOW_S)
        except LaneError:
            self.close()
            raise

    def mend(self) -> bool:
        """Open the lane again if it has died, and say whether it had; a second failure is raised."""
        if self.lane.alive():
            return False
        self.lane = self._lanes.open(self.configuration)
        return True

    def close(self) -> None:
        """End the lane."""
        self.lane.close()


@dataclass(frozen=True, slots=True)
class Hints:
    """What came of opening every target's hint.

    Attributes:
        baseline: The one that everything is compared with, its lane open; all others are closed.
        trials: Of each hint that is not in the history yet, the baseline's first.
        configurations: Every hint that runs, by target.
        left_out: Why a target is not searched, by target.
    """

    baseline: Hint
    trials: Sequence[Trial]
    configurations: Mapping[Target, Configuration]
    left_out: Mapping[Target, str]


def open_hints(
    lanes: Lanes,
    targets: Sequence[Target],
    own_batch: int,
    history: History,
    rng: random.Random,
    budget: Budget,
) -> Hints:
    """Open every target's hint while there is time, and measure what no earlier run has.

    Raises:
        DeviceError: None runs, or not the one that earlier trials were compared with.
        UsageError: The budget was over before all of them were open.
        Interrupted: The user asked to stop.
    """
    left_out: dict[Target, str] = {}
    with ExitStack() as stack:
        opened: list[Hint] = []
        for target in targets:
            if opened and budget.left_s() <= 0:
                raise UsageError(
                    f"budget={budget.seconds:g} was over before the hint on {target} was open, of "
                    f"{len(targets)} targets; give a larger one, or fewer devices."
                )
            try:
                _require_members(target, left_out)
                hint = Hint(lanes, target, own_batch)
                stack.callback(hint.close)
                _require_gathering(hint, opened)
                opened.append(hint)
            except LaneError as error:
                left_out[target] = str(error)
        baseline, trials = _among_those_alive(opened, left_out, history, rng, budget)
        stack.pop_all()
    for hint in opened:
        if hint is not baseline:
            hint.close()
    return Hints(baseline, trials, {hint.target: hint.configuration for hint in opened}, left_out)


def _among_those_alive(
    opened: list[Hint], left_out: dict[Target, str], history: History, rng: random.Random, budget: Budget
) -> tuple[Hint, list[Trial]]:
    """Measure the hints; one whose lane dies meanwhile leaves them, with all that needs its device."""
    while opened:
        try:
            return _measured(opened, history, rng, budget.spent_s)
        except LaneError as error:
            dead = [hint for hint in opened if not hint.lane.alive()]
            if not dead or len(dead) == len(opened):
                raise DeviceError(
                    f"The model compiles but does not run: {error}; a slow model wants a larger budget=."
                ) from error
            left_out |= {hint.target: str(error) for hint in dead}
        for hint in [*opened]:
            try:
                _require_members(hint.target, left_out)
            except LaneError as error:
                left_out.setdefault(hint.target, str(error))
            if hint.target in left_out:
                hint.close()
                opened.remove(hint)
    raise DeviceError(_none_runs(left_out))


def _measured(
    opened: Sequence[Hint], history: History, rng: random.Random, clock: Callable[[], float]
) -> tuple[Hint, list[Trial]]:
    """Choose the baseline and measure the hints that no earlier run has, automatic batching left alone."""
    hints = [hint for hint in opened if hint.target.kind != "BATCH"]
    known = _known_baseline(hints, history) if history.trials else None
    playing = [hint for hint in hints if hint is known or history.knows(hint.configuration) is None]
    if known and len(playing) == 1:
        return known, []
    comparison = Comparison([hint.lane for hint in playing], rng, clock)
    comparison.warm_up()
    for _ in range(ROUNDS if len(playing) > 1 else WINDOWS):
        comparison.play()
    best = playing.index(known) if known else _baseline_among(playing, comparison)
    order = [*([] if known else [best]), *(lane for lane in range(len(playing)) if lane != best)]
    return playing[best], [
        _trial(number, playing[lane], comparison, lane, best)
        for number, lane in enumerate(order, start=len(history.trials))
    ]


def _baseline_among(hints: Sequence[Hint], comparison: Comparison) -> int:
    """Return the lane of the simplest hint that the fastest does not surely beat."""
    fastest = max(range(len(hints)), key=lambda lane: median(comparison.log_ratios(lane)))

    def surely_slower(lane: int) -> bool:
        gain = at_a_look([each.log_ratio(fastest, to=lane) for each in comparison.rounds])
        return gain.low > 1.0 and gain.ratio > 1 + MINIMUM_GAIN

    tied = [lane for lane in range(len(hints)) if lane == fastest or not surely_slower(lane)]
    return min(tied, key=lambda lane: (hints[lane].configuration.complexity, lane != fastest))


def _known_baseline(opened: Sequence[Hint], history: History) -> Hint:
    """Return the hint with which all trials of earlier runs were compared."""
    for hint in opened:
        if history.began_with(hint.target):
            return hint
    device = history.trials[0].configuration.device
    raise DeviceError(
        f"All earlier trials were compared with the hint on {device}, which does not run any "
        "more; choose another directory with output=."
    )


def _trial(number: int, hint: Hint, comparison: Comparison, lane: int, baseline: int) -> Trial:
    """Return a hint's trial: its rounds against the baseline, or none for the baseline itself."""
    itself, facts = lane == baseline, hint.lane.facts
    rounds = () if itself else tuple(each.pair(baseline, lane) for each in comparison.rounds)
    return Trial(
        number,
        hint.configuration,
        "measured",
        rounds=rounds,
        effective=facts.effective,
        speedup=Speedup(1.0, 1.0, 1.0, 0.95, 0) if itself else speedup([one.log_ratio() for one in rounds]),
        measured=comparison.measured(lane),
        window_s=comparison.window_s(lane),
        compile_s=facts.compile_s,
        reopen_s=facts.reopen_s,
    )


def _require_members(target: Target, left_out: Mapping[Target, str]) -> None:
    """Refuse a virtual device of which a device does not run alone."""
    for one, why in left_out.items():
        if target.kind and one.devices[0] in target.devices and not one.kind:
            raise LaneError(f"{one} does not run ({why})")


def _gathering(target: Target) -> Target:
    """Give automatic batching a number where it has none: a CPU knows no optimal batch, and gathers none."""
    if target.kind != "BATCH" or target.members[0].amount:
        return target
    return target.with_amounts({target.devices[0]: GATHERED[0]})


def _require_gathering(hint: Hint, opened: Sequence[Hint]) -> None:
    """Refuse automatic batching that asks for no more requests than its device alone: it gathers none.

    A device that asks for more requests than it has streams may gather by itself, and tells nothing.
    """
    alone = [
        one.configuration.requests
        for one in opened
        if str(one.target) == hint.target.devices[0]
        and one.lane.facts.effective.streams in {None, one.configuration.requests}
    ]
    if hint.target.kind == "BATCH" and alone and hint.configuration.requests <= alone[0]:
        hint.close()
        raise LaneError("OpenVINO gathers no requests of this model, whose batch is not 1 or not known to it")


def _none_runs(left_out: Mapping[Target, str]) -> str:
    if len(left_out) == 1:
        ((target, why),) = left_out.items()
        return f"The model does not run on {target}, not even with the performance hint: {why}."
    told = "; ".join(f"{target}: {why}" for target, why in left_out.items())
    return f"The model runs on none of the devices, not even with the performance hint ({told})."
