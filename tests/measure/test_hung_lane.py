"""Real lanes that hang: each is killed at its limit, and the reason says which limit it was."""

import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import threading

import psutil
import pytest

from tests import models
from tests.measure.test_lanes import THROUGHPUT, lanes_of, pid_of
from tuner.domain.configuration import Configuration
from tuner.errors import LaneError
from tuner.measure import time_limits
from tuner.measure.time_limits import Limit, Limits

pytestmark = pytest.mark.alone


class Quick(Limits):
    def _limit(self, _):
        return Limit(0.5, by_budget=True)


def no_thread(_):
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("command", ["window", "answers"])
def test_a_lane_that_hangs_is_killed_at_its_limit(tmp_path, command):
    lane = lanes_of(models.mlp(tmp_path / "m.xml"), limits=Quick()).open(
        Configuration.of("CPU", THROUGHPUT, 1, 1)
    )
    os.kill(pid_of(lane), signal.SIGSTOP)
    with pytest.raises(LaneError, match=rf"^no answer \({command}\) within 0\.5 s; give a larger"):
        lane.window(0.02) if command == "window" else lane.answers()
    assert not psutil.pid_exists(pid_of(lane))
    assert not lane.alive()


def test_a_lane_that_stops_in_the_middle_of_an_answer_is_killed_at_its_limit(tmp_path, monkeypatch):
    lane = lanes_of(models.mlp(tmp_path / "m.xml"), limits=Quick()).open(
        Configuration.of("CPU", THROUGHPUT, 1, 1)
    )
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    ours, theirs = multiprocessing.Pipe()
    os.write(theirs.fileno(), struct.pack("!i", 100) + b"half an answer")
    pipe, lane._pipe = lane._pipe, ours
    with pytest.raises(LaneError, match=r"^no answer \(window\) within 0\.5 s"):
        lane.window(0.02)
    assert not psutil.pid_exists(pid_of(lane))
    pipe.close()
    theirs.close()


def test_compiling_has_a_limit_of_its_own_and_its_own_message(tmp_path, monkeypatch):
    monkeypatch.setattr(time_limits, "COMPILE_S", 0.3)
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"), limits=Limits(0.3))
    start = lanes._start

    def start_and_hang(configuration):
        lane = start(configuration)
        os.kill(pid_of(lane), signal.SIGSTOP)
        return lane

    monkeypatch.setattr(lanes, "_start", start_and_hang)
    with pytest.raises(LaneError, match=r"^the model did not compile within 0\.3 s; give a larger budget"):
        lanes.open(Configuration.of("CPU", THROUGHPUT, 1, 1))


HANGS_IN_A_LANE = """
import sys
from pathlib import Path

from tests.measure.test_lanes import THROUGHPUT, lanes_of, models, pid_of
from tuner.domain.configuration import Configuration

lanes = lanes_of(models.wide(Path(sys.argv[1])))
lane = lanes.open(Configuration.of("CPU", THROUGHPUT, 1, 1))
lane._pipe.send(("window", (1e9,)))
print(pid_of(lane), flush=True)
sys.stdin.read()
"""


def test_a_lane_that_hangs_ends_with_a_parent_that_is_killed(tmp_path):
    """The window lasts for ever: the lane does not see its pipe close."""
    command = [sys.executable, "-c", HANGS_IN_A_LANE, tmp_path / "m.xml"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as search:
        lane = psutil.Process(int(search.stdout.readline()))
        search.kill()
        gone, alive = psutil.wait_procs([lane], timeout=30)
        for process in alive:
            process.kill()
    assert gone == [lane]


DIES_WHILE_A_LANE_STARTS = """
import os, signal, sys
from multiprocessing import forkserver
from pathlib import Path

from tests.measure.test_lanes import THROUGHPUT, lanes_of, models
from tuner.domain.configuration import Configuration

lanes, hint = lanes_of(models.mlp(Path(sys.argv[1]))), Configuration.of("CPU", THROUGHPUT, 1, 1)
lanes.open(hint).close()
connect = forkserver.connect_to_new_process

def connect_and_die(fds):
    sentinel, _ = connect(fds)
    forkserver.read_signed(sentinel)  # the lane's process is there, and waits to be told what to run
    os.kill(os.getpid(), signal.SIGKILL)

forkserver.connect_to_new_process = connect_and_die
lanes.open(hint)
"""


def test_a_lane_that_was_just_started_by_a_parent_that_is_killed_says_nothing(tmp_path):
    """It ended with a traceback on the terminal: what it was to run never came."""
    command = [sys.executable, "-c", DIES_WHILE_A_LANE_STARTS, tmp_path / "m.xml"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGKILL, "", "")
