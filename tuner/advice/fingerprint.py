"""Whether advice fits a host: what is the same as where it was measured, and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.domain.host import Host

Level = Literal["same", "compatible", "different"]

MEMORY_APART = 0.1
"""Relative difference of main memory from which it is told: kernels reserve some of it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How two hosts compare.

    Attributes:
        level: `different` hosts may want other streams and batches; on `compatible` ones the advice
            runs as it is, at a speed that may have changed; on the `same` it has not.
        reasons: What differs, each as `what: then -> now`.
    """

    level: Level
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons) or "nothing has changed"


def compare(then: Host, now: Host, devices: Sequence[str]) -> Fit:
    """Compare the host of a measurement with another one.

    Args:
        then: Where it was measured.
        now: Where it is to run.
        devices: The devices that the advice uses.
    """
    grave, light = list(_grave(then, now, devices)), list(_light(then, now, devices))
    level: Level = "different" if grave else "compatible" if light else "same"
    return Fit(level, (*grave, *light))


def _grave(then: Host, now: Host, devices: Sequence[str]) -> Iterator[str]:
    if then.cpu != now.cpu:
        yield f"CPU: {then.cpu} -> {now.cpu}"
    if _cores(then) != _cores(now):
        yield f"cores: {_cores(then):g} -> {_cores(now):g}"
    for name in devices:
        if now.devices.get(name) != then.devices.get(name):
            yield f"{name}: {then.devices.get(name, 'none')} -> {now.devices.get(name, 'none')}"


def _light(then: Host, now: Host, devices: Sequence[str]) -> Iterator[str]:
    if then.openvino != now.openvino:
        yield f"OpenVINO: {then.openvino} -> {now.openvino}"
    for name in devices:
        if then.drivers.get(name) != now.drivers.get(name):
            yield f"driver of {name}: {then.drivers.get(name, 'none')} -> {now.drivers.get(name, 'none')}"
    if then.os != now.os:
        yield f"OS: {then.os} -> {now.os}"
    if abs(then.memory_mb - now.memory_mb) > MEMORY_APART * then.memory_mb:
        yield f"memory: {then.memory_mb} MiB -> {now.memory_mb} MiB"


def _cores(host: Host) -> float:
    """Return the cores that can be used, in all that limits them."""
    return min(host.cores, host.cgroup_cores or host.cores)
