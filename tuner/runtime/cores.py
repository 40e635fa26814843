"""Keeps an application's process on the cores that advice gives to one of several copies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tuner.domain.configuration import Configuration
from tuner.errors import DeviceError, UsageError
from tuner.probe.devices import own_cores

PLUGIN = "intel_cpu_plugin"
"""Part of the file name of OpenVINO's CPU plugin, which counts the cores when it is loaded."""


def keep_to_cores(configuration: Configuration, copy: int) -> None:
    """Keep this process on the cores of a copy, where a configuration gives each its own.

    Raises:
        UsageError: There is no such copy.
        DeviceError: This process may not run on these cores.

    Warns:
        UserWarning: OpenVINO has counted the cores of this process before.
    """
    copies = configuration.copies
    if isinstance(copy, bool) or not isinstance(copy, int) or not 0 <= copy < copies:
        numbers = f"the advice is for {copies} copies; give 0 to {copies - 1}"
        alone = "the advice is for a single process; leave copy= out, or give 0"
        raise UsageError(f"copy={copy!r} is none of them: {numbers if copies > 1 else alone}.")
    if not configuration.slices or is_on_the_cores(configuration.slices[copy]):
        return
    cores = configuration.slices[copy]
    if not (hasattr(os, "sched_setaffinity") and set(cores) <= set(own_cores())):
        raise DeviceError(
            f"Copy {copy} is to run on the cores {', '.join(map(str, cores))}, where this process may not "
            "run; search again on this host."
        )
    try:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it has just ended
                os.sched_setaffinity(int(thread.name), cores)
    except OSError as error:
        raise DeviceError(f"This process cannot be kept on its cores ({error.strerror}).") from error
    if _openvino_has_counted():
        warnings.warn(
            f"OpenVINO has counted this process's cores before compile(copy={copy}), so some of its threads "
            "may leave those of the copy; call it before anything else uses OpenVINO.",
            stacklevel=4,
        )


def is_on_its_cores(configuration: Configuration) -> bool:
    """Return whether this process runs on the cores of one of the copies already."""
    return any(map(is_on_the_cores, configuration.slices))


def is_on_the_cores(cores: Sequence[int]) -> bool:
    """Return whether this process runs on these cores and no others."""
    return set(own_cores()) == set(cores)


def _openvino_has_counted() -> bool:
    try:
        return PLUGIN in Path("/proc/self/maps").read_text(errors="replace")
    except OSError:
        return False
