"""A place for lanes on a bare host: real control groups, where this machine lets a test make them."""

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests import models
from tests.measure.test_lanes import lanes_of
from tuner.domain.configuration import Configuration
from tuner.errors import UsageError
from tuner.measure.place import NAME, _enter, placed
from tuner.probe.control_groups import Group, own_groups, quota

pytestmark = pytest.mark.alone  # one place at a time


def can_make_groups():
    """Return whether a group can be made, without the code that is tested."""
    for group in own_groups("cpu")[:1]:
        try:
            (group.folder / "probe-of-the-tests").mkdir()
            (group.folder / "probe-of-the-tests").rmdir()
        except OSError:
            return False
        return (group.folder / "cpu.cfs_quota_us").exists() or group.version == 2
    return False


needs_groups = pytest.mark.skipif(not can_make_groups(), reason="this process may not make control groups")


def left():
    return [folder for group in own_groups("cpu") for folder in group.folder.glob(f"{NAME}*")]


@needs_groups
@pytest.mark.parametrize("cores", [0.5, 1.0, 1.5])
def test_a_quota_holds_for_everything_inside_and_for_nothing_after(cores):
    before = quota()
    with placed(cores=cores):
        assert quota().cores == pytest.approx(cores)
        inside = subprocess.run(
            [sys.executable, "-c", "from tuner.probe.control_groups import quota; print(quota().cores)"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert float(inside.stdout) == pytest.approx(cores)
    assert quota() == before
    assert not left()


@needs_groups
def test_a_group_is_left_with_nobody_behind_and_processes_that_go_on():
    with placed(cores=1.0):
        child = subprocess.Popen(["sleep", "60"])
    try:
        assert not left()
        assert child.poll() is None
        assert NAME not in Path(f"/proc/{child.pid}/cgroup").read_text()
    finally:
        child.kill()
        child.wait()


@needs_groups
def test_what_a_killed_search_leaves_is_removed_by_the_next():
    code = """
        import time
        from tuner.measure.place import placed, require_place
        with placed(cores=1.0):
            print("in", flush=True)
            time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "in\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert len(left()) == 1
    with placed(cores=1.0):
        assert len(left()) == 1
    assert not left()


def test_version_2_is_asked_for_its_controller_and_gives_it_back(tmp_path):
    """This machine's second hierarchy has no controllers, so files stand in for the kernel's."""
    group, control = Group(tmp_path / "own", 2), tmp_path / "cgroup.subtree_control"
    group.folder.mkdir()
    control.write_text("memory pids\n")
    with ExitStack() as undo:
        _enter(group, 1.5, undo)
        assert control.read_text() == "+cpu"
        assert (group.folder / "cpu.max").read_text() == "150000 100000"
        assert (group.folder / "cgroup.procs").read_text() == str(os.getpid())
    assert control.read_text() == "-cpu"
    control.write_text("cpu memory\n")
    with ExitStack() as undo:
        _enter(group, 1.0, undo)
    assert control.read_text() == "cpu memory\n"  # it was there before


@needs_groups
def test_a_limit_of_memory_is_read_in_a_real_group():
    memory = next((group for group in own_groups("memory") if group.version == 1), None)
    if memory is None:
        pytest.skip("no memory controller of version 1 here")
    folder, limit_mb = memory.folder / f"{NAME}memory-{os.getpid()}", 300
    folder.mkdir()
    try:
        (folder / "memory.limit_in_bytes").write_text(str(limit_mb << 20))
        code = """
            import os, sys
            from pathlib import Path
            Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
            from tuner.probe.control_groups import memory_limit_mb
            from tuner.probe.host import available_mb
            print(memory_limit_mb(), available_mb())
        """
        command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        limit, available = map(float, done.stdout.split())
        assert limit == limit_mb
        assert 0 < available < limit_mb
    finally:
        folder.rmdir()


def test_a_mask_holds_inside_alone():
    before = os.sched_getaffinity(0)
    with placed(mask=(min(before),)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_a_core_that_is_not_there_is_refused():
    with (
        pytest.raises(UsageError, match="cpuset= names core 4096, but this process may use only: "),
        placed(mask=(4096,)),
    ):
        pass


def test_without_permission_the_sentence_says_how(monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refused)
    with (
        pytest.raises(UsageError, match=r"docker run --cpus 1.5 .*systemd-run --scope -p CPUQuota=150%"),
        placed(cores=1.5),
    ):
        pass


@needs_groups
@pytest.mark.slow
def test_lanes_of_every_search_in_a_process_are_in_the_place(tmp_path):
    """The server that starts lanes is one for a process: it must not stay outside."""
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"))
    asked = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 1)

    def throttled():
        with closing(lanes.open(asked)) as lane:
            return lane.window(0.5).throttled

    assert quota() is not None or throttled() is None
    for _ in range(2):
        with placed(cores=0.5):
            found = throttled()
            assert found.periods > 0.3
            assert 0 < found.time <= 1
    assert quota() is not None or throttled() is None


@needs_groups
def test_lanes_are_on_the_cores_of_the_place(tmp_path):
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"))
    asked = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 1)
    core = min(os.sched_getaffinity(0))
    with closing(lanes.open(asked)):
        pass
    with placed(mask=(core,)), closing(lanes.open(asked)) as lane:
        assert os.sched_getaffinity(lane._process.pid) == {core}
