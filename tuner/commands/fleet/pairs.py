"""A pair of a plan: a model on a kind of host, with a question, which one search answers."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.domain.units import seconds_of
from tuner.study.opening import shown

HERE, CLUSTER = "here", "cluster"
"""The kind of host where a plan names none: this host, or with Ray all hosts of the cluster."""

QUESTION = "throughput"
"""The question where a plan asks none."""

BUDGET = "60s"
"""The budget of a search that has none, as of `tuner.search`."""

CALL = "tuner.search"
AMOUNTS = ("budget", "up_to", "trials")
"""How much a search may do; less than before is no reason to search again."""

PLACES = ("output", "ray", "storage")
"""Where a search runs and writes, which is no part of what it is asked."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A model on a kind of host, with a question.

    Attributes:
        model: The model's name in the plan.
        question: The question's name.
        kind: The name of the kind of host.
        path: The model's path.
        folder: Where its search writes to.
        options: What is given to `tuner.search`, by parameter.
        ray: Address of the Ray cluster, or None for a search on this host.
        hosts: Label of the hosts that search, or None for all.
    """

    model: str
    question: str
    kind: str
    path: Path
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    ray: str | None = None
    hosts: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of its `tuner.search`."""
        where = {"ray": self.ray, "hosts": self.hosts} if self.ray else {}
        named = {name: value for name, value in where.items() if value is not None}
        return {"budget": BUDGET, **self.options, "output": str(self.folder), **named}

    @property
    def command(self) -> str:
        """The call of `tuner.search` that answers it, as the advice, the study and the report name it."""
        named = self.arguments
        if "storage" in named:
            named["storage"] = shown(named["storage"])  # here: `repr` may write a password in another way
        words = [repr(str(self.path)), *(f"{name}={value!r}" for name, value in named.items())]
        return f"{CALL}({', '.join(words)})"

    @property
    def seconds(self) -> float:
        """How long its search may take."""
        arguments = self.arguments
        return max(seconds_of(arguments[name]) for name in AMOUNTS[:2] if name in arguments)

    def __str__(self) -> str:
        """Return its names: `bert, calm, xeon`."""
        return ", ".join((self.model, self.question, self.kind))

    def asks_no_more_than(self, command: str) -> bool:
        """Return whether a call of `tuner.search` asked the same, with no less time and trials."""
        asked, now = _arguments_of(command), self.arguments
        if asked is None or _apart(asked) != _apart(now):
            return False
        most, time = now.get("trials"), _seconds(now)
        enough = asked.get("trials") is None or (most is not None and asked["trials"] >= most)
        return enough and all(was >= is_now for was, is_now in zip(_seconds(asked), time, strict=True))


def _seconds(arguments: Mapping[str, Any]) -> tuple[float, float]:
    budget = seconds_of(arguments.get("budget", BUDGET))
    return budget, max(budget, seconds_of(arguments["up_to"]) if "up_to" in arguments else 0.0)


def _apart(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked, apart from how much may be done for it and where."""
    return {name: value for name, value in arguments.items() if name not in (*AMOUNTS, *PLACES)}


def _arguments_of(command: str) -> dict[str, Any] | None:
    """Return the keyword arguments of a call that `Pair.command` wrote; None of anything else."""
    try:
        call = ast.parse(command, mode="eval").body
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != CALL:
            return None
        return {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
