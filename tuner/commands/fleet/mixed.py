"""`tuner.search_kinds`: a model is searched on each kind of host that a Ray cluster has."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tuner.advice.parsing import CONFIG_NAME
from tuner.commands.asked import Asked, asked_of
from tuner.commands.files import refuse_unwritable
from tuner.commands.fleet.fleet import carry_out
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.results import FleetResult, save
from tuner.commands.fleet.states import PairObserver, PairState
from tuner.commands.on_a_cluster import kinds_of_hosts, labels_of, require_sendable
from tuner.commands.report import is_advice_of
from tuner.domain.kind import KIND
from tuner.domain.result import Result
from tuner.errors import StorageError, UsageError
from tuner.measure.guard import refuse_while_imported
from tuner.probe.model_files import name_of
from tuner.study.reading import ended_answers
from tuner.study.storage import STUDY_NAME


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
    again goes on with all of them; the answer of a kind that the cluster no longer has stays.

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
        StorageError: Files cannot be written, or those of a search of one kind are there.
        TunerError: With one sentence for the user.
    """
    refuse_while_imported("tuner.search_kinds")
    if "command" in options:
        raise UsageError("command= is written for each kind by itself; leave it out.")
    asked = asked_of(model, output=output, **options)
    _refuse_other_files(asked)
    require_sendable(asked)
    labels, kinds = labels_of(hosts), kinds_of_hosts(asked, ray, hosts)

    def pair_of(kind: str) -> Pair:
        where = ",".join(f"{label}={value}" for label, value in {**labels, KIND: kind}.items())
        name, folder = name_of(asked.model), asked.output / kind
        return Pair(name, asked.question.objective, kind, asked.model, folder, _written(options), ray, where)

    states = [_at_first(pair_of(kind), why) for kind, why in kinds.items()]
    states += [
        PairState(pair_of(kind), "elsewhere", result=answer)
        for kind in _further_kinds(asked, kinds)
        if (answer := _earlier_answer(asked.output / kind))
    ]
    title = name_of(asked.model)
    return save(carry_out(states, asked.output, title, observer), asked.output, title)


def _at_first(pair: Pair, why_not: str | None) -> PairState:
    """Return a kind at the beginning; the answer of an earlier call stands until there is another."""
    known = _earlier_answer(pair.folder)
    if why_not is not None:
        return PairState(pair, "failed", why_not, result=known, exit_code=UsageError.exit_code)
    return PairState(pair, left_s=pair.seconds, result=known)


def _further_kinds(asked: Asked, kinds: Collection[str]) -> list[str]:
    """Return the kinds that an earlier call has searched, and that the cluster does not have now."""
    folders = sorted(path.parent.name for path in asked.output.glob(f"*/{STUDY_NAME}"))
    return [name for name in folders if name not in kinds]


def _earlier_answer(folder: Path) -> Result | None:
    """Return what the advice in a kind's folder rests on, without its trials; None where there is none."""
    try:
        answers = ended_answers(str(folder)) if (folder / STUDY_NAME).is_file() else []
    except StorageError:  # its search will say what is wrong
        return None
    return next((answer for answer in answers if is_advice_of(answer, folder / CONFIG_NAME)), None)


def _refuse_other_files(asked: Asked) -> None:
    """Make sure that files can be written, and that none is lost: a search of one kind has the same names.

    Raises:
        StorageError: They cannot, or a search of one kind has its files there.
    """
    refuse_unwritable(asked)
    if asked.study.exists():
        raise StorageError(
            f"'{asked.study}' is the study of a search of one kind of host, whose files have the same names; "
            "choose another directory with output=."
        )


def _written(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as their search is called with them, and as its record says: as plain data."""
    plain = {name: _plain(value) for name, value in options.items()}
    return {name: value for name, value in plain.items() if value is not None and value not in ([], {})}


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if hasattr(value, "tolist"):  # NumPy's
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
