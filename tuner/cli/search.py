"""`tuner search` on the command line: its progress while it runs, the answer at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tuner.cli.program import CHECK_FAILED, command_line, print_lines
from tuner.cli.terminal import narrator
from tuner.errors import Interrupted, StorageError, UnsavedError


def run(model: str | Path, quiet: bool, verbose: bool, as_json: bool, asked: dict[str, Any]) -> int:
    """Search a model, print the answer, and return the exit code."""
    with narrator(quiet, verbose) as observer:  # shows that these take a moment
        from tuner.advice.parsing import CONFIG_NAME
        from tuner.cli.answers import summary
        from tuner.commands.asked import output_of
        from tuner.commands.search import document, search
        from tuner.study.storage import STUDY_NAME

        unsaved: UnsavedError | None = None
        try:
            result = search(model, observer=observer, command=command_line(), **asked)
        except UnsavedError as error:
            result, unsaved = error.result, error
    folder = output_of(Path(model), asked["output"])
    config, study = folder / CONFIG_NAME, folder / STUDY_NAME
    missing = unsaved.unsaved if unsaved else ()
    try:
        if as_json:
            click.echo(json.dumps(document(result, config, study, missing), indent=2, allow_nan=False))
        else:
            print_lines(summary(result, config, study, missing))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise StorageError(
            f"The answer cannot be printed ({error.strerror or error}); what was saved is in '{folder}'."
        ) from error
    if unsaved:
        raise unsaved
    if result.outcome.interrupted:
        return Interrupted.exit_code
    return CHECK_FAILED if result.unmet else 0
