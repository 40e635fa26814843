"""The files of a search: study, advice and report, or a sentence on why they cannot be written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tuner.advice.loader import read
from tuner.advice.writer import make_advice, write_advice
from tuner.commands.asked import Asked
from tuner.commands.report import write_report
from tuner.domain.result import Result, Setting
from tuner.errors import AdviceError, StorageError, UnsavedError, first_cause
from tuner.measure.leftovers import remove_dead_files
from tuner.probe.model_files import digest
from tuner.study.mirror import MirroredStudy
from tuner.study.opening import require_usable
from tuner.study.storage import Study
from tuner.tuning.progress import Observer, Warned

WRITE_FAILURES = (OSError, MemoryError, ImportError, RuntimeError, StorageError)
"""What can go wrong while a file is made and written; Plotly imports its parts when it draws."""


def refuse_unwritable(asked: Asked) -> None:
    """Make sure at the start that files can be written at the end, and that a server lets us in.

    Raises:
        UsageError: The storage is not the URL of a server.
        StorageError: Something else has the place of a file; or the directory, or the server, takes none.
    """
    files = (asked.config, asked.report, asked.study)
    try:
        taken = next((path for path in files if path.exists() and not path.is_file()), None)
        if asked.study.is_symlink() and not asked.study.exists():
            raise StorageError(
                f"'{asked.study}' is a link to nothing; remove it, or choose another directory with output=."
            )
        nearest = next(
            folder for folder in (asked.output, *asked.output.absolute().parents) if folder.exists()
        )
    except OSError as error:
        raise _unwritable(asked.output, error) from error
    if taken:
        kind = "a directory" if taken.is_dir() else "a pipe or a device"
        raise StorageError(
            f"'{taken}' is {kind}, but a search writes a file there; "
            "move it away, or choose another directory with output=."
        )
    _try_to_write(nearest, asked.output)
    if asked.storage:
        require_usable(asked.storage)


def refuse_to_replace_several(asked: Asked) -> None:
    """Make sure that the advice of several hosts is not replaced by that of one.

    Raises:
        StorageError: There is such a file, and no study of one search beside it.
    """
    if asked.study.exists() or not asked.config.is_file():
        return
    with suppress(AdviceError):
        if len(read(asked.config)) > 1:
            raise StorageError(
                f"'{asked.config}' holds the advice of several hosts, which that of one would replace; "
                "choose another directory with output=."
            )


def open_study(asked: Asked, setting: Setting, tell: Observer) -> Study:
    """Open the study, after making sure that files can be written beside it.

    Raises:
        StorageError: They cannot, or the study belongs to another search, or the server cannot be used.
    """
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
        remove_dead_files(asked.output)
    except OSError as error:
        raise _unwritable(asked.output, error) from error
    _try_to_write(asked.output, asked.output)
    inputs = " ".join(f"{name}={path}" for name, path in sorted(asked.inputs.items()))
    if asked.plugins:
        inputs = f"{inputs} plugins {digest(asked.plugins)[:16]}".strip()
    targets = " + ".join(setting.targets)
    what = (asked.study, setting.model, setting.host, targets, inputs, asked.question)
    if asked.storage:
        return MirroredStudy(asked.storage, lambda notice: tell(Warned(notice)), *what)
    return Study(*what)


def save_answer(study: Study, result: Result, asked: Asked) -> Result:
    """Keep the answer in the study, and write the advice and the report: each of them, if another fails.

    Returns:
        The result with the answer that stands: that of an earlier run, if it is better supported.

    Raises:
        UnsavedError: A file cannot be written; it carries the result.
    """
    standing = study.standing(result)
    steps: Mapping[Path, Callable[[], object]] = {
        asked.study: lambda: study.finish(standing),
        asked.config: lambda: write_advice(make_advice(standing), asked.config),
        asked.report: lambda: write_report(standing, asked.config, asked.study),
    }
    failed: dict[Path, str] = {}
    for path, write in steps.items():
        try:
            write()
        except WRITE_FAILURES as error:
            failed[path] = first_cause(error)
        except KeyboardInterrupt:  # the answer is there, and printed at once
            failed |= dict.fromkeys(list(steps)[list(steps).index(path) :], "stopped by the user")
            break
    if failed:
        raise UnsavedError(_what_failed(asked, failed), standing, failed)
    return standing


def _what_failed(asked: Asked, failed: Mapping[Path, str]) -> str:
    """Return which files were not written and why, which were, and what to do."""
    missing = ", ".join(f"'{path}' ({why})" for path, why in failed.items())
    written = ", ".join(f"'{path}'" for path in (asked.config, asked.study) if path not in failed)
    those = f"; written: {written}" if written else ""
    only_the_report = list(failed) == [asked.report]
    again = f"run 'tuner report {asked.output}'" if only_the_report else "run the same command again"
    return (
        f"The answer is there, but not everything could be written: {missing}{those}; mend that and {again}."
    )


def _try_to_write(folder: Path, output: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(output, error) from error


def _unwritable(output: Path, error: OSError) -> StorageError:
    return StorageError(
        f"'{output}' cannot be written ({error.strerror or error}); choose another directory with output=."
    )
