"""Which hosts of a Ray cluster take part in a search: they are found, looked at, compared, and left out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import ray
from ray.exceptions import RayError, RayTaskError

from tuner.domain.configuration import Configuration
from tuner.domain.figures import count
from tuner.domain.result import Notice
from tuner.errors import Interrupted, LaneError, TunerError, UsageError, reason
from tuner.tuning.nodes import (
    LOOKING_S,
    Head,
    Node,
    look_at,
    seen,
    split,
    why_none_with,
)
from tuner.tuning.progress import Observer, Warned
from tuner.tuning.ray_connection import is_outage
from tuner.tuning.remote_host import Answer, Opening, RemoteHost

LOOK_S = 1.0
"""Seconds after which it is looked for hosts that joined."""

MOST_DEATHS = 2
"""How often the process on a node may end that is still there, before it is not started again."""

BESIDE = "beside"
"""The group of methods that a host runs while it measures."""

Doing = Literal["looking", "seen", "opening", "open", "joining", "free", "trial", "asked", "final"]


Method = TypeVar("Method", bound=Callable[..., Any])


def _beside(method: Method) -> Method:
    """Let a method of an actor run while another one does."""
    return cast(Method, ray.method(concurrency_group=BESIDE)(method))


class HostActor(RemoteHost):
    """A remote host as Ray runs it: two of its methods while another one does.

    They are named here and not where they are called: over `ray://` no call can choose its group.
    """

    @_beside
    def rounds(self) -> int:
        """See `RemoteHost`."""
        return super().rounds()

    @_beside
    def stop(self) -> None:
        """See `RemoteHost`."""
        super().stop()


HOST_ACTOR = ray.remote(concurrency_groups={BESIDE: 1})(HostActor)
"""Sent to a cluster once, with the first host: without its head that takes as long as the head is away."""


@dataclass(slots=True, eq=False)
class Member:
    """A host that takes part.

    Attributes:
        node: Its node.
        pending: What Ray will have its next answer in, or None.
        since_s: When it was asked what it is, by the monotonic clock.
        doing: What it was asked for last; `seen`, `open` and `free` wait to be asked.
        kind: Its kind of host; empty before it has said it.
        actor: Ray's handle of the process that measures on it; None before there is one.
        configuration: What it measures, in a trial.
        known: How many of the search's trials it knows.
        available_mb: The memory that a further lane may take on it, in MiB.
    """

    node: Node
    pending: Any
    since_s: float
    doing: Doing = "looking"
    kind: str = ""
    actor: Any = None
    configuration: Configuration | None = None
    known: int = 0
    available_mb: float = float("inf")

    @property
    def begun(self) -> bool:
        """Whether it is ready to measure, or measures."""
        return self.doing not in {"looking", "seen", "opening"}

    def start(self, opening: Any) -> None:
        """Start a process on it that reserves all of its CPUs, and get it ready."""
        self.actor = HOST_ACTOR.options(num_cpus=self.node.cpus, scheduling_strategy=self.node.place).remote()
        self.ask("opening", self.actor.open, opening)

    def end(self) -> None:
        """End its process, if there is one."""
        if self.actor is not None:
            with suppress(RayError):
                ray.kill(self.actor)

    def ask(self, doing: Doing, method: Any, *given: Any) -> None:
        """Ask it for something; the answer is pending then."""
        self.doing, self.pending = doing, method.remote(*given)


def of_member(member: Member, notice: Notice) -> Notice:
    """Return what is to be said of a member with its name."""
    return Notice(notice.code, f"{member.node.name}: {notice.text}")


class Lost(Exception):
    """A host does not answer any more; it has been left out."""


class Members:
    """The hosts of a search.

    Attributes:
        all: Those that take part.
        first: What the first of them that was ready knows of the search; None before there is one.
        took_s: Seconds of the budget in which it got ready.
        notices: What happened to hosts, and what makes their figures worth less.
        disturbances: What has disturbed each host that answered, by Ray's number of its node.
        error: Why the last of them was left out.
        knows_nodes: Whether the head has said which nodes there are.
    """

    def __init__(
        self,
        opening: Opening,
        why_not_with: Callable[[Any, Any], str | None],
        kind_there: Callable[[], str],
        labels: Mapping[str, str],
        tell: Observer,
    ) -> None:
        """Send what gets a host ready to the object store, from which hosts take it.

        Raises:
            UsageError: It does not take it.
        """
        try:
            self._opening = ray.put(opening)
        except Exception as error:
            if isinstance(error, RayError) or is_outage(error):
                raise UsageError(f"The cluster does not take the model ({reason(error)}).") from error
            raise
        self._head = Head()
        self._why_not_with, self._kind_there, self._tell = why_not_with, kind_there, tell
        self._given_labels = labels
        self._labels, self._asked_kind = split(labels)
        self._kind = self._asked_kind
        self._kinds_seen: set[str] = set()
        self.all: list[Member] = []
        self.first: Any = None
        self.took_s = 0.0
        self.notices: list[Notice] = []
        self.disturbances: dict[str, Sequence[Notice]] = {}
        self.error: TunerError | None = None
        self.knows_nodes = self._head_answers = False
        self._in_use: set[str] = set()
        self._deaths: Counter[str] = Counter()
        self._looked_s = float("-inf")

    def doing(self, doing: Doing) -> list[Member]:
        """Return those that were asked for this last."""
        return [member for member in self.all if member.doing == doing]

    def is_last(self, member: Member) -> bool:
        """Return whether no other member is ready to measure, or measures."""
        return all(other is member or not other.begun for other in self.all)

    def look(self) -> bool:
        """Ask every node that joined what it is, if it is time to; return whether it was.

        Raises:
            HostsGone: The head of the cluster does not answer any more.
        """
        if time.monotonic() - self._looked_s < LOOK_S:
            return False
        self._looked_s = time.monotonic()
        nodes = self._head.nodes_with(self._labels)
        self.knows_nodes = self.knows_nodes or nodes is not None
        for node in nodes or ():
            if node.number not in self._in_use:
                self._in_use.add(node.number)
                self.all.append(Member(node, look_at(node, self._kind_there), time.monotonic()))
        for member in self.doing("looking"):
            if time.monotonic() - member.since_s > LOOKING_S:
                why = f"it does not say within {LOOKING_S:g} s what it is; look at it with 'ray status'."
                self.leave_out(member, UsageError(why), "host-refused")
        self._head_answers = nodes is not None
        self._open_seen()
        return True

    def why_none(self) -> TunerError:
        """Return why no host got ready."""
        return self.error or why_none_with(self._given_labels, self._kinds_seen)

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
            self.disturbances[member.node.number] = [of_member(member, each) for each in answer.disturbances]
        return answer

    def welcome(self, member: Member) -> None:
        """Take the answer of a member that gets ready: what it is, then what it knows of the search."""
        if member.doing == "looking":
            self._see(member)
            self._open_seen()
            return
        with suppress(Lost):
            answer = self.answer_of(member)
            if answer.error:
                self.leave_out(member, answer.error, "host-refused")
                return
            ready, notices, took_s = answer.value
            member.doing = "open"
            if self.first is None:
                self.first, self.took_s = ready, took_s
                for notice in self.notices:
                    self._tell(Warned(notice))
            elif why := self._why_not_with(self.first, ready):
                self.leave_out(member, UsageError(f"it is another kind of host: {why}"), "host-refused")
                return
            of_model = [notice for notice in ready.notices if notice not in self.first.notices]
            for notice in [*notices, *of_model]:
                if of_member(member, notice) not in self.notices:  # its node was lost, and came back
                    self._say(member, notice)

    def leave_out(self, member: Member, error: TunerError, code: str) -> None:
        """Go on without a member; why is told once there is a search to go on."""
        self.all.remove(member)
        self.error = error
        member.end()
        left = count(len(self.all), "host")
        self._say(member, Notice(code, f"it is left out: {str(error).rstrip('.')}; {left} left."))

    def end(self) -> None:
        """End the processes on all hosts, and ask for no more of them."""
        self._head.close()
        for member in self.all:
            member.end()
        self.all.clear()

    def _say(self, member: Member, notice: Notice) -> None:
        """Keep what is to be said of a member, and tell it once there is a search."""
        self.notices.append(of_member(member, notice))
        if self.first is not None:
            self._tell(Warned(self.notices[-1]))

    def _see(self, member: Member) -> None:
        """Take what a member says of itself; it is left out where it has other versions."""
        ref, member.pending, member.doing = member.pending, None, "seen"
        try:
            look = seen(ref)
        except UsageError as error:
            self.leave_out(member, error, "host-refused")
            return
        except RayError as error:
            self._lose(member, error)
            return
        member.kind = look.kind
        self._kinds_seen.add(look.kind)
        if self._asked_kind not in {None, look.kind}:
            self.all.remove(member)  # nobody asked for it
        elif refusal := look.refusal():
            self.leave_out(member, UsageError(refusal), "host-refused")

    def _open_seen(self) -> None:
        """Get the members ready that are of the kind that is searched.

        Unless the user says it, that is the kind of which there are most once all have said what they are.
        """
        known = self.doing("seen")
        if not self._head_answers:
            return  # nothing starts without it
        if not known or (self._kind is None and self.doing("looking")):
            return
        if self._kind is None:
            numbers = Counter(member.kind for member in known)
            self._kind = min(numbers, key=lambda kind: (-numbers[kind], kind))
        for member in known:
            if member.kind == self._kind:
                member.start(self._opening)
            else:
                why = f"it is another kind of host: {member.kind}, and not {self._kind}"
                self.leave_out(member, UsageError(why), "host-refused")

    def _lose(self, member: Member, error: RayError) -> None:
        """Leave out a member that does not answer.

        Its node is used again if it comes back, or once if it is still there.

        Raises:
            RayTaskError: There is a mistake in this program.
        """
        if isinstance(error, RayTaskError) and not isinstance(error.cause, OSError | MemoryError):
            raise error
        self._deaths[member.node.number] += 1
        if self._deaths[member.node.number] < MOST_DEATHS:
            self._in_use.discard(member.node.number)
        self.leave_out(member, LaneError("it does not answer any more"), "host-lost")
