"""`tuner demo`: a search on a small model that is built on the spot."""

from __future__ import annotations

from pathlib import Path

from tuner.errors import StorageError
from tuner.probe.demo import write_demo_model


def demo_model(output: Path) -> Path:
    """Write a small CNN into a folder and return its path.

    Raises:
        StorageError: The folder cannot be written.
    """
    try:
        return write_demo_model(output / "demo.xml")
    except (OSError, RuntimeError) as error:
        raise StorageError(f"'{output}' cannot be written; choose another directory with output=.") from error
