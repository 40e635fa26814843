"""`tuner export`: the advised configuration for another program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuner.advice.export import EXPORTS, Export, with_use_named
from tuner.advice.loader import nearest
from tuner.advice.parsing import advice_file
from tuner.advice.writer import write_whole
from tuner.errors import StorageError
from tuner.probe.model_files import require_usable_path


@dataclass(frozen=True, slots=True)
class Exported:
    """A configuration in the form of another program.

    Attributes:
        export: Its text, its command line, its notes.
        path: The file that was written; None if none was.
    """

    export: Export
    path: Path | None

    @property
    def command_line(self) -> str:
        """The command line that uses the file; empty if there is none."""
        return self.export.line(str(self.path))


def export(config: Path, program: str, model: Path | None = None, output: Path | None = None) -> Exported:
    """Write the configuration of an advice file for another program.

    Args:
        config: The advice, or its folder; in a merged file, the profile of the host most like this one.
        program: A key of `EXPORTS`.
        model: Path of the model; the path of the search unless given.
        output: File to write; if not given, only a file that the program needs is written, beside `config`.

    Raises:
        AdviceError: The file is not valid advice.
        ModelError: The model's path is empty or not Unicode.
        StorageError: The file cannot be written.
    """
    if model is not None:
        require_usable_path(model)
    advice = nearest(config, model)
    exported = EXPORTS[program](advice)
    if program != "json":  # which holds all of the advice
        exported = with_use_named(exported, advice)
    path = output or (advice_file(config).with_name(exported.name) if exported.command else None)
    if path:
        try:
            write_whole(exported.text, path)
        except OSError as error:
            raise unwritable(path, error) from error
    return Exported(exported, path)


def unwritable(path: Path, error: OSError) -> StorageError:
    """Return the sentence for a file that cannot be written."""
    return StorageError(
        f"'{path}' cannot be written ({error.strerror or error}); choose another file with output=."
    )
