import multiprocessing
import os

import pytest

from tuner.errors import Interrupted
from tuner.measure.lock import host_lock


def hold(folder, pipe):
    with host_lock("tuner search other.xml", lambda _: None, folder=folder):
        pipe.send("held")
        pipe.recv()


@pytest.fixture
def other_search(tmp_path):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=hold, args=(tmp_path, theirs), daemon=True)
    process.start()
    assert ours.recv() == "held"
    yield process, ours
    process.kill()
    process.join()


def test_a_second_search_waits_and_names_the_holder(tmp_path, other_search):
    process, pipe = other_search
    announced = []

    def waiting(holder):
        announced.append(holder)
        pipe.send("go")

    with host_lock("tuner search mine.xml", waiting, folder=tmp_path):
        assert announced == [f"process {process.pid}: tuner search other.xml"]


def test_waiting_can_be_stopped(tmp_path, other_search):
    announced = []
    with (
        pytest.raises(Interrupted),
        host_lock("mine", announced.append, stopped=lambda: bool(announced), folder=tmp_path),
    ):
        pytest.fail("the lock was given to two")


def test_a_killed_holder_frees_the_host(tmp_path, other_search):
    process, _ = other_search
    process.kill()
    process.join()
    with host_lock("mine", lambda holder: pytest.fail(f"waited for {holder}"), folder=tmp_path):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path):
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            host_lock(f"{os.getpid()}", lambda holder: pytest.fail(holder), folder=tmp_path),
        ):
            raise ZeroDivisionError
