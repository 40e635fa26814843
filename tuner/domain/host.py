"""The machine on which something was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Host:
    """A machine.

    Attributes:
        cpu: Processor name.
        cores: Logical cores that this process may use.
        memory_mb: Main memory, in MiB.
        os: Operating system and release.
        openvino: OpenVINO's version.
        devices: Full name by device.
        cgroup_cores: CPU limit of its control group in cores, or None.
        drivers: Driver version by device, for devices that report it.
        cpuset: Numbers of the logical cores that this process may use, where the machine has others.
        memory_limit_mb: Memory limit of its control group, in MiB, or None.
        cpu_weight: Its group's share of busy cores beside others, where one was set, or None.
    """

    cpu: str
    cores: int
    memory_mb: int
    os: str
    openvino: str
    devices: Mapping[str, str]
    cgroup_cores: float | None = None
    drivers: Mapping[str, str] = field(default_factory=dict)
    cpuset: tuple[int, ...] = ()
    memory_limit_mb: float | None = None
    cpu_weight: int | None = None

    def within(self, cores: float | None, cpuset: Sequence[int] | None) -> Host:
        """Return the machine as it is in a place on it, with so many cores' CPU time, on these cores."""
        smaller = cpuset is not None and len(cpuset) < self.cores
        here = replace(self, cores=len(cpuset), cpuset=tuple(cpuset)) if cpuset and smaller else self
        return here if cores is None else replace(here, cgroup_cores=min(cores, here.cgroup_cores or cores))

    @property
    def quota(self) -> float | None:
        """The limit of CPU time in cores, where it is less than that of the cores."""
        return self.cgroup_cores if self.cgroup_cores and self.cgroup_cores < self.cores else None
