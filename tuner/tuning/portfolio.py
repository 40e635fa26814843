"""Several targets, one budget: whose configuration is tried next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tuner.domain.configuration import Configuration
from tuner.domain.properties import Properties
from tuner.domain.space import HINT, Choice, Point, Space
from tuner.domain.target import Target
from tuner.domain.trial import Trial
from tuner.tuning.proposals import Closed, Proposer

OPENING = 2
"""Proposals for each single device before anything else: what a combination begins with."""


class Portfolio:
    """Proposes for several targets in turn: every second time for the one that leads.

    In between, the least tried is next, so that none is given up: what one configuration is worth
    says little of the next. A virtual device begins with what its devices like best.
    """

    def __init__(
        self, proposers: Mapping[Target, Proposer], spaces: Mapping[Target, Space], known: Iterable[Trial]
    ) -> None:
        """Take the targets in the order in which they are first tried: single devices first.

        The proposers have learnt of the known trials already.
        """
        self._proposers, self._spaces = proposers, spaces
        self._tried: Counter[Target] = Counter()
        self._best: dict[Target, Trial] = {}
        self._turn = 0
        self._seeded: set[Target] = set()
        for trial in known:
            if target := self._note(trial):
                self._tried[target] += 1
        for target, trial in self._best.items():
            if target.combines:
                self._echo(target, trial.configuration)

    def next(self, closed: Closed) -> Configuration | None:
        """Return a configuration for which `closed` is false, or None when no target has one left."""
        self._turn += 1
        for target in self._order():
            self._seed(target)
            if configuration := self._proposers[target].next(closed):
                self._tried[target] += 1
                return configuration
        return None

    def learn(self, trial: Trial) -> None:
        """Tell the trial's target how it went; what a combination likes, its devices try alone.

        Else its share of their plain sum would be told of devices that nobody looked at closely.
        """
        if target := self._note(trial):
            self._tried[target] -= trial.state == "duplicate"  # it cost no time and taught nothing
            self._proposers[target].learn(trial)
            if target.combines and self._best.get(target) is trial:
                self._echo(target, trial.configuration)

    def _echo(self, target: Target, liked: Configuration) -> None:
        own = liked.plain_properties.get("DEVICE_PROPERTIES", {})
        for single in self._proposers:
            if not single.kind and single.devices[0] in target.devices:
                streams = own.get(single.devices[0], {}).get("NUM_STREAMS", HINT)
                wanted = {"streams": streams, "batch": liked.batch, "requests_per_stream": 2}
                point = self._spaces[single].nearest(wanted)
                self._proposers[single].suggest([point] if point else [])

    def _note(self, trial: Trial) -> Target | None:
        """Keep the best trial of each target; return this one's."""
        device = trial.configuration.device
        target = next((one for one in self._proposers if one.covers(device)), None)
        if target and trial.ratio > (self._best[target].ratio if target in self._best else 0.0):
            self._best[target] = trial
        return target

    def _order(self) -> list[Target]:
        """Return every target, the one whose turn it is first."""
        by_need = sorted(self._proposers, key=lambda target: self._tried[target])
        opening = [one for one in by_need if not one.combines and self._tried[one] < OPENING]
        if opening or self._turn % 2 or not self._best:
            return [*opening, *(target for target in by_need if target not in opening)]
        leader = max(self._best, key=lambda target: self._best[target].ratio)
        return [leader, *(target for target in by_need if target != leader)]

    def _seed(self, target: Target) -> None:
        """Before the first trial of a virtual device: guess from what the devices like best."""
        if target.kind and target not in self._seeded:
            self._seeded.add(target)
            guess = seeds if target.combines else gathering_seeds
            self._proposers[target].suggest(guess(self._spaces[target], target, self._best))


def gathering_seeds(space: Space, target: Target, best: Mapping[Target, Trial]) -> list[Point]:
    """Return points of automatic batching: gather what the device likes best as an explicit batch."""
    alone = [trial.configuration for one, trial in best.items() if str(one) == target.devices[0]]
    points = [space.nearest({"gathered": one.batch, "requests_per_stream": 2}) for one in alone]
    return [point for point in points if point]


def seeds(space: Space, target: Target, best: Mapping[Target, Trial]) -> list[Point]:
    """Return points of a combination that follow from the best trials so far.

    First its devices' best settings together, at the batch of each; then each device in its share of the
    cores; then what another combination of the same devices liked.
    """
    assert space.settings is not None
    alone = {one.devices[0]: trial.configuration for one, trial in best.items() if not one.kind}
    likes = {device: _choice(space.settings[device], alone.get(device)) for device in target.devices}
    shares = {device: _capped(space.settings[device]) or like for device, like in likes.items()}
    batches = dict.fromkeys(one.batch for one in alone.values())
    wanted: list[dict[str, Choice]] = []
    for batch in batches:
        for settings in (likes, shares):
            wanted.append({**settings, "batch": batch, "requests_per_stream": 2})
    for other, trial in best.items():
        if other.combines and set(other.devices) == set(target.devices):
            own = trial.configuration.plain_properties.get("DEVICE_PROPERTIES", {})
            same = {
                device: _labelled(space.settings[device], own.get(device, {})) for device in target.devices
            }
            wanted.append({**same, "batch": trial.configuration.batch, "requests_per_stream": 2})
    points = [space.nearest(one) for one in wanted]
    return [point for point in points if point]


def _choice(settings: Mapping[Choice, Properties], configuration: Configuration | None) -> Choice:
    return _labelled(settings, configuration.plain_properties if configuration else {})


def _labelled(settings: Mapping[Choice, Properties], wanted: Mapping[str, object]) -> Choice:
    """Return the words for a device's properties, `hint` where there are none."""
    own = {name: value for name, value in wanted.items() if name != "PERFORMANCE_HINT"}
    return next((words for words, properties in settings.items() if dict(properties) == own), HINT)


def _capped(settings: Mapping[Choice, Properties]) -> Choice | None:
    return next((words for words, own in settings.items() if "INFERENCE_NUM_THREADS" in dict(own)), None)
