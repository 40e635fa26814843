"""What the search's own process suffers."""

import os
import pty
import resource
import signal
import threading
import time
from random import Random

import psutil

from tests.faults.attempt import POLL_S, Attempt, processes
from tests.faults.inject import Fault, storage_fault, strikes
from tests.faults.lane_faults import TRIED
from tests.faults.world import World

TRIAL = r"^ *\d+  \S"
BEGUN = rf"^space  |{TRIAL}"
"""A line after which another trial begins."""

INTERRUPTED, UNREAD = 4, 2
"""Exit codes: of a search that was stopped, and where its answer cannot be written."""

SIMULATED_S = 5.0
"""How long a search on simulated lanes takes, about, from its start to its end."""


class TooEarly(Exception):
    """There was nothing left that could suffer."""


def after_trials(world: World, rng: Random, **how) -> Attempt:
    """Start a search and wait until it measures its first, second or third trial."""
    attempt = world.start(**how)
    if not attempt.wait_for(BEGUN, 1 + rng.randrange(3)):
        raise TooEarly("the search ended before the fault")
    return attempt


def stopped_by(world: World, rng: Random, *numbers: signal.Signals) -> None:
    """Stop a search with signals, to its process alone or, as a terminal does, to all of its session."""
    attempt, send = after_trials(world, rng), rng.choice([os.kill, os.killpg])
    for number in numbers:
        send(attempt.process.pid, number)
    world.end(attempt, {INTERRUPTED})
    if len(numbers) == 1 and world.advice() is None:
        world.seen.other.append("no config.yaml after an interruption")
    world.left_files()
    again = world.go_on()
    world.recovered(again, again.began_s)


def sigint(world: World, rng: Random) -> None:
    stopped_by(world, rng, signal.SIGINT)


def sigint_twice(world: World, rng: Random) -> None:
    stopped_by(world, rng, signal.SIGINT, signal.SIGINT)


def sigterm(world: World, rng: Random) -> None:
    stopped_by(world, rng, signal.SIGTERM)


def sighup(world: World, rng: Random) -> None:
    stopped_by(world, rng, signal.SIGHUP)


def terminal_closed(world: World, rng: Random) -> None:
    """The session loses its terminal: a signal, and every further line an error."""
    ours, theirs = pty.openpty()
    attempt = world.start(terminal=theirs)
    os.close(theirs)
    gone = threading.Event()
    attempt.read(ours, gone)
    attempt.wait_for(BEGUN, 1 + rng.randrange(3))
    gone.set()
    world.end(attempt, {INTERRUPTED, UNREAD})
    if world.advice() is None:
        world.seen.other.append("no config.yaml")
    world.left_files()
    again = world.go_on()
    world.recovered(again, again.began_s)


def stdout_closed(world: World, rng: Random) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    attempt = world.start(stdout=theirs)
    os.close(theirs)
    world.end(attempt, {0, INTERRUPTED})
    if world.advice() is None:
        world.seen.other.append("no config.yaml")
    world.go_on()


def killed_after(world: World, seconds: float) -> None:
    """Kill a search with nothing but SIGKILL some time after its start, and search on."""
    attempt = world.start()
    if attempt.wait(seconds) is None:
        attempt.process.kill()
    world.end(attempt, {0, -signal.SIGKILL})
    again = world.go_on()
    world.recovered(again, again.began_s)


def sigkill(world: World, rng: Random) -> None:
    killed_after(world, rng.uniform(0.5, world.budget_s + 3))


def sigkill_simulated(world: World, rng: Random) -> None:
    killed_after(world, rng.uniform(0.5, SIMULATED_S))


def sigkill_hung_lane(world: World, rng: Random) -> None:
    """A lane that hangs in a plugin cannot see that its search is gone."""
    attempt = world.start(fault=Fault("hang", first=TRIED, last=TRIED))
    while not strikes(world.log) and attempt.process.poll() is None:
        time.sleep(POLL_S)
    attempt.process.kill()
    world.end(attempt, {-signal.SIGKILL})
    again = world.go_on()
    world.recovered(again, again.began_s)


def sigkill_writing(world: World, rng: Random) -> None:
    """Killed when half of what a write was given has been written."""
    attempt = world.start(fault=storage_fault("kill", rng))
    world.end(attempt, {-signal.SIGKILL})
    again = world.go_on()
    world.recovered(again, again.began_s)


def fork_server_killed(world: World, rng: Random) -> None:
    attempt = after_trials(world, rng)
    servers = [number for number, command in processes(world.mark).items() if "forkserver" in command]
    if not servers:
        world.seen.other.append("there is no fork server to kill")
    killed_s = time.monotonic()
    os.kill(min(servers), signal.SIGKILL)
    world.end(attempt, {0})
    world.recovered(attempt, killed_s)
    world.go_on()


def suspended(world: World, rng: Random) -> None:
    """Every process stands still; clocks go on, as after a machine has slept."""
    attempt = after_trials(world, rng)
    os.killpg(attempt.process.pid, signal.SIGSTOP)
    time.sleep(8)
    woken_s = time.monotonic()
    os.killpg(attempt.process.pid, signal.SIGCONT)
    world.end(attempt, {0}, world.budget_s + 8)
    world.recovered(attempt, woken_s)
    world.left_files()
    world.go_on()


def no_memory(world: World, rng: Random) -> None:
    """The search's process, not its lanes, gets no more memory than it has."""
    attempt = after_trials(world, rng)
    size = psutil.Process(attempt.process.pid).memory_info().vms + rng.randrange(1 << 20, 64 << 20)
    resource.prlimit(attempt.process.pid, resource.RLIMIT_AS, (size, size))
    world.end(attempt, {0, 2, INTERRUPTED})
    again = world.go_on()
    world.recovered(again, again.began_s)


def many_trials(world: World, rng: Random) -> None:
    """Look at the search's process while it runs 500 trials."""
    requests, batches = (",".join(map(str, range(1, end))) for end in (41, 9))
    attempt = world.start("--trials", 500, "--requests", requests, "--batch", batches, budget_s=900)
    process, sizes = psutil.Process(attempt.process.pid), []
    for count in range(100, 500, 50):
        if attempt.wait_for(TRIAL, count, 900):
            sizes.append(
                (
                    process.memory_info().rss,
                    process.num_threads(),
                    process.num_fds(),
                    len(processes(world.mark)),
                )
            )
    world.end(attempt, {0}, 900)
    if len(sizes) < 2:
        world.seen.other.append(f"only {len(attempt.announced)} trials")
        return
    memory, *held = zip(*sizes, strict=True)
    if memory[-1] - memory[0] > 32 << 20:
        world.seen.left.append(f"{(memory[-1] - memory[0]) >> 20} MiB between trials 100 and 450")
    for what, counts in zip(("threads", "files", "processes"), held, strict=True):
        if max(counts) - min(counts) > 2:
            world.seen.left.append(f"{what}: {min(counts)} to {max(counts)}")
    world.left_files()
