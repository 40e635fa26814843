"""The files of a search: its study and its advice, or a sentence on why they cannot be written."""

from __future__ import annotations

import tempfile

from tuner.advice.writer import make_advice, write_advice
from tuner.commands.asked import Asked
from tuner.domain.result import Result, Setting
from tuner.errors import StorageError
from tuner.measure.leftovers import remove_dead_files
from tuner.probe.model_files import digest
from tuner.study.storage import Study


def open_study(asked: Asked, setting: Setting) -> Study:
    """Open the study, after making sure that files can be written beside it.

    Raises:
        StorageError: They cannot, or the study belongs to another search.
    """
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=asked.output):
            remove_dead_files(asked.output)
    except OSError as error:
        raise StorageError(
            f"'{asked.output}' cannot be written ({error.strerror or error}); "
            "choose another directory with output=."
        ) from error
    inputs = " ".join(f"{name}={path}" for name, path in sorted(asked.inputs.items()))
    if asked.plugins:
        inputs = f"{inputs} plugins {digest(asked.plugins)[:16]}".strip()
    return Study(asked.study, setting.model, setting.host, " + ".join(setting.targets), inputs)


def save_advice(result: Result, asked: Asked) -> None:
    """Write the advice of a result.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        write_advice(make_advice(result), asked.config)
    except OSError as error:
        raise StorageError(
            f"'{asked.config}' cannot be written ({error.strerror or error}); the study is saved: "
            "make room there and run the same command again."
        ) from error
