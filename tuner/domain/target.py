"""Device strings, as OpenVINO's `compile_model` takes them, and their parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from tuner.errors import UsageError

COMBINING = ("MULTI", "AUTO")
VIRTUAL = (*COMBINING, "BATCH")
MEMBER = re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)(?:\((?P<amount>\d{1,6})\))?")
EXPECTED = "give a device like CPU or GPU.1, or several like MULTI:GPU,CPU or AUTO:GPU,CPU, or BATCH:GPU(8)"


@dataclass(frozen=True, slots=True)
class Member:
    """A device of a target.

    Attributes:
        name: As OpenVINO lists it, e.g. `GPU.1`.
        amount: The number in brackets: infer requests under `MULTI`, the batch under `BATCH`.
    """

    name: str
    amount: int | None = None

    def __str__(self) -> str:
        """Write it as OpenVINO reads it."""
        return self.name if self.amount is None else f"{self.name}({self.amount})"


@dataclass(frozen=True, slots=True)
class Target:
    """A plain device, or a virtual device of OpenVINO over one or several devices.

    Attributes:
        kind: `MULTI`, `AUTO` or `BATCH`; empty for a plain device.
        members: Its devices in order of priority; several only under `MULTI` and `AUTO`.
    """

    kind: str
    members: tuple[Member, ...]

    @property
    def devices(self) -> tuple[str, ...]:
        """The names of its devices, in order of priority."""
        return tuple(member.name for member in self.members)

    @property
    def combines(self) -> bool:
        """Whether several devices share the requests."""
        return self.kind in COMBINING

    @property
    def hint(self) -> str:
        """The performance hint that asks for throughput from all of its devices.

        With `THROUGHPUT`, `AUTO` would choose only one of them.
        """
        return "CUMULATIVE_THROUGHPUT" if self.kind == "AUTO" else "THROUGHPUT"

    def with_amounts(self, amounts: dict[str, int]) -> Target:
        """Return the target with these numbers in brackets, by device; other devices keep theirs."""
        members = tuple(
            replace(member, amount=amounts.get(member.name, member.amount)) for member in self.members
        )
        return replace(self, members=members)

    def led_by(self, device: str) -> Target:
        """Return the target with a device moved to the front; the others keep their order."""
        return replace(self, members=tuple(sorted(self.members, key=lambda member: member.name != device)))

    def covers(self, device: str) -> bool:
        """Return whether a device string is this target, in any order and with any numbers in brackets."""
        other = target_of(device)
        return self.kind == other.kind and set(self.devices) == set(other.devices)

    def __str__(self) -> str:
        """Write it as OpenVINO reads it."""
        devices = ",".join(map(str, self.members))
        return f"{self.kind}:{devices}" if self.kind else devices


def plain_name(device: str) -> str:
    """Return a device's name without the suffix `.0`: `GPU` and `GPU.0` are the same device."""
    return device.removesuffix(".0")


def missing_devices(device: str, running: Iterable[str]) -> list[str]:
    """Return the devices of a combination that OpenVINO silently runs without; none for other targets.

    Args:
        device: The target, as it was compiled for.
        running: `EXECUTION_DEVICES` of the compiled model.
    """
    target, present = target_of(device), set(map(plain_name, running))
    return [name for name in target.devices if target.combines and plain_name(name) not in present]


@lru_cache(maxsize=1024)
def target_of(text: str) -> Target:
    """Read a device string.

    Raises:
        UsageError: It names no target; the message says what to give instead.
    """
    kind, colon, listed = text.strip().partition(":")
    if not colon and kind not in VIRTUAL:
        return Target("", (_member(kind, text, brackets=False),))
    if kind == "BATCH":
        return _batch(listed, text)
    if kind not in COMBINING:
        raise UsageError(f"device='{text}' begins with none of {', '.join(VIRTUAL)}; {EXPECTED}.")
    if not listed.strip():
        raise UsageError(f"device='{text}' combines no devices; name two or more, like {kind}:GPU,CPU.")
    members = tuple(_member(part, text, brackets=kind == "MULTI") for part in listed.split(","))
    names = [member.name for member in members]
    if len(members) == 1:
        raise UsageError(f"device='{text}' combines only one device; give {names[0]}, or name two or more.")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"device='{text}' names {twice[0]} twice; name each device once.")
    return Target(kind, members)


def _batch(listed: str, text: str) -> Target:
    if not listed.strip() or "," in listed:
        raise UsageError(
            f"device='{text}' must name the device to batch for, like BATCH:GPU or BATCH:GPU(8)."
        )
    member = _member(listed, text, brackets=True)
    if member.amount == 1:
        raise UsageError(
            f"device='{text}' asks for a batch of 1; give a number of 2 or more, or leave it out."
        )
    return Target("BATCH", (member,))


def _member(part: str, text: str, brackets: bool) -> Member:
    part = part.strip()
    if part.startswith("-"):
        raise UsageError(f"device='{text}' leaves {part[1:]} out; name the devices to use instead.")
    if part.partition(":")[0] in VIRTUAL:
        raise UsageError(
            f"device='{text}' puts a virtual device into another; list devices only, like MULTI:GPU,CPU."
        )
    found = MEMBER.fullmatch(part)
    if not found or (found["amount"] and not brackets):
        raise UsageError(f"device='{text}' has '{part}' in the place of a device; {EXPECTED}.")
    amount = None if found["amount"] is None else int(found["amount"])
    if amount == 0:
        raise UsageError(
            f"device='{text}' has the number 0 for {found['name']}; numbers in brackets begin at 1."
        )
    return Member(found["name"], amount)
