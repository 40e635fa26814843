"""Different kinds of host are searched at the same time, each search in a process of its own."""

import os

import pytest

from tests.commands.fleet import in_processes
from tests.signals import handle_on_own_stack
from tuner.commands.fleet.pairs import Pair
from tuner.commands.fleet.running import run
from tuner.commands.fleet.states import PairState


def pairs_of(folder, *models):
    return [
        PairState(Pair(model, "throughput", kind, folder / "x.xml", folder, {}, "auto", f"k={kind}"))
        for model in models
        for kind in ("a", "b")
    ]


def ended(states, search):
    """Return how the pairs ended, in the order in which they did."""
    found = {}

    def tell(state):
        if state.is_over:
            found[str(state.pair)] = (state.stage, state.doing)

    run(states, search, tell)
    return found


def test_kinds_search_at_the_same_time_without_waiting_for_each_other_and_the_pairs_of_each_in_turn(tmp_path):
    for model in "mn":
        os.mkfifo(tmp_path / f"x.{model}")
    states = pairs_of(tmp_path, "m", "n")[:3]
    heard = []
    run(states, in_processes.meet, heard.append)
    stages = [(state.pair.model, state.stage) for state in heard if state.pair.kind == "a"]
    assert stages == [(model, stage) for model in "mn" for stage in ("searching", "failed")]
    assert {state.doing for state in heard if state.is_over} == {"a met", "b met"}


def test_a_search_that_dies_fails_alone(tmp_path):
    found = ended(pairs_of(tmp_path, "m", "n"), in_processes.die)
    stage, why = found.pop("m, throughput, a")
    assert (stage, why) == (
        "failed",
        "its process ended without an answer (exit code 9); what it had measured is saved",
    )
    assert set(found.values()) == {("failed", "not dead")}
    assert len(found) == 3


def test_the_signal_that_ends_a_program_ends_its_searches_and_no_other_begins(tmp_path):
    handle_on_own_stack()
    os.mkfifo(tmp_path / "x.m")
    found = ended(pairs_of(tmp_path, "m", "n"), in_processes.wait_to_be_stopped)
    assert found == {f"m, throughput, {kind}": ("stopped", "stopped as asked") for kind in "ab"}


def test_what_an_observer_raises_ends_the_searches(tmp_path):
    os.mkfifo(tmp_path / "x.m")
    heard = []

    def tell(state):
        heard.append(state)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(pairs_of(tmp_path, "m"), in_processes.meet, tell)
    assert len(heard) == 1
