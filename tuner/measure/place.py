"""Makes a place for lanes on a bare host: fewer cores, or a quota of CPU time, as a container has them.

Everything that is started inside it has the place's limits, the fork server and its lanes as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tuner.errors import UsageError
from tuner.probe.control_groups import PERIOD_US, Group, own_groups

NAME = "openvino-tuner-"
"""What the name of a group begins with; the number of the process that made it follows."""


@contextmanager
def placed(cores: float | None = None, mask: Sequence[int] | None = None) -> Iterator[None]:
    """Run what is inside with so many cores' CPU time, on these cores.

    A group that a killed search has left is removed before.

    Raises:
        UsageError: A core is not this process's, or no control group can be made here.
    """
    before = set(os.sched_getaffinity(0)) if mask else set()
    if mask and (foreign := sorted(set(mask) - before)):
        own = ", ".join(map(str, sorted(before)))
        raise UsageError(f"cpuset= names core {foreign[0]}, but this process may use only: {own}.")
    group = _made(cores) if cores is not None else None
    try:
        if mask:
            os.sched_setaffinity(0, mask)
        yield
    finally:
        if mask:
            os.sched_setaffinity(0, before)
        if group:
            _remove(group)


def _made(cores: float) -> Group:
    """Make a group with a quota below this process's own, and enter it.

    Raises:
        UsageError: That is not allowed here.
    """
    parents = own_groups("cpu")
    for parent in sorted(
        {each.version: each for each in reversed(parents)}.values(), key=lambda each: each.version
    ):
        _remove_left(parent)
        group = Group(parent.folder / f"{NAME}{os.getpid()}", parent.version)
        try:
            group.folder.mkdir()
            _enter(group, cores)
            return group
        except OSError:
            _remove(group)
    raise UsageError(
        f"cpus={cores:g} needs a control group of its own, which this process may not make here; run the "
        f"search in one: 'docker run --cpus {cores:g} ...', or 'systemd-run --scope -p "
        f"CPUQuota={100 * cores:.0f}% tuner search ...'."
    )


def _enter(group: Group, cores: float) -> None:
    quota_us = round(cores * PERIOD_US)
    if group.version == 1:
        (group.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group.folder / "cpu.cfs_quota_us").write_text(str(quota_us))
        (group.folder / "cgroup.procs").write_text(str(os.getpid()))
        return
    (group.folder / "cgroup.procs").write_text(str(os.getpid()))  # a group with controllers has no processes
    (group.folder.parent / "cgroup.subtree_control").write_text("+cpu")
    (group.folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")


def _remove(group: Group) -> None:
    """Move the processes of a group, the fork server among them, to the group above it, and remove it."""
    with suppress(OSError):
        if group.version == 2:
            (group.folder.parent / "cgroup.subtree_control").write_text("-cpu")
    for process in _processes(group.folder):
        with suppress(OSError):  # it has just ended
            (group.folder.parent / "cgroup.procs").write_text(process)
    with suppress(OSError):
        group.folder.rmdir()


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
