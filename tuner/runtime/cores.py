"""Keeps an application's process on the cores that advice gives to one of several copies."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from tuner.domain.configuration import Configuration
from tuner.errors import DeviceError, UsageError

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
    if not configuration.slices:
        return
    cores = configuration.slices[copy]
    try:
        if os.sched_getaffinity(0) == set(cores):
            return
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError) as error:
        raise DeviceError(
            f"Copy {copy} is to run on the cores {', '.join(map(str, cores))}, where this process may not "
            "run; search again on this host."
        ) from error
    if _openvino_has_counted():
        warnings.warn(
            f"OpenVINO has counted this process's cores before compile(copy={copy}), so some of its threads "
            "may leave those of the copy; call it before anything else uses OpenVINO.",
            stacklevel=5,
        )


def _openvino_has_counted() -> bool:
    try:
        return PLUGIN in Path("/proc/self/maps").read_text(errors="replace")
    except OSError:
        return False


def is_on_its_cores(configuration: Configuration) -> bool:
    """Return whether this process runs on the cores of one of the copies already."""
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return any(own == set(cores) for cores in configuration.slices)
