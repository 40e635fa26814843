"""The nodes of a Ray cluster: which have the labels that are wanted, and what kind of host each is."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tuner.domain.kind import KIND
from tuner.errors import TunerError, UsageError, reason
from tuner.measure.line import Line
from tuner.tuning.hosts import HostsGone
from tuner.tuning.ray_connection import gcs_address, is_outage, while_connected
from tuner.tuning.remote_host import versions

LOOKING_S = 40.0
"""Seconds after which nodes that have not said what they are do not count."""

HEAD_S = 20.0
"""Seconds that a search goes on while the head does not answer: Ray ends its programs after 60."""

ANSWER_S = 1.0
"""Seconds that a search waits for the head; what comes later is used later."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that may measure.

    Attributes:
        number: Ray's number of it.
        name: What people call it.
        cpus: Its CPUs, as Ray counts them.
    """

    number: str
    name: str
    cpus: float

    @property
    def place(self) -> NodeAffinitySchedulingStrategy:
        """Has Ray run something on this node and no other."""
        return NodeAffinitySchedulingStrategy(self.number, soft=False)


@dataclass(frozen=True, slots=True)
class Look:
    """What a node says of itself.

    Attributes:
        versions: Of what has to be the same on all hosts, by name.
        kind: The name of its kind of host.
    """

    versions: Mapping[str, str]
    kind: str

    def refusal(self) -> str | None:
        """Return why nothing of this program's can run there, or None if it can."""
        differing = [
            f"{name} is {self.versions.get(name, 'missing')}, here {mine}"
            for name, mine in versions().items()
            if self.versions.get(name) != mine
        ]
        if not differing:
            return None
        return f"{'; '.join(differing)}; install the same versions on all hosts."


def nodes_with(labels: Mapping[str, str]) -> list[Node]:
    """Return the nodes that are alive, have CPUs, and these labels of Ray's.

    Raises:
        OSError: Nobody is at the head's address. Ray would wait for it, and end the program after a minute,
            also where nobody waits for the answer any more.
    """
    if address := gcs_address():
        socket.create_connection(address, ANSWER_S).close()
    return [
        Node(node["NodeID"], f"{node['NodeManagerHostname']} ({node['NodeID'][:6]})", cpus)
        for node in ray.nodes()
        if node["Alive"]
        and (cpus := node["Resources"].get("CPU", 0))
        and all((node.get("Labels") or {}).get(name) == value for name, value in labels.items())
    ]


class Head:
    """The head of a cluster, which knows its nodes. Hosts measure without it for a while."""

    def __init__(self) -> None:
        """Ask nothing yet; it is asked in a thread, for Ray waits as long as it does not answer."""
        self._line = Line("head")
        self._asked: Future[list[Node]] | None = None
        self._silent_since_s: float | None = None

    def nodes_with(self, labels: Mapping[str, str], wait_s: float = ANSWER_S) -> list[Node] | None:
        """Return the nodes with these labels; None if it does not answer at the moment.

        Raises:
            HostsGone: It has not answered for so long that Ray will soon end this program.
        """
        asks_now = self._asked is None
        if self._asked is None:
            self._asked = self._line.begin(lambda: nodes_with(labels))
            wait([self._asked], wait_s)
        nodes = None
        if self._asked.done():
            asked, self._asked = self._asked, None
            nodes = _answer_of(asked)
        now_s = time.monotonic()
        if nodes is not None:
            self._silent_since_s = None
        elif self._silent_since_s is None:
            self._silent_since_s = now_s
        elif now_s - self._silent_since_s > HEAD_S and (asks_now or self._asked):  # not for an old failure
            raise HostsGone("the head of the cluster does not answer any more")
        return nodes

    def close(self) -> None:
        """End the thread, if the head answers."""
        self._line.end()


def _answer_of(asked: Future[list[Node]]) -> list[Node] | None:
    """Return what the head said, or None where nobody answered."""
    try:
        return asked.result()
    except Exception as error:
        if isinstance(error, OSError) or is_outage(error):
            return None
        raise


def look_at(node: Node, kind_there: Callable[[], str]) -> Any:
    """Ask a node what it is, beside whatever runs there; return what Ray will have the `Look` in."""
    asked = ray.remote(num_cpus=0, max_retries=0)(_look)
    return asked.options(scheduling_strategy=node.place).remote(kind_there)


def seen(ref: Any) -> Look:
    """Return what a node has answered.

    Raises:
        UsageError: The tuner does not start there.
        RayError: The node, or the process on it, ended meanwhile.
    """
    try:
        look: Look = ray.get(ref)
    except RayTaskError as error:
        why = f"the tuner does not start there ({reason(error.cause)}); install it on every host."
        raise UsageError(why) from error
    return look


def why_none_with(labels: Mapping[str, str], kinds: Collection[str] = ()) -> UsageError:
    """Return why there is no node with these labels; `kinds` are those that the cluster has, where known."""
    wanted = ",".join(f"{name}={value}" for name, value in labels.items())
    if not wanted:
        return UsageError("The cluster has no node with CPUs; start one with 'ray start --address=...'.")
    there = f"; its kinds of host are {', '.join(sorted(kinds))}" if kinds else ""
    return UsageError(
        f"The cluster has no host with hosts='{wanted}'{there}; give labels that a node with CPUs has."
    )


@while_connected
def kinds_with(labels: Mapping[str, str], kind_there: Callable[[], str]) -> Mapping[str, str | None]:
    """Return the kinds of host in a cluster, the most frequent first, each with why it cannot be searched.

    That is None where it can: one of its hosts has the same versions as this process. Nodes on which the
    tuner does not start have no kind; the searches warn of them.

    Args:
        labels: Labels of the nodes that count; of `tuner.kind` only the kinds that it names.
        kind_there: Returns the name of a host's kind; it is called there.

    Raises:
        UsageError: There is no such node, or none says what it is.
        TunerError: The head of the cluster does not answer.
        HostsGone: The connection with the cluster is lost.
    """
    own, asked_kind = split(labels)
    with closing(Head()) as head:
        nodes = head.nodes_with(own, HEAD_S)
    if nodes is None:
        raise TunerError("The head of the cluster does not answer; look at it with 'ray status'.")
    pending = [look_at(node, kind_there) for node in nodes]
    if not pending:
        raise why_none_with(own)
    answered, _ = ray.wait(pending, num_returns=len(pending), timeout=LOOKING_S)
    why: TunerError = UsageError(
        f"No host of the cluster says within {LOOKING_S:g} s what it is; look at it with 'ray status'."
    )
    looks = []
    for ref in answered:
        try:
            looks.append(seen(ref))
        except (UsageError, RayError) as error:
            why = (
                error if isinstance(error, UsageError) else UsageError(f"A host was lost ({reason(error)}).")
            )
    kinds: dict[str, str | None] = {}
    for kind, _ in Counter(look.kind for look in looks).most_common():
        refusals = [look.refusal() for look in looks if look.kind == kind]
        kinds[kind] = None if None in refusals else refusals[0]
    if not kinds:
        raise why
    if asked_kind and asked_kind not in kinds:
        raise why_none_with(labels, kinds)
    return {asked_kind: kinds[asked_kind]} if asked_kind else kinds


def split(labels: Mapping[str, str]) -> tuple[Mapping[str, str], str | None]:
    """Return the labels that are Ray's, and the kind of host that is asked for, if one is."""
    return {name: value for name, value in labels.items() if name != KIND}, labels.get(KIND)


def _look(kind_there: Callable[[], str]) -> Look:
    return Look(versions(), kind_there())
