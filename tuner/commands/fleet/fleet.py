"""`tuner.fleet`: every pair of a plan is searched, and all of them have one report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tuner.commands.fleet.known import known_answers
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.reading import read_plan
from tuner.commands.fleet.results import FleetResult, save
from tuner.commands.fleet.running import run, search_pair
from tuner.commands.fleet.states import PairObserver, PairState, at_first, longest_first
from tuner.errors import PlanError
from tuner.measure.guard import refuse_while_imported


def fleet(
    plan: str | os.PathLike[str],
    *,
    again: bool = False,
    kind: str | None = None,
    output: str | os.PathLike[str] | None = None,
    observer: PairObserver = lambda _: None,
) -> FleetResult:
    """Search every pair of a plan: its models, on its kinds of host, with its questions.

    The whole plan is checked before anything starts. The pair that may take longest comes first. Without
    Ray the searches run here, one after the other; with it, those of different kinds run at the same time.
    A pair that fails does not stop the others. A pair whose answer is there from an earlier run, for the
    same options and the same model file, is not searched again; one that was interrupted goes on.

    In a script, call it under `if __name__ == "__main__":`: searches start processes of their own.

    Args:
        plan: The plan, a YAML file; `docs/fleet.md` says what is in it.
        again: Whether to search also the pairs whose answers are there; they go on with their studies.
        kind: The only kind of host to search, here and without Ray; other runs of the plan search the others.
        output: Folder to write to; the plan's own unless given, or `reports/<plan>` beside it.
        observer: Called with how far a pair is, whenever that changes.

    Returns:
        How far each pair is, and the files. After an interruption (Ctrl-C) `interrupted` is set.

    Raises:
        PlanError: The plan cannot be carried out; it has all that is wrong with it, and nothing was started.
        StorageError: The index or a YAML cannot be written.
    """
    refuse_while_imported("tuner.fleet")
    plan = Path(plan)
    pairs = read_plan(plan, kind, output)
    _require_ray(pairs, plan)
    folder = pairs[0].folder.parents[2]
    states = carry_out(_at_first(pairs, again, kind), folder, plan.name, observer)
    elsewhere = [number for number, state in enumerate(states) if state.stage == "elsewhere"]
    for number, state in zip(elsewhere, _at_first([pairs[at] for at in elsewhere], False, kind), strict=True):
        states[number] = state  # another run of the plan may have answered it by now
    return save(states, folder, plan.name)


def carry_out(
    states: Sequence[PairState], folder: Path, title: str, observer: PairObserver
) -> list[PairState]:
    """Search the pairs that are not over, save what comes of each, and return how far all are.

    Args:
        states: Every pair; each has a folder of its own.
        folder: Where the index is written.
        title: Title of the index.
        observer: Called with how far a pair is, whenever that changes.

    Raises:
        StorageError: The index or a YAML cannot be written.
    """
    states = list(states)
    numbers = {state.pair.folder: number for number, state in enumerate(states)}
    for state in states:
        observer(state)

    def tell(state: PairState) -> None:
        states[numbers[state.pair.folder]] = state
        if state.is_over:
            save(states, folder, title, state)
        observer(state)

    save(states, folder, title)
    run(longest_first(state for state in states if not state.is_over), search_pair, tell)
    return states


def _require_ray(pairs: Sequence[Pair], plan: Path) -> None:
    """Make sure that searches on a cluster can begin.

    Raises:
        PlanError: The plan has an address of Ray, and its package is not installed here.
    """
    if any(pair.ray for pair in pairs) and find_spec("ray") is None:
        why = "the package is not installed; install openvino-tuner[ray], or search one kind here with --kind"
        raise PlanError([f"{plan}: ray: {why}."])


def planned(
    plan: str | os.PathLike[str],
    *,
    again: bool = False,
    kind: str | None = None,
    output: str | os.PathLike[str] | None = None,
) -> list[PairState]:
    """Return how far each pair of a plan is, in the plan's order; nothing is searched or written.

    Raises:
        PlanError: The plan cannot be carried out, or one of its models cannot be read.
    """
    return _at_first(read_plan(Path(plan), kind, output, reads_models=True), again, kind)


def _at_first(pairs: Sequence[Pair], again: bool, kind: str | None) -> list[PairState]:
    """Return how far each pair is before anything is searched."""
    return [
        at_first(pair, known, again, kind) for pair, known in zip(pairs, known_answers(pairs), strict=True)
    ]
