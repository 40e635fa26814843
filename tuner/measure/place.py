"""Makes a place for lanes on a bare host: fewer cores, or a quota of CPU time, as a container has them.

Everything that is started inside it has the place's limits: the fork server, which is started anew, and its
lanes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import forkserver
from pathlib import Path

from tuner.errors import UsageError
from tuner.probe.control_groups import PERIOD_US, Group, own_groups
from tuner.probe.devices import own_cores

NAME = "openvino-tuner-"
"""What the name of a group begins with; the number of the process that made it follows."""

TRIES, PAUSE_S = 50, 0.01
"""How often a group is emptied and removed, in case that a process in it has just begun or is just ending."""


def require_place(cores: float | None, mask: Sequence[int] | None) -> None:
    """Refuse a place that this process cannot give.

    Raises:
        UsageError: It is larger than what this process may use.
    """
    own = own_cores()
    if mask and (foreign := sorted(set(mask) - set(own))):
        raise UsageError(
            f"cpuset= names core {foreign[0]}, but this process may use only: {', '.join(map(str, own))}."
        )
    most = len(mask or own)
    if cores is not None and cores > most:
        raise UsageError(f"cpus={cores:g} is more than the {most} cores here; give less, or leave it out.")


@contextmanager
def placed(cores: float | None = None, mask: Sequence[int] | None = None) -> Iterator[None]:
    """Run what is inside with so many cores' CPU time, on these cores; with neither, as it is.

    A group that a killed search has left beside the new one is removed before. Two places at the same time
    are not for one host: call it where no other search runs. Threads that the process has already keep their
    cores.

    Raises:
        UsageError: It is larger than what this process may use, or no control group can be made here.
    """
    if cores is None and mask is None:
        yield
        return
    require_place(cores, mask)
    with ExitStack() as stack:
        stack.callback(_end_fork_server)
        if cores is not None:
            _enter_a_group(cores, stack)
        if mask:
            stack.callback(os.sched_setaffinity, 0, own_cores())
            os.sched_setaffinity(0, mask)
        _end_fork_server()
        yield


def _end_fork_server() -> None:
    """End the server that starts lanes: the next lane starts another one, with the limits of that moment."""
    server = getattr(forkserver, "_forkserver", None)
    if server is not None:
        server._stop()


def _enter_a_group(cores: float, stack: ExitStack) -> None:
    """Make a group with a quota below this process's own, and enter it; the stack undoes both.

    Raises:
        UsageError: That is not allowed here.
    """
    own = {group.version: group for group in reversed(own_groups("cpu"))}
    for version in sorted(own):
        _remove_left(own[version])
        group = Group(own[version].folder / f"{NAME}{os.getpid()}", version)
        with ExitStack() as undo:
            try:
                group.folder.mkdir()
                undo.callback(_remove, group)
                _enter(group, cores, undo)
            except OSError:
                continue
            stack.push(undo.pop_all())
            return
    raise UsageError(
        f"cpus={cores:g} needs a control group of its own, which this process may not make here; run the "
        f"search in one: 'docker run --cpus {cores:g} ...', or 'systemd-run --scope -p "
        f"CPUQuota={100 * cores:.0f}% tuner search ...'."
    )


def _enter(group: Group, cores: float, undo: ExitStack) -> None:
    quota_us = str(round(cores * PERIOD_US))
    if group.version == 1:
        (group.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group.folder / "cpu.cfs_quota_us").write_text(quota_us)
        (group.folder / "cgroup.procs").write_text(str(os.getpid()))
        return
    (group.folder / "cgroup.procs").write_text(str(os.getpid()))  # a group with controllers has no processes
    control = group.folder.parent / "cgroup.subtree_control"
    if "cpu" not in control.read_text().split():
        control.write_text("+cpu")
        undo.callback(control.write_text, "-cpu")
    (group.folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")


def _remove(group: Group) -> None:
    """Move the processes of a group to the group above it, and remove it."""
    for _ in range(TRIES):
        for process in _processes(group.folder):
            with suppress(OSError):  # it has just ended
                (group.folder.parent / "cgroup.procs").write_text(process)
        try:
            group.folder.rmdir()
            return
        except OSError:
            time.sleep(PAUSE_S)


def _remove_left(parent: Group) -> None:
    """Remove the groups of searches that were killed: nothing runs in them any more."""
    for folder in parent.folder.glob(f"{NAME}*"):
        if not _processes(folder):
            with suppress(OSError):
                folder.rmdir()


def _processes(folder: Path) -> list[str]:
    try:
        return (folder / "cgroup.procs").read_text().split()
    except OSError:
        return []
