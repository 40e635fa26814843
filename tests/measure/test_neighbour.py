"""Another program beside a search: it is started, watched, started again, and ended with everything it began."""

import os
import select
import signal
import subprocess
import sys
import textwrap
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests import models
from tests.measure.test_lanes import lanes_of
from tests.measure.test_place import needs_groups
from tuner.domain.configuration import Configuration
from tuner.errors import NeighbourError, UsageError
from tuner.measure.neighbour import MOST_ENDS, Neighbour, command_of, running
from tuner.measure.place import NAME, placed

pytestmark = pytest.mark.alone

BUSY = (sys.executable, "-c", "while True: pass")
WITH_A_CHILD = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "time.sleep(600)",
)


def programs(neighbour):
    """The program and what it has started, without the guardian."""
    return psutil.Process(neighbour._guardian.pid).children(recursive=True)


def noticed(neighbour):
    """Whether the guardian has said that the program ended."""
    return bool(select.select([neighbour._guardian.stdout], [], [], 10.0)[0])


@contextmanager
def closing_neighbour(neighbour):
    try:
        yield neighbour
    finally:
        neighbour.end()


def gone(processes, seconds=10.0):
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not alive


@pytest.mark.parametrize("text", ["", "  ", "'open"])
def test_what_is_no_command_is_refused(text):
    with pytest.raises(UsageError, match="is not a command; give for example"):
        command_of(text)


def test_a_program_that_is_not_found_is_named():
    with pytest.raises(UsageError, match="names the program 'no-such-program', which is not found"):
        command_of("no-such-program --fast")


def test_words_are_read_as_a_shell_reads_them():
    assert command_of("sh -c 'sleep 1; sleep 2'") == ("sh", "-c", "sleep 1; sleep 2")


def test_nothing_runs_for_no_command():
    with running("") as neighbour:
        assert neighbour is None


def test_it_runs_beside_and_ends_with_what_it_has_started():
    neighbour = Neighbour(WITH_A_CHILD, settling_s=0.5)
    started = programs(neighbour)
    assert len(started) == 2
    assert not neighbour.has_ended()
    neighbour.end()
    neighbour.end()
    assert gone(started)


def test_a_program_that_ends_at_once_is_refused():
    with pytest.raises(NeighbourError, match=r"ended with exit code 1 within 5 s \(no such model\);"):
        Neighbour((sys.executable, "-c", "raise SystemExit('no such model')"), settling_s=5.0)


def test_it_is_started_again_when_it_dies_and_given_up_when_it_keeps_dying():
    neighbour = Neighbour(BUSY, settling_s=0.2)
    for number in range(1, MOST_ENDS):
        killed = programs(neighbour)
        killed[0].kill()
        assert noticed(neighbour)
        assert neighbour.has_ended()
        assert neighbour.ends == [128 + signal.SIGKILL] * number
        assert not neighbour.has_ended()
        assert gone(killed)
    programs(neighbour)[0].kill()
    assert noticed(neighbour)
    with pytest.raises(NeighbourError, match=r"ended 3 times, the last time with exit code 137"):
        neighbour.has_ended()
    neighbour.end()


def test_a_window_in_which_it_died_does_not_count(tmp_path):
    with closing_neighbour(Neighbour(("sleep", "600"), settling_s=0.3)) as neighbour:
        lanes = lanes_of(models.mlp(tmp_path / "m.xml"), neighbour=neighbour)
        with closing(lanes.open(Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2))) as lane:
            assert lane.window(0.05).counts
            programs(neighbour)[0].kill()
            assert noticed(neighbour)
            assert not lane.window(0.05).counts
            assert lane.window(0.05).counts


def test_it_ends_where_its_guardian_is_killed():
    neighbour = Neighbour(("sleep", "600"), settling_s=0.5)
    started = programs(neighbour)
    neighbour._guardian.kill()
    assert gone(started)
    assert noticed(neighbour)
    with pytest.raises(NeighbourError, match="is not watched any more"):
        neighbour.has_ended()
    neighbour.end()


def test_what_it_writes_is_read_and_the_last_line_is_kept():
    flood = "import sys\nfor _ in range(20000): print('x' * 99, file=sys.stderr)\nsys.exit('the reason')"
    with pytest.raises(NeighbourError, match=r"exit code 1 within 9 s \(the reason\)"):
        Neighbour((sys.executable, "-c", flood), settling_s=9.0)


@needs_groups
def test_it_stays_outside_of_the_place_of_the_lanes_also_when_it_is_started_again():
    def groups():
        return Path(f"/proc/{programs(neighbour)[0].pid}/cgroup").read_text()

    neighbour = Neighbour(("sleep", "600"), settling_s=0.3)
    with placed(cores=1.0):
        before = groups()
        programs(neighbour)[0].kill()
        assert noticed(neighbour)
        assert neighbour.has_ended()
        assert groups() == before
        assert NAME not in before
    neighbour.end()


def test_it_ends_where_the_search_is_killed():
    script = textwrap.dedent(
        """
        import sys, time
        from tuner.measure.neighbour import Neighbour
        neighbour = Neighbour(("sleep", "600"), settling_s=0.5)
        print(neighbour._guardian.pid, flush=True)
        time.sleep(600)
        """
    )
    search = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    guardian = psutil.Process(int(search.stdout.readline()))
    family = [guardian, *guardian.children(recursive=True)]
    assert len(family) == 2
    os.kill(search.pid, signal.SIGKILL)
    search.wait()
    search.stdout.close()
    assert gone(family)


def test_lanes_give_way_by_their_niceness(tmp_path):
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"), niceness=7)
    with closing(lanes.open(Configuration.of("CPU", {}, 1, 1))) as lane:
        assert psutil.Process(lane._process.pid).nice() == os.nice(0) + 7


def test_the_guardian_asks_before_it_kills(tmp_path):
    """A program that saves something at its end has the time for it."""
    saved = tmp_path / "saved"
    program = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(saved)!r}).write_text('x'), sys.exit()))\n"
        "time.sleep(600)"
    )
    neighbour = Neighbour((sys.executable, "-c", program), settling_s=1.0)
    neighbour.end()
    assert saved.read_text() == "x"
