"""The hosts of a Ray cluster: each measures one trial at a time, against a baseline of its own.

Ray starts a process on each host, sends it the model, and tells when a host is lost; `ThisHost` measures
there, as without a cluster. Resources of Ray are logical: the process reserves all CPUs of its node, but
shares it with programs that are not Ray's. Source: Moritz et al., *Ray: A Distributed Framework for Emerging
AI Applications*, OSDI 2018.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

import ray

from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.result import Notice
from tuner.domain.trial import Final, Trial
from tuner.errors import Interrupted, LaneError
from tuner.tuning.budget import Budget
from tuner.tuning.final import Plan
from tuner.tuning.hints import Hints
from tuner.tuning.hosts import HostsGone, Work
from tuner.tuning.losses import Losses
from tuner.tuning.members import Lost, Member, Members
from tuner.tuning.parallel_finals import STOPPING_S, ParallelFinals
from tuner.tuning.progress import Observer, Step
from tuner.tuning.ray_connection import while_connected
from tuner.tuning.remote_host import Opening

POLL_S = 0.2
"""Seconds that are waited for an answer, before it is looked whether the user asked to stop."""

LONG_S = 10.0
"""Seconds after which it is said that no host has begun."""


class Cluster:
    """Measures on every host of a cluster that has the labels, and is of the kind that is searched.

    Attributes:
        elsewhere: The last final on another host than the one that decides, if it says anything.
    """

    def __init__(
        self,
        opening: Opening,
        why_not_with: Callable[[Any, Any], str | None],
        kind_there: Callable[[], str],
        stopped: Callable[[], bool],
        tell: Observer = lambda _: None,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Send the model to the cluster.

        Args:
            opening: Gets a host ready.
            why_not_with: Says why a host cannot measure beside the first one, by what both know of the
                search; None if it can.
            kind_there: Returns the name of a host's kind; it is called there.
            stopped: Whether the user asked to stop.
            tell: Called with every event.
            labels: Ray's labels of the nodes that are used, and `tuner.kind`, the kind of host; all nodes
                with CPUs unless given.

        Raises:
            UsageError: The cluster does not take the model.
        """
        self._members = Members(opening, why_not_with, kind_there, labels or {}, tell)
        self._stopped, self._tell = stopped, tell
        self.elsewhere: Sequence[Final] = ()
        self._measured_on: set[str] = set()
        self._losses = Losses()
        self._ended: deque[tuple[Trial, Member | None]] = deque()
        self._ended_last_on: Member | None = None
        self._finals = ParallelFinals()
        self._hints: Hints | None = None
        self._budget: Budget | None = None
        self._in_trials = self._it_is_time = False

    @property
    def measured_on(self) -> int:
        """See `Hosts`."""
        return len(self._measured_on)

    @property
    def notices(self) -> Sequence[Notice]:
        """See `Hosts`."""
        return self._members.notices

    def disturbances(self) -> Sequence[Notice]:
        """See `Hosts`."""
        return [*chain.from_iterable(self._members.disturbances.values())]

    @property
    def took_s(self) -> float:
        """Seconds of the budget in which the first host got ready."""
        return self._members.took_s

    @while_connected
    def ready(self) -> Any:
        """Wait until the first host is ready, and return what it knows of the search.

        Raises:
            TunerError: No host can be got ready.
            Interrupted: The user asked to stop.
        """
        ends, said = time.monotonic() + LONG_S, False
        while self._members.first is None:
            self._wait()
            if not said and time.monotonic() > ends:
                said = True
                held = "other searches, or other jobs of Ray, may hold them"
                looks = self._members.doing("looking")
                self._tell(
                    Step(f"waiting for a host: {'they do not say what they are yet' if looks else held}")
                )
        return self._members.first

    @while_connected
    def open_hints(self, work: Work, history: History, budget: Budget) -> Hints:
        """See `Hosts`."""
        self._work, self._history, self._budget = work, history, budget
        while self._hints is None:
            if not self._members.doing("joining"):
                for member in self._members.doing("open")[:1]:
                    self._join(member)
            self._wait()
        return self._hints

    @while_connected
    def begin_trials(self) -> None:
        """See `Hosts`."""
        self._in_trials = True
        self._join_all()

    @property
    def free(self) -> bool:
        """See `Hosts`."""
        return bool(self._members.doing("free"))

    @property
    def running(self) -> Collection[Configuration]:
        """See `Hosts`."""
        return [member.configuration for member in self._members.all if member.configuration]

    @while_connected
    def start(self, configuration: Configuration) -> None:
        """See `Hosts`."""
        member = self._members.doing("free")[0]
        member.configuration = configuration
        self._losses.started(configuration)
        member.ask("trial", member.actor.trial, configuration, *self._news(member))

    @while_connected
    def ended(self) -> Trial | None:
        """See `Hosts`."""
        were_free = len(self._members.doing("free"))
        while not self._ended:
            self._wait()
            if not self._ended and (len(self._members.doing("free")) > were_free or not self.running):
                return None
        trial, self._ended_last_on = self._ended.popleft()
        return trial

    def lost(self) -> Configuration | None:
        """See `Hosts`."""
        return self._losses.next()

    @while_connected
    def why_it_fails(self, configuration: Configuration) -> str | None:
        """See `Hosts`; it is asked on the host whose trial ended last.

        If there are others, a host that does not run it is left out: the others will tell.
        """
        suspect = self._ended_last_on
        if suspect not in self._members.doing("free"):
            return None
        assert suspect
        suspect.ask("asked", suspect.actor.why_it_fails, configuration, *self._news(suspect))
        while not ray.wait([suspect.pending], timeout=POLL_S)[0]:
            self._look()
        try:
            answer = self._members.answer_of(suspect)
        except Lost:
            return None
        why = str(answer.error) if answer.error else answer.value
        if why is None or self._members.is_last(suspect):
            return why
        error = LaneError(f"it does not run {configuration} any more ({why})")
        self._members.leave_out(suspect, error, "host-failed")
        return None

    @while_connected
    def end_trials(self) -> None:
        """See `Hosts`."""
        self._in_trials = False
        for member in self._members.doing("free"):
            member.ask("asked", member.actor.end_trials)
        while self._members.doing("asked"):
            self._wait()

    @while_connected
    def hold_final(self, plan: Plan, on_round: Callable[[int], None]) -> Final:
        """See `Hosts`; where there are several hosts, two of them hold it at the same time.

        If one of them is lost, the other one's counts; if both are, it is held again.
        """
        self._finals = ParallelFinals()
        while not self._finals.ended:
            if self._finals.failed:
                self._join_all()
                self._finals.begin(
                    self._members.doing("free"),
                    lambda member: member.ask("final", member.actor.final, plan, *self._news(member)),
                )
            try:
                self._wait()
                self._tell_rounds(on_round)
            except Interrupted:
                with suppress(HostsGone):
                    self._stop_finals()
                break
            except HostsGone:
                if not self._finals.say_something:
                    raise
                break
        decided = self._finals.decided()
        if decided is None:
            raise Interrupted("stopped by the user")
        decides, self.elsewhere = decided
        return decides

    def available_mb(self) -> float:
        """See `Hosts`: the least of all hosts."""
        return min((member.available_mb for member in self._members.all), default=float("inf"))

    def close(self) -> None:
        """See `Hosts`."""
        with suppress(HostsGone):
            self._close_hosts()

    @while_connected
    def _close_hosts(self) -> None:
        begun = [member for member in self._members.all if member.begun]
        for member in begun:
            member.actor.stop.remote()
        closing = [member.actor.close.remote() for member in begun]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=STOPPING_S)
        self._members.end()

    @while_connected
    def _tell_rounds(self, on_round: Callable[[int], None]) -> None:
        if self._it_is_time:
            self._finals.tell_rounds(on_round)

    @while_connected
    def _stop_finals(self) -> None:
        for member in self._finals.stop():
            self._take(member)

    def _news(self, member: Member) -> tuple[Any, ...]:
        """Return the trials that a host does not know yet, and what time it is."""
        assert self._budget
        news, member.known = self._history.trials[member.known :], len(self._history.trials)
        return news, self._budget.moment()

    def _join(self, member: Member) -> None:
        member.ask("joining", member.actor.join, self._work, *self._news(member))

    def _join_all(self) -> None:
        for member in self._members.doing("open"):
            self._join(member)

    def _look(self) -> None:
        """Look which hosts there are, if it is time to.

        Raises:
            Interrupted: The user asked to stop.
            TunerError: No host can be used, or there is none and the time is over.
        """
        if self._stopped():
            raise Interrupted("stopped by the user")
        self._it_is_time = self._members.look()
        self._require_hope()

    @while_connected
    def _wait(self) -> None:
        """Wait a moment until a host answers, and take its answer; see `_look`."""
        self._look()
        pending = {member.pending: member for member in self._members.all if member.pending}
        if not pending:
            time.sleep(POLL_S)
            return
        answered, _ = ray.wait(list(pending), timeout=POLL_S)
        for ref in answered:
            self._take(pending[ref])

    def _require_hope(self) -> None:
        """Make sure that a host measures, or that one may come while there is time."""
        if self._members.first is None:
            if not self._members.all and self._members.knows_nodes:
                raise self._members.why_none()
            return
        is_over = self._budget and self._budget.left_s() <= 0
        if is_over and not any(member.begun for member in self._members.all):
            why = str(self._members.error or "none answers").rstrip(".")
            raise HostsGone(f"every host of the cluster is gone ({why})")

    def _take(self, member: Member) -> None:
        """Take the answer of a host to what it was asked for."""
        if not member.begun:
            self._members.welcome(member)
            if self._in_trials:
                self._join_all()
            return
        asked, configuration = member.doing, member.configuration
        member.configuration = None
        try:
            answer = self._members.answer_of(member)
        except Lost:
            self._lose(configuration)
            return
        if answer.error:
            if self._members.is_last(member) and not self._finals.ended:
                raise answer.error
            self._members.leave_out(member, answer.error, "host-failed")
            self._losses.repeat(configuration)
        elif asked == "joining":
            self._hints = self._hints or answer.value
        elif asked == "trial":
            self._measured_on.add(member.node.number)
            self._ended.append((answer.value, member))
        elif asked == "final":
            self._finals.take(member, answer.value)

    def _lose(self, configuration: Configuration | None) -> None:
        """Have a configuration measured again whose host was lost; it has failed where that goes on."""
        if configuration and (why := self._losses.add(configuration)):
            failed = Trial(len(self._history.trials), configuration, "failed", reason=why)
            self._ended.append((failed, None))
