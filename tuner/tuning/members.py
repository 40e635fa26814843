"""Which hosts of a Ray cluster take part in a search: they are found, greeted, compared, and left out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tuner.domain.configuration import Configuration
from tuner.domain.figures import count
from tuner.domain.result import Notice
from tuner.errors import Interrupted, LaneError, TunerError, UsageError, reason
from tuner.tuning.progress import Observer, Warned
from tuner.tuning.remote_host import Answer, Opening, RemoteHost, versions

LOOK_S = 1.0
"""Seconds after which it is looked for hosts that joined."""

MOST_DEATHS = 2
"""How often the process on a node may end that is still there, before it is not started again."""

BESIDE = "beside"
"""The group of methods that a host runs while it measures."""

Doing = Literal["greeting", "opening", "open", "joining", "free", "trial", "asked", "final"]


@dataclass(slots=True, eq=False)
class Member:
    """A host that takes part.

    Attributes:
        node: Ray's number of its node.
        name: What people call it.
        actor: Ray's handle of the process on it.
        pending: What Ray will have its next answer in, or None.
        doing: What it was asked for last; `open` and `free` wait to be asked.
        configuration: What it measures, in a trial.
        known: How many of the search's trials it knows.
        available_mb: The memory that a further lane may take on it, in MiB.
    """

    node: str
    name: str
    actor: Any
    pending: Any
    doing: Doing = "greeting"
    configuration: Configuration | None = None
    known: int = 0
    available_mb: float = float("inf")

    @property
    def begun(self) -> bool:
        """Whether it is ready to measure, or measures."""
        return self.doing not in {"greeting", "opening"}

    def ask(self, doing: Doing, method: Any, *given: Any) -> None:
        """Ask it for something; the answer is pending then."""
        self.doing, self.pending = doing, method.remote(*given)

    def beside(self, method: Any) -> Any:
        """Call a method while another one runs; return what Ray will have the answer in."""
        return method.options(concurrency_group=BESIDE).remote()


class Lost(Exception):
    """A host does not answer any more; it has been left out."""


class Members:
    """The hosts of a search.

    Attributes:
        all: Those that take part.
        first: What the first of them that was ready knows of the search; None before there is one.
        took_s: Seconds of the budget in which it got ready.
        notices: What happened to hosts.
        error: Why the last of them was left out.
    """

    def __init__(
        self,
        opening: Opening,
        why_not_with: Callable[[Any, Any], str | None],
        labels: Mapping[str, str],
        tell: Observer,
    ) -> None:
        """Send what gets a host ready to the object store, from which hosts take it.

        Raises:
            UsageError: It does not take it.
        """
        try:
            self._opening = ray.put(opening)
        except RayError as error:
            raise UsageError(f"The cluster does not take the model ({reason(error)}).") from error
        self._why_not_with, self._labels, self._tell = why_not_with, labels, tell
        self.all: list[Member] = []
        self.first: Any = None
        self.took_s = 0.0
        self.notices: list[Notice] = []
        self.error: TunerError | None = None
        self._in_use: set[str] = set()
        self._deaths: Counter[str] = Counter()
        self._looked_s = float("-inf")

    def doing(self, doing: Doing) -> list[Member]:
        """Return those that were asked for this last."""
        return [member for member in self.all if member.doing == doing]

    def look(self) -> bool:
        """Start a process on every node that joined, if it is time to look; return whether it was."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return False
        self._looked_s = time.monotonic()
        for node in ray.nodes():
            labels, cpus = node.get("Labels") or {}, node["Resources"].get("CPU", 0)
            wanted = all(labels.get(name) == value for name, value in self._labels.items())
            if node["Alive"] and cpus and wanted and node["NodeID"] not in self._in_use:
                self._in_use.add(node["NodeID"])
                self.all.append(_member_on(node, cpus))
        return True

    def why_none(self) -> TunerError:
        """Return why no host got ready."""
        wanted = ",".join(f"{name}={value}" for name, value in self._labels.items())
        return self.error or UsageError(
            f"The cluster has no host with hosts='{wanted}'; give labels that a node with CPUs has."
            if wanted
            else "The cluster has no node with CPUs; start one with 'ray start --address=...'."
        )

    def answer_of(self, member: Member) -> Answer:
        """Return what a member answered, which is free then.

        Raises:
            Lost: It does not answer; it has been left out.
            Interrupted: It was stopped.
        """
        ref, member.pending, member.doing = member.pending, None, "free"
        try:
            answer: Answer = ray.get(ref)
        except RayError as error:
            self._lose(member, error)
            raise Lost from error
        if isinstance(answer.error, Interrupted):
            raise answer.error
        if answer.error is None:
            member.available_mb = answer.available_mb
        return answer

    def welcome(self, member: Member) -> None:
        """Take the answer of a member that gets ready: its versions, then what it knows of the search."""
        if member.doing == "greeting":
            self._greet(member)
            return
        with suppress(Lost):
            answer = self.answer_of(member)
            if answer.error:
                self.leave_out(member, answer.error, "host-refused")
                return
            ready, took_s = answer.value
            member.doing = "open"
            if self.first is None:
                self.first, self.took_s = ready, took_s
                for notice in self.notices:
                    self._tell(Warned(notice))
            elif why := self._why_not_with(self.first, ready):
                self.leave_out(member, UsageError(f"it is another kind of host: {why}"), "host-refused")

    def leave_out(self, member: Member, error: TunerError, code: str) -> None:
        """Go on without a member; why is told once there is a search to go on."""
        self.all.remove(member)
        self.error = error
        with suppress(RayError):
            ray.kill(member.actor)
        left = count(len(self.all), "host")
        notice = Notice(code, f"{member.name} is left out: {str(error).rstrip('.')}; {left} left.")
        self.notices.append(notice)
        if self.first is not None:
            self._tell(Warned(notice))

    def _greet(self, member: Member) -> None:
        """Send what gets it ready to a member that has the same versions."""
        ref, member.pending = member.pending, None
        try:
            theirs: Mapping[str, str] = ray.get(ref)
        except RayError as error:
            why = f"the tuner does not start there ({reason(error)}); install it on every host."
            self.leave_out(member, UsageError(why), "host-refused")
            return
        differing = [
            f"{name} is {theirs.get(name, 'missing')}, here {mine}"
            for name, mine in versions().items()
            if theirs.get(name) != mine
        ]
        if differing:
            why = f"{'; '.join(differing)}; install the same versions on all hosts."
            self.leave_out(member, UsageError(why), "host-refused")
            return
        member.ask("opening", member.actor.open, self._opening)

    def _lose(self, member: Member, error: RayError) -> None:
        """Leave out a member that does not answer.

        Its node is used again if it comes back, or once if it is still there.

        Raises:
            RayTaskError: There is a mistake in this program.
        """
        if isinstance(error, RayTaskError) and not isinstance(error.cause, OSError | MemoryError):
            raise error
        self._deaths[member.node] += 1
        if self._deaths[member.node] < MOST_DEATHS:
            self._in_use.discard(member.node)
        self.leave_out(member, LaneError("it does not answer any more"), "host-lost")


def _member_on(node: Mapping[str, Any], cpus: float) -> Member:
    """Start a process on a node, which reserves all of its CPUs, and ask for its versions."""
    place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    host = ray.remote(concurrency_groups={BESIDE: 1})(RemoteHost)
    actor = host.options(num_cpus=cpus, scheduling_strategy=place).remote()
    name = f"{node['NodeManagerHostname']} ({node['NodeID'][:6]})"
    return Member(node["NodeID"], name, actor, actor.versions.remote())
