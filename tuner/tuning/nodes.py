"""The nodes of a Ray cluster: which have the labels that are wanted, and what kind of host each is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from tuner.errors import UsageError, reason
from tuner.tuning.remote_host import versions

LOOKING_S = 60.0
"""Seconds after which nodes that have not said what they are do not count."""


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
    """Return the nodes that are alive, have CPUs, and these labels of Ray's."""
    return [
        Node(node["NodeID"], f"{node['NodeManagerHostname']} ({node['NodeID'][:6]})", cpus)
        for node in ray.nodes()
        if node["Alive"]
        and (cpus := node["Resources"].get("CPU", 0))
        and all((node.get("Labels") or {}).get(name) == value for name, value in labels.items())
    ]


def look_at(node: Node, kind_there: Callable[[], str]) -> Any:
    """Ask a node what it is, beside whatever runs there; return what Ray will have the `Look` in."""
    asked = ray.remote(num_cpus=0, max_retries=0)(_look)
    return asked.options(scheduling_strategy=node.place).remote(kind_there)


def why_not_seen(error: RayError) -> UsageError:
    """Return why a node does not say what it is."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    return UsageError(f"the tuner does not start there ({reason(cause)}); install it on every host.")


def why_none_with(labels: Mapping[str, str]) -> UsageError:
    """Return why there is no node with these labels."""
    wanted = ",".join(f"{name}={value}" for name, value in labels.items())
    return UsageError(
        f"The cluster has no host with hosts='{wanted}'; give labels that a node with CPUs has."
        if wanted
        else "The cluster has no node with CPUs; start one with 'ray start --address=...'."
    )


def kinds_with(labels: Mapping[str, str], kind_there: Callable[[], str]) -> Mapping[str, int]:
    """Return the kinds of host in a cluster with the number of each, the most frequent first.

    Nodes on which the tuner does not start, or other versions run, are left to the searches, which warn.

    Raises:
        UsageError: No node says what it is.
    """
    nodes = nodes_with(labels)
    pending = [look_at(node, kind_there) for node in nodes]
    if not pending:
        raise why_none_with(labels)
    answered, _ = ray.wait(pending, num_returns=len(pending), timeout=LOOKING_S)
    kinds: Counter[str] = Counter()
    why = UsageError(f"no host of the cluster answers within {LOOKING_S:g} s; look at it with 'ray status'.")
    for ref in answered:
        try:
            look: Look = ray.get(ref)
        except RayError as error:
            why = why_not_seen(error)
            continue
        if refusal := look.refusal():
            why = UsageError(refusal)
        else:
            kinds[look.kind] += 1
    if not kinds:
        raise why
    return dict(kinds.most_common())


def _look(kind_there: Callable[[], str]) -> Look:
    return Look(versions(), kind_there())
