import multiprocessing
import os
import tempfile
from pathlib import Path

import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of
from tuner.advice.writer import write_advice
from tuner.errors import Interrupted, StorageError, UsageError
from tuner.measure.lock import _holder, host_lock
from tuner.tuning.progress import Waiting

NOBODY = 65534


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


def test_wrong_use_is_told_while_another_search_holds_the_host(tmp_path, monkeypatch, other_search):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = models.mlp(tmp_path / "m.xml")
    for asked, sentence in (
        ({"inputs": {"y": "none.npy"}}, "inputs= names 'y', but the model's inputs are: x"),
        ({"inputs": {"x": "none.npy"}}, "no such file"),
        ({"shapes": {"y": (1,)}}, "shapes= names the input 'y'"),
        ({"device": "CPU:"}, "CPU"),
    ):
        events = []
        with pytest.raises(UsageError, match=sentence):
            tuner.search(model, output=tmp_path / "out", observer=events.append, **asked)
        assert not any(isinstance(event, Waiting) for event in events)
    write_advice(advice_of(model), tmp_path / "config.yaml")
    with pytest.raises(UsageError, match="inputs= names 'y'"):
        tuner.verify(tmp_path / "config.yaml", inputs={"y": "none.npy"}, observer=pytest.fail)


def test_a_killed_holder_frees_the_host(tmp_path, other_search):
    process, _ = other_search
    process.kill()
    process.join()
    with host_lock("mine", lambda holder: pytest.fail(f"waited for {holder}"), folder=tmp_path):
        pass


NO_NAME = "a process that left no name"


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("[1, 2]", NO_NAME),
        ('"text"', NO_NAME),
        ("{", NO_NAME),
        ("{}", NO_NAME),
        ('{"pid": "7", "command": "x"}', NO_NAME),
        ("[" * 20_000, NO_NAME),
        ('{"pid": 7, "command": ["x"]}', "process 7: ['x']"),
        ('{"pid": 7}', "process 7: without a name"),
        ('{"pid": 7, "command": "' + "x" * 9000 + '"}', "process 7: " + "x" * 500),
        ("x" * 100_000, NO_NAME),
    ],
)
def test_a_note_that_anyone_may_have_written_names_the_holder_or_nobody(tmp_path, note, shown):
    path = tmp_path / "openvino-tuner.holder.json"
    path.write_text(note)
    assert _holder(path) == shown


def test_a_pipe_or_a_link_in_the_place_of_the_note_is_neither_waited_for_nor_followed(tmp_path):
    note, precious = tmp_path / "openvino-tuner.holder.json", tmp_path / "precious"
    precious.write_text("kept")
    os.mkfifo(note)
    assert _holder(note) == NO_NAME
    with host_lock("mine", pytest.fail, folder=tmp_path):
        assert _holder(note) == f"process {os.getpid()}: mine"
    note.symlink_to(precious)
    with host_lock("mine", pytest.fail, folder=tmp_path):
        assert _holder(note) == f"process {os.getpid()}: mine"
    assert precious.read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["openvino-tuner.lock", "precious"]


def test_a_lock_that_cannot_be_used_is_told_with_what_to_do(tmp_path):
    (tmp_path / "openvino-tuner.lock").mkdir()
    with (
        pytest.raises(
            StorageError, match=r"openvino-tuner\.lock'.* cannot be used .*; remove it, or set TMPDIR"
        ),
        host_lock("mine", pytest.fail, folder=tmp_path),
    ):
        pytest.fail("there is no lock")


def as_nobody(folder, pipe):
    os.setuid(NOBODY)
    try:
        with host_lock("nobody's", pipe.send, folder=folder):
            pipe.send("held")
    except StorageError as error:
        pipe.send(str(error))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
@pytest.mark.parametrize(("mode", "answer"), [(0o666, "held"), (0o600, "cannot be used (Permission denied)")])
def test_the_lock_of_another_user_is_shared_or_told(mode, answer):
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to other users
        Path(folder).chmod(0o1777)
        with host_lock("root's", pytest.fail, folder=Path(folder)):
            pass
        lock = Path(folder) / "openvino-tuner.lock"
        lock.touch()
        lock.chmod(mode)
        (Path(folder) / "openvino-tuner.holder.json").write_text("{}")
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=as_nobody, args=(Path(folder), theirs))
        process.start()
        process.join()
        assert answer in ours.recv()


def test_the_lock_is_free_again_after_an_error(tmp_path):
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            host_lock(f"{os.getpid()}", lambda holder: pytest.fail(holder), folder=tmp_path),
        ):
            raise ZeroDivisionError
