"""Several targets share a budget: for which of them a configuration is tried next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tuner.domain.combination import CombinationSpace
from tuner.domain.configuration import Configuration
from tuner.domain.space import HINT, Space
from tuner.domain.target import Target, target_of
from tuner.domain.trial import Trial
from tuner.tuning.first_points import combination_points, gathering_points
from tuner.tuning.growth import Step
from tuner.tuning.proposals import Closed, Proposer

OPENING = 2
"""Proposals for each single device before anything else: a combination begins with the best of them."""


class Portfolio:
    """Proposes for several targets in turn: every second time for the target that leads.

    In between, the least tried target is next, so that none is given up after a few bad configurations.
    A virtual device begins with the best settings of its devices.
    """

    def __init__(
        self, proposers: Mapping[Target, Proposer], spaces: Mapping[Target, Space], known: Iterable[Trial]
    ) -> None:
        """Take the targets in the order in which they are first tried: single devices first.

        The proposers must have learnt the known trials already.
        """
        self._proposers, self._spaces = proposers, dict(spaces)
        self._tried: Counter[Target] = Counter()
        self._best: dict[Target, Trial] = {}
        self._turn = 0
        self._begun: set[Target] = set()
        for trial in known:
            self._count(trial)
        for target, trial in self._best.items():
            if target.combines:
                self._suggest_to_devices(target, trial.configuration)

    def next(self, closed: Closed) -> Configuration | None:
        """Return a configuration for which `closed` is false, or None if no target has any left."""
        self._turn += 1
        for target in self._order():
            self._suggest_first_points(target)
            if configuration := self._proposers[target].next(closed):
                return configuration
        return None

    def lead_to(self, step: Step) -> None:
        """Propose a point of a target's space next, which may have grown."""
        target = target_of(step.space.target)
        self._spaces[target] = step.space
        self._proposers[target].lead_to(step)

    def learn(self, trial: Trial) -> None:
        """Teach the trial's target; the best settings of a combination are also tried on each of its devices.

        Without that, a combination would be compared with the sum of devices that were searched less closely.
        """
        if target := self._count(trial):
            self._proposers[target].learn(trial)
            if target.combines and self._best.get(target) is trial:
                self._suggest_to_devices(target, trial.configuration)

    def _suggest_to_devices(self, target: Target, best: Configuration) -> None:
        """Suggest the settings of a combination to each of its devices."""
        own = best.plain_properties.get("DEVICE_PROPERTIES", {})
        for single in self._proposers:
            if not single.kind and single.devices[0] in target.devices:
                streams = own.get(single.devices[0], {}).get("NUM_STREAMS", HINT)
                wanted = {"streams": streams, "batch": best.batch, "requests_per_stream": 2}
                point = self._spaces[single].nearest(wanted)
                self._proposers[single].suggest([point] if point else [])

    def _count(self, trial: Trial) -> Target | None:
        """Count a trial, whoever proposed it, and keep it if it is its target's best; return the target.

        A duplicate does not count: it took no time and taught nothing.
        """
        device = trial.configuration.device
        target = next((known for known in self._proposers if known.covers(device)), None)
        if target:
            self._tried[target] += trial.state != "duplicate"
            best = self._best[target].ratio if target in self._best else 0.0
            if trial.keeps_limits and trial.ratio > best:
                self._best[target] = trial
        return target

    def _order(self) -> list[Target]:
        """Return every target, beginning with the target whose turn it is."""
        by_need = sorted(self._proposers, key=lambda target: self._tried[target])
        opening = [each for each in by_need if not each.combines and self._tried[each] < OPENING]
        if opening or self._turn % 2 or not self._best:
            return [*opening, *(target for target in by_need if target not in opening)]
        leader = max(self._best, key=lambda target: self._best[target].ratio)
        return [leader, *(target for target in by_need if target != leader)]

    def _suggest_first_points(self, target: Target) -> None:
        """Before the first trial of a virtual device, suggest the best settings of its devices."""
        if target.kind and target not in self._begun:
            self._begun.add(target)
            space = self._spaces[target]
            if isinstance(space, CombinationSpace):
                points = combination_points(space, target, self._best)
            else:
                points = gathering_points(space, target, self._best)
            self._proposers[target].suggest(points)
