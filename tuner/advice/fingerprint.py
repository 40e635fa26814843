"""Whether advice fits a host: what differs from the host where it was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.domain.host import Host

Level = Literal["same", "compatible", "different"]

MEMORY_APART = 0.1
"""Relative difference of main memory that is reported; less may be memory that the kernel reserves."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How two hosts compare.

    Attributes:
        level: `same`: the measured speed is expected. `compatible`: the advice runs as it is, at a speed
            that may have changed. `different`: other streams and batches may be better.
        reasons: What differs, each as `what: then -> now`.
    """

    level: Level
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the reasons in one line."""
        return "; ".join(self.reasons) or "nothing has changed"


def compare(then: Host, now: Host, devices: Sequence[str]) -> Fit:
    """Compare the host of a measurement with another host.

    Args:
        then: The host where the advice was measured.
        now: The host where it is to run.
        devices: The devices that the advice uses.
    """
    hardware, software = list(_hardware(then, now, devices)), list(_software(then, now, devices))
    level: Level = "different" if hardware else "compatible" if software else "same"
    return Fit(level, (*hardware, *software))


def _hardware(then: Host, now: Host, devices: Sequence[str]) -> Iterator[str]:
    """Yield differences that may change which configuration is best."""
    if then.cpu != now.cpu:
        yield f"CPU: {then.cpu} -> {now.cpu}"
    if then.cores != now.cores:
        yield f"cores: {then.cores} -> {now.cores}"
    if then.quota != now.quota:
        yield f"quota of CPU time: {_quota(then)} -> {_quota(now)}"
    if then.cpuset != now.cpuset and then.cores != now.cores:
        yield f"cpuset: {_cpuset(then)} -> {_cpuset(now)}"
    for name in devices:
        if now.devices.get(name) != then.devices.get(name):
            yield f"{name}: {then.devices.get(name, 'none')} -> {now.devices.get(name, 'none')}"


def _software(then: Host, now: Host, devices: Sequence[str]) -> Iterator[str]:
    """Yield differences that may change the speed; of the hardware only the size of the memory."""
    if then.openvino != now.openvino:
        yield f"OpenVINO: {then.openvino} -> {now.openvino}"
    for name in devices:
        if then.drivers.get(name) != now.drivers.get(name):
            yield f"driver of {name}: {then.drivers.get(name, 'none')} -> {now.drivers.get(name, 'none')}"
    if then.cpuset != now.cpuset and then.cores == now.cores:
        yield f"cpuset: {_cpuset(then)} -> {_cpuset(now)}"
    if then.os != now.os:
        yield f"OS: {then.os} -> {now.os}"
    if abs(then.memory_mb - now.memory_mb) > MEMORY_APART * then.memory_mb:
        yield f"memory: {then.memory_mb} MiB -> {now.memory_mb} MiB"


def _cpuset(host: Host) -> str:
    return ",".join(map(str, host.cpuset)) or "all"


def _quota(host: Host) -> str:
    return f"{host.quota:g} cores" if host.quota else "none"
