"""What a search's files suffer."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from random import Random

from tests import models
from tests.faults.attempt import Attempt
from tests.faults.inject import Fault, storage_fault
from tests.faults.tuner_faults import TRIAL
from tests.faults.world import World

REFUSED = 2


def full(world: World, rng: Random) -> None:
    """Every write from one on fails; then there is room again."""
    attempt = world.start(fault=storage_fault("full", rng))
    world.end(attempt, {0, REFUSED})
    world.says(attempt, "cannot be", "disk is full", "No space left")
    again = world.go_on()
    world.recovered(again, again.began_s)


def searched(world: World) -> Attempt:
    """Search once without a fault."""
    attempt = world.start()
    world.end(attempt, {0})
    return attempt


def refused(world: World, *options: object, **how) -> None:
    """A run must end with a sentence, and touch nothing of the study."""
    before = world.study.read_bytes() if world.study.exists() else b""
    attempt = world.start(*options, **how)
    announced = attempt.wait(60), attempt.announced
    if announced != (REFUSED, set()):
        world.seen.other.append(f"not refused: exit code and trials are {announced}")
    world.says(attempt, "tuner: ")
    if world.study.exists() and world.study.read_bytes() != before:
        world.seen.other.append("a study that was refused has been changed")


def read_only(world: World, rng: Random) -> None:
    """The folder with a study takes no more writes, for administrators neither."""
    searched(world)
    mount = f'mount --bind "{world.output}" "{world.output}" && mount -o remount,ro,bind "{world.output}" && exec "$@"'
    if os.geteuid() == 0:
        refused(world, wrap=("unshare", "--mount", "sh", "-c", mount, "sh"))
    else:
        world.output.chmod(0o555)
        refused(world)
        world.output.chmod(0o755)
    again = world.go_on()
    world.recovered(again, again.began_s)


def removed(world: World, rng: Random) -> None:
    """What was saved is gone, and that is told; the next run begins anew."""
    attempt = world.start(environment={"SIMULATED_PACE_S": "0.1"})
    attempt.wait_for(TRIAL, 1 + rng.randrange(2))
    shutil.rmtree(world.output, ignore_errors=True)
    code = attempt.wait(60)
    if code != REFUSED or "Traceback" in attempt.text:
        world.seen.other.append(f"exit code {code}")
    again = world.go_on()
    world.recovered(again, again.began_s)


HOLD = """
import sqlite3, sys
study = sqlite3.connect(sys.argv[1], isolation_level=None)
study.execute("begin exclusive")
print("held", flush=True)
sys.stdin.read()
"""
"""Holds a file of SQLite until its standard input ends: in a process of its own, because every file that a process
closes gives up its locks on that file."""


def locked(world: World, rng: Random) -> None:
    """Another process writes into the study and does not end."""
    searched(world)
    command = [sys.executable, "-c", HOLD, world.study]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        refused(world)
        holder.stdin.close()
    again = world.go_on()
    world.recovered(again, again.began_s)


def damaged(world: World, data: bytes) -> None:
    """A study with these bytes must be refused or read, and stay as it is if refused."""
    whole = world.study.read_bytes()
    world.study.write_bytes(data)
    attempt = world.start("--trials", 1)
    code = attempt.wait(60)
    if code not in {0, REFUSED} or "Traceback" in attempt.text:
        world.seen.other.append(f"exit code {code}: {attempt.lines[-1:]}")
    world.study.write_bytes(whole)
    again = world.go_on()
    world.recovered(again, again.began_s)


def corrupt(world: World, rng: Random) -> None:
    searched(world)
    data = bytearray(world.study.read_bytes())
    for _ in range(10 ** rng.randrange(4)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    damaged(world, bytes(data))


def truncated(world: World, rng: Random) -> None:
    searched(world)
    data = world.study.read_bytes()
    damaged(world, data[: rng.randrange(len(data))])


def swapped(world: World, rng: Random) -> None:
    """The folder of one model is given to another."""
    searched(world)
    refused(world, model=models.mlp(world.folder / "other.xml"))
    again = world.go_on()
    world.recovered(again, again.began_s)


def old_format(world: World, rng: Random) -> None:
    searched(world)
    whole = world.study.read_bytes()
    with closing(sqlite3.connect(world.study)) as study:
        query = "select study_user_attribute_id, value_json from study_user_attributes where key = 'owner'"
        (attribute, owner), *_ = study.execute(query).fetchall()
        older = json.dumps({**json.loads(owner), "study format": "1"})
        study.execute(
            "update study_user_attributes set value_json = ? where study_user_attribute_id = ?",
            (older, attribute),
        )
        study.commit()
    refused(world)
    world.study.write_bytes(whole)
    again = world.go_on()
    world.recovered(again, again.began_s)


def both_end(world: World, attempts: list[Attempt], waiting: int) -> None:
    """All runs end well, as many wait as must, and every trial of each is in the study."""
    for attempt in attempts:
        code = attempt.wait(90)
        if code != 0 or "Traceback" in attempt.text:
            world.seen.other.append(f"exit code {code}: {attempt.lines[-1:]}")
    if sum("waiting:" in attempt.text for attempt in attempts) != waiting:
        world.seen.other.append(f"not {waiting} waited")
    told = sum(len(attempt.announced) for attempt in attempts)
    world.seen.lost += max(0, told - world.saved())
    again = world.go_on()
    world.recovered(again, again.began_s)


def two_at_once(world: World, rng: Random) -> None:
    first = world.start()
    first.wait_for(".")
    both_end(world, [first, world.start()], waiting=1)


def two_unaware(world: World, rng: Random) -> None:
    """As in two containers that share a folder: each has its own temporary files, and so its own lock."""
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    pace = {"SIMULATED_PACE_S": "0.05"}
    attempts = [
        world.start(environment=pace),
        world.start(environment={**pace, "TMPDIR": str(elsewhere), "SIMULATED_SEED": "1"}),
    ]
    both_end(world, attempts, waiting=0)


def dead_holder(world: World, rng: Random) -> None:
    """A search that holds the lock is killed while another waits for it: that one goes on at once."""
    first = world.start(environment={"SIMULATED_PACE_S": "1"})
    first.wait_for(TRIAL)
    second = world.start()
    second.wait_for("waiting:")
    os.kill(first.process.pid, signal.SIGKILL)
    killed_s = time.monotonic()
    first.wait(10)
    world.end(second, {0})
    world.recovered(second, killed_s)
    world.seen.lost += len(first.announced - world.trials())
    world.go_on()


def clock_back(world: World, rng: Random) -> None:
    """A day back, in the middle: what is measured does not change, and the study goes on."""
    attempt = world.start(fault=Fault(clock_back_s=86_400))
    world.end(attempt, {0})
    world.left_files()
    world.go_on()
