"""`tuner merge`: the advice of several hosts in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuner.advice.advice import Advice
from tuner.advice.fleet import merged
from tuner.advice.writer import write_fleet
from tuner.commands.export import unwritable


def merge(configs: Sequence[Path], output: Path) -> list[Advice]:
    """Write the advice of several files, for one model on several hosts, into one.

    Raises:
        AdviceError: A file is not valid advice, is for another model, two files are for the same host, or
            all together are more than `load` reads.
        StorageError: The file cannot be written.
    """
    profiles = merged(configs)
    try:
        write_fleet(profiles, output)
    except OSError as error:
        raise unwritable(output, error) from error
    return profiles
