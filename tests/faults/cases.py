"""The faults that a search must survive: a frozen list, from which the tests, and the soak, take theirs."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from tests.faults import lane_faults, storage_faults, tuner_faults
from tests.faults.world import World

Act = Callable[[World, Random], None]
Length = Literal["quick", "slow", "soak"]
"""Where a case is run: by `make test`, by `make test-slow`, or only by `make soak`, which runs all."""


@dataclass(frozen=True, slots=True)
class Case:
    """A fault and how a search has to take it.

    Attributes:
        name: A word for it, with what suffers first.
        what: What happens, for people.
        act: Lets it happen in a world, and looks at what comes of it there.
        length: Which tests run it.
        tries: How often the soak tries it, with other random numbers each time.
        simulated: Whether its lanes are simulated: where lanes are not the subject, that takes seconds.
    """

    name: str
    what: str
    act: Act
    length: Length = "soak"
    tries: int = 2
    simulated: bool = False


LANES = (
    Case("lane-segfault", "a lane crashes while it compiles", lane_faults.segfault, "slow"),
    Case("lane-abort", "a lane aborts in the middle of a window", lane_faults.abort),
    Case("lane-killed", "a lane is killed, as for want of memory", lane_faults.killed),
    Case("lane-hangs-compiling", "a lane compiles for ever", lane_faults.hang_compiling),
    Case("lane-hangs-inferring", "a lane's inference never ends", lane_faults.hang_inferring),
    Case("lane-hangs-late", "every lane of the second half hangs", lane_faults.hang_late),
    Case("lane-compiles-long", "a lane compiles for a minute", lane_faults.slow),
    Case("lane-half-message", "a lane dies in the middle of a message", lane_faults.half_message),
    Case("lane-chatter", "every lane prints 10,000 lines", lane_faults.chatter),
    Case("lane-nan", "every other configuration answers NaN", lane_faults.nan),
    Case("lane-changing", "every other configuration's answers change each time", lane_faults.changing),
    Case("hint-dies", "the hint's lane dies in the middle", lane_faults.hint_dies),
    Case("hint-dies-first", "the hint's lane dies before it is measured", lane_faults.hint_dies_first),
    Case("lanes-all-die", "no lane compiles any more, the hint's neither", lane_faults.all_die_late),
    Case("lanes-none", "no lane ever compiles", lane_faults.none_compiles),
)

TUNER = (
    Case("tuner-sigint", "Ctrl-C", tuner_faults.sigint),
    Case("tuner-sigint-twice", "Ctrl-C twice", tuner_faults.sigint_twice),
    Case("tuner-sigterm", "SIGTERM", tuner_faults.sigterm),
    Case("tuner-sighup", "SIGHUP, as from a closed ssh session", tuner_faults.sighup),
    Case("tuner-terminal-closed", "the terminal is closed", tuner_faults.terminal_closed),
    Case("tuner-stdout-closed", "nobody reads the answer", tuner_faults.stdout_closed, simulated=True),
    Case("tuner-sigkill", "SIGKILL at a random moment", tuner_faults.sigkill, tries=60),
    Case("tuner-sigkill-hung-lane", "SIGKILL while a lane hangs in a plugin", tuner_faults.sigkill_hung_lane, tries=5),
    Case("tuner-sigkill-simulated", "the same, lanes simulated", tuner_faults.sigkill_simulated, tries=140, simulated=True),
    Case("tuner-sigkill-writing", "SIGKILL in the middle of a write", tuner_faults.sigkill_writing, "slow", tries=40, simulated=True),
    Case("tuner-fork-server-killed", "the process that forks lanes is killed", tuner_faults.fork_server_killed),
    Case("tuner-suspended", "all stands still for eight seconds", tuner_faults.suspended),
    Case("tuner-no-memory", "there is no more memory for the search itself", tuner_faults.no_memory),
    Case("tuner-500-trials", "500 trials in one run: memory, files, threads stay", tuner_faults.many_trials, tries=1),
)  # fmt: skip

STORAGE = (
    Case("disk-full", "the disk is full from one write on", storage_faults.full, "quick", tries=40, simulated=True),
    Case("folder-read-only", "the folder cannot be written", storage_faults.read_only, "slow", simulated=True),
    Case("folder-removed", "the folder is removed in the middle", storage_faults.removed, simulated=True),
    Case("study-locked", "another process holds the study", storage_faults.locked, simulated=True),
    Case("study-corrupt", "bytes of the study are others", storage_faults.corrupt, tries=10, simulated=True),
    Case("study-truncated", "the study was cut", storage_faults.truncated, tries=10, simulated=True),
    Case("study-swapped", "the study is of another model", storage_faults.swapped, simulated=True),
    Case("study-old", "the study has an older format", storage_faults.old_format, simulated=True),
    Case("two-searches", "two searches at once, one study, one machine", storage_faults.two_at_once),
    Case("two-hosts", "two searches at once that do not see each other's lock", storage_faults.two_unaware, simulated=True),
    Case("lock-holder-dead", "who held the lock was killed", storage_faults.dead_holder, simulated=True),
    Case("clock-back", "the time of day jumps back by a day", storage_faults.clock_back, tries=2),
)  # fmt: skip

CASES = (*LANES, *TUNER, *STORAGE)
BY_NAME = {case.name: case for case in CASES}
