"""Kinds of host: hosts of the same kind answer for each other, as far as their hardware tells."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from tuner.domain.figures import count
from tuner.domain.host import Host
from tuner.domain.target import plain_name

KIND = "tuner.kind"
"""The label of hosts in a cluster that is not given to them, but looked up: their kind."""

LONGEST = 64
"""Characters of a name at most; it becomes a folder."""


def kind_of(host: Host, devices: Collection[str] = ()) -> str:
    """Return the name of a host's kind: `intel-xeon-processor-2-cores`.

    Two hosts have the same name if they have the same processor, number of cores, quota of CPU time, and
    devices: what `tuner.advice.fingerprint` calls the hardware.

    Args:
        host: The host.
        devices: The devices that count; all of the host's unless given.
    """
    others = [f"{name} {model}" for name, model in sorted(host.devices.items()) if _counts(name, devices)]
    quota = [f"quota {host.quota:g}"] if host.quota else []
    words = " ".join([host.cpu, count(host.cores, "core"), *quota, *others])
    name = re.sub(r"[^a-z0-9.]+", "-", re.sub(r"\((R|TM|C)\)|@", " ", words).lower()).strip("-.")
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(words.encode()).hexdigest()[:8]
    return f"{name[: LONGEST - 9].rstrip('-.')}-{digest}"


def _counts(name: str, devices: Collection[str]) -> bool:
    """Return whether a device tells kinds apart, beside the processor: `GPU` are all of `GPU.0`, `GPU.1`."""
    wanted = {plain_name(device) for device in devices}
    return name != "CPU" and (not devices or plain_name(name) in wanted or name.partition(".")[0] in wanted)
