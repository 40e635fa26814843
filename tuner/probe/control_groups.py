"""What the control groups of this process allow, and how often they held it back.

Both versions are read (Linux's `cgroups(7)`), each for the process's own group and all groups above it: what
one of them allows, another may not. In a container a group's files may lie at the root of the mount, although
the process's path names a group of the host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tuner.domain.place import Quota, Throttling

PERIOD_US = 100_000
"""The kernel's default period of a quota."""

NO_LIMIT = 1 << 62
"""Bytes from which a limit of version 1 stands for none."""

WEIGHTS = {1: ("cpu.shares", 1024), 2: ("cpu.weight", 100)}
"""The file with a group's share of busy cores, by version, and what stands there where nothing was set."""


class Group(NamedTuple):
    """A control group.

    Attributes:
        folder: Its files.
        version: 1 or 2.
    """

    folder: Path
    version: int


@dataclass(frozen=True, slots=True)
class Held:
    """How often a group was held back since it began.

    Attributes:
        periods: Periods in which it ran.
        throttled: Those in which its CPU time was used up.
        seconds: How long it was held back, summed over cores.
    """

    periods: int
    throttled: int
    seconds: float = 0.0


def own_groups(controller: str, root: Path = Path("/")) -> list[Group]:
    """Return this process's groups of a controller, `cpu` or `memory`, in both versions, innermost first."""
    return [*_groups(controller, 2, root), *_groups(controller, 1, root)]


def quota(root: Path = Path("/")) -> Quota | None:
    """Return the lowest quota of CPU time among this process's groups; None without one."""
    group = limiting_group(root)
    return quota_of(group) if group else None


def limiting_group(root: Path = Path("/")) -> Group | None:
    """Return the group of this process with the lowest quota; None without a quota."""
    limited = [(limit.cores, group) for group in own_groups("cpu", root) if (limit := quota_of(group))]
    return min(limited, key=lambda pair: pair[0], default=(0.0, None))[1]


def held(group: Group | None) -> Held | None:
    """Return how often a group was held back; None without a group, or where it does not tell."""
    if group is None:
        return None
    figures = _figures(group.folder / "cpu.stat")
    if "nr_periods" not in figures:
        return None
    seconds = figures.get("throttled_usec", 0) / 1e6 + figures.get("throttled_time", 0) / 1e9
    return Held(figures["nr_periods"], figures.get("nr_throttled", 0), seconds)


def throttling(before: Held | None, after: Held | None, core_seconds: float) -> Throttling | None:
    """Return how much a group was held back between two moments, with so many cores' seconds between them."""
    if before is None or after is None:
        return None
    periods = after.periods - before.periods
    share = (after.throttled - before.throttled) / periods if periods > 0 else 0.0
    return Throttling(share, min(1.0, (after.seconds - before.seconds) / core_seconds))


def memory_limit_mb(root: Path = Path("/")) -> float | None:
    """Return the lowest limit of memory among this process's groups, in MiB; None without one."""
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    texts = (text_of(group.folder / names[group.version]) for group in own_groups("memory", root))
    limits = (int(text) for text in texts if text and text.isdigit())
    lowest = min((limit for limit in limits if limit < NO_LIMIT), default=None)
    return None if lowest is None else lowest / (1 << 20)


def cpu_weight(root: Path = Path("/")) -> int | None:
    """Return the share of busy cores that was set for the innermost group; None where nothing was set."""
    own = {group.version: group.folder for group in reversed(own_groups("cpu", root))}
    for version, folder in own.items():
        name, usual = WEIGHTS[version]
        text = text_of(folder / name)
        if text and text.isdigit() and int(text) != usual:
            return int(text)
    return None


def memory_free(root: Path = Path("/")) -> Iterator[float]:
    """Yield the bytes that each group of this process still allows; files that are cached give way."""
    names = {
        1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        2: ("memory.max", "memory.current", "inactive_file"),
    }
    for group in own_groups("memory", root):
        limit_name, used_name, cached = names[group.version]
        limit, used = text_of(group.folder / limit_name), text_of(group.folder / used_name)
        if limit and used and limit.isdigit() and used.isdigit():
            yield float(limit) - float(used) + _figures(group.folder / "memory.stat").get(cached, 0)


def text_of(path: Path) -> str | None:
    """Return a file's text without spaces around it; None where it cannot be read."""
    try:
        return path.read_text(errors="surrogateescape").strip()
    except OSError:
        return None


def quota_of(group: Group) -> Quota | None:
    """Return a group's own quota of CPU time; None without one."""
    if group.version == 2:
        amount, _, period = (text_of(group.folder / "cpu.max") or "max").partition(" ")
    else:
        amount = text_of(group.folder / "cpu.cfs_quota_us") or "-1"
        period = text_of(group.folder / "cpu.cfs_period_us") or ""
    if not amount.isdigit() or int(amount) == 0:
        return None
    period_us = int(period) if period.isdigit() and int(period) else PERIOD_US
    return Quota(int(amount) / period_us, period_us / 1e6)


def _figures(path: Path) -> dict[str, int]:
    """Return the figures of a file with a name and a number on each line."""
    pairs = (line.split() for line in (text_of(path) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _groups(controller: str, version: int, root: Path) -> Iterator[Group]:
    """Yield the groups of a controller in one version's hierarchy, from the own one to the mount's root."""
    own = _own_path(controller, version, root)
    for mount, seen_from in _mounts(controller, version, root):
        inside = Path(own).relative_to(seen_from) if Path(own).is_relative_to(seen_from) else Path()
        folder = mount / inside
        if ".." in inside.parts or not folder.is_dir():
            folder = mount
        while folder.is_relative_to(mount):
            yield Group(folder, version)
            folder = folder.parent


def _own_path(controller: str, version: int, root: Path) -> str:
    """Return the process's path in a hierarchy, `/` where it is not known."""
    for line in (text_of(root / "proc/self/cgroup") or "").splitlines():
        number, names, path = [*line.split(":", 2), "", ""][:3]
        if (number == "0" and not names) if version == 2 else controller in names.split(","):
            return path or "/"
    return "/"


def _mounts(controller: str, version: int, root: Path) -> Iterator[tuple[Path, str]]:
    """Yield where a hierarchy is mounted, and which of its groups is seen there as the highest.

    Where no mount is listed, as in some sandboxes, it is looked for at the usual place.
    """
    kind, found = ("cgroup2" if version == 2 else "cgroup"), False
    for line in (text_of(root / "proc/self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, (named, _, options) = before.split(), [*after.split(), "", "", ""][:3]
        found = found or named in {"cgroup", "cgroup2"}
        if named == kind and (version == 2 or controller in options.split(",")) and len(fields) > 4:
            yield root / _unescaped(fields[4]).lstrip("/"), _unescaped(fields[3])
    if not found:
        base = root / "sys/fs/cgroup"
        yield (base if version == 2 else base / controller), "/"


def _unescaped(field: str) -> str:
    """Return a field of `mountinfo`, which writes spaces and the like in octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)
