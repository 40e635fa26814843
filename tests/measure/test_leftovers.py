"""What a killed search leaves, and what it is not to be taken for."""

import os
import subprocess
import sys
import tempfile
from multiprocessing import util
from pathlib import Path

import pytest

from tuner.advice.writer import write_whole
from tuner.measure import leftovers
from tuner.measure.leftovers import remove_dead_files, remove_dead_folders
from tuner.measure.lock import host_lock

USES_THEM = """
import sys
from pathlib import Path
from multiprocessing import util
from tuner.measure.leftovers import mark_folder_of_processes, folder_of_blobs, unfinished_file

folder, _ = folder_of_blobs()
(folder / "deep").mkdir()
(folder / "deep" / "a.blob").touch()
mark_folder_of_processes()
_, file = unfinished_file(Path(sys.argv[1]))
print(folder, util.get_temp_dir(), file, sep="\\n", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def search(tmp_path):
    """A process that uses two temporary folders and a file, and these."""
    command = [sys.executable, "-c", USES_THEM, tmp_path / "report.html"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    used = [Path(process.stdout.readline().strip()) for _ in range(3)]
    assert all(path.exists() and path.is_relative_to(tmp_path) for path in used)
    yield process, used
    process.kill()
    process.communicate()


def clear(folder):
    with host_lock("tuner search m.xml", pytest.fail, folder=folder):
        remove_dead_files(folder)


def test_what_a_living_search_uses_stays_and_what_a_killed_one_left_goes(tmp_path, search):
    process, used = search
    clear(tmp_path)
    assert all(path.exists() for path in used)
    process.kill()
    process.wait()
    clear(tmp_path)
    assert not any(path.exists() for path in used)


def test_a_process_that_ends_by_itself_leaves_only_what_the_next_removes(tmp_path, search):
    process, used = search
    process.communicate("")
    assert not used[1].exists()  # multiprocessing's own
    clear(tmp_path)
    assert not any(path.exists() for path in used)


def test_nothing_else_is_removed(tmp_path):
    kept = tmp_path / "pymp-of another program", tmp_path / "openvino-tuner-of-a-user"
    linked = tmp_path / "openvino-tuner-blobs-link"
    for folder in kept:
        folder.mkdir()
        (folder / "listener-x").touch()
    linked.symlink_to(kept[0])
    files = [tmp_path / name for name in (".report.html.mine", ".config.yaml.backup12", ".openvino-tuner-x")]
    for file in files:
        file.write_text("kept")
    clear(tmp_path)
    assert all(path.exists() for path in (*kept, linked, *files))


def test_writing_removes_what_a_killed_report_had_begun(tmp_path, search):
    process, used = search
    process.kill()
    process.wait()
    write_whole("new", tmp_path / "report.html")
    assert not used[2].exists()
    assert [file.name for file in tmp_path.glob("*report.html*")] == ["report.html"]


def test_a_file_that_is_cleared_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, cleared = leftovers.fcntl.flock, []

    def clear_first(handle, how):
        if not cleared:
            cleared.extend(tmp_path.glob(".config.yaml.*"))
            cleared[0].unlink()
        lock(handle, how)

    monkeypatch.setattr(leftovers.fcntl, "flock", clear_first)
    write_whole("text", tmp_path / "config.yaml")
    assert (tmp_path / "config.yaml").read_text() == "text"


def test_a_folder_that_is_cleared_away_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    lock, cleared = leftovers.fcntl.flock, []

    def clear_first(handle, how):
        if not cleared:
            cleared.extend(tmp_path.glob("openvino-tuner-blobs-*"))
            cleared[0].rmdir()
        lock(handle, how)

    monkeypatch.setattr(leftovers.fcntl, "flock", clear_first)
    folder, held = leftovers.folder_of_blobs()
    os.close(held)
    assert folder.is_dir()
    assert folder not in cleared


def test_the_folder_of_processes_is_marked_once_and_held(monkeypatch, tmp_path):
    monkeypatch.setattr(util, "get_temp_dir", lambda: str(tmp_path / "pymp-ours"))
    (tmp_path / "pymp-ours").mkdir()
    for _ in range(2):
        leftovers.mark_folder_of_processes()
    remove_dead_folders()
    assert (tmp_path / "pymp-ours").exists()
