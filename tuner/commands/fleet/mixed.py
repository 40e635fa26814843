"""`tuner.search_kinds`: a model is searched on each kind of host that a Ray cluster has."""

from __future__ import annotations

import os
from typing import Any

from tuner.commands.asked import asked_of
from tuner.commands.fleet.fleet import carry_out
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.results import FleetResult, save
from tuner.commands.fleet.states import PairObserver, PairState
from tuner.commands.on_a_cluster import kinds_of_hosts
from tuner.domain.kind import KIND
from tuner.measure.guard import refuse_while_imported
from tuner.probe.model_files import name_of


def search_kinds(
    model: str | os.PathLike[str],
    *,
    ray: str,
    hosts: str | None = None,
    output: str | os.PathLike[str] | None = None,
    observer: PairObserver = lambda _: None,
    **options: Any,
) -> FleetResult:
    """Search a model on each kind of host that a Ray cluster has, at the same time.

    Hosts of a kind have the same processor, number of cores, quota of CPU time, and devices. They share a
    search, as with `tuner.search`; that of another kind has its own hint, study and report. The advice has
    a profile for each kind, of which an application gets that for the host most like its own. The same call
    again goes on with all of them.

    In a script, call it under `if __name__ == "__main__":`: searches start processes of their own.

    Args:
        model: Path of a model, as for `tuner.search`.
        ray: Address of the Ray cluster: `"auto"`, `"ray://head:10001"`.
        hosts: Labels of the cluster's nodes that are used; every node unless given.
        output: Directory to write to; `reports/<model>` unless given. That of each kind is in it.
        observer: Called with how far the search of a kind is, whenever that changes.
        options: Further parameters of `tuner.search`, for every kind.

    Returns:
        How far the search of each kind is, and the files. After an interruption (Ctrl-C) `interrupted` is
        set.

    Raises:
        UsageError: Ray is missing, there is no cluster, or no host of it has the labels.
        StorageError: The index or the advice cannot be written.
        TunerError: With one sentence for the user.
    """
    refuse_while_imported("tuner.search_kinds")
    asked = asked_of(model, output=output, **options)
    pairs = [
        Pair(
            name_of(asked.model),
            asked.question.objective,
            kind,
            asked.model,
            asked.output / kind,
            _written(options),
            ray,
            ",".join([*([hosts] if hosts else []), f"{KIND}={kind}"]),
        )
        for kind in kinds_of_hosts(asked, ray, hosts)
    ]
    title = name_of(asked.model)
    states = [PairState(pair, left_s=pair.seconds) for pair in pairs]
    return save(carry_out(states, asked.output, title, observer), asked.output, title)


def _written(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as their search is called with them, and as its record says: paths as text."""

    def text_of(value: Any) -> Any:
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        if isinstance(value, dict):
            return {name: text_of(each) for name, each in value.items()}
        return value

    return {name: text_of(value) for name, value in options.items() if value not in (None, (), {}, [])}
