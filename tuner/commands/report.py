"""`tuner report`: studies become files that people read."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tuner.advice.export import with_use_named
from tuner.advice.export.benchmark_app import benchmark_app
from tuner.advice.loader import read
from tuner.advice.parsing import CONFIG_NAME
from tuner.advice.writer import make_advice, write_whole
from tuner.domain.result import Result
from tuner.errors import AdviceError, StorageError
from tuner.report.compute import view
from tuner.report.document import as_data
from tuner.report.page import page
from tuner.report.text import as_csv, as_markdown
from tuner.report.view import Usage, View
from tuner.study.opening import shown, study_file
from tuner.study.reading import read_results
from tuner.study.records import recorded_result
from tuner.study.server import FROM_ENVIRONMENT

REPORT_NAME = "report.html"


def as_json(views: Sequence[View]) -> str:
    """Return everything that the page shows and all raw rounds as one JSON document."""
    return json.dumps(as_data(views, recorded_result), indent=2, allow_nan=False) + "\n"


FORMATS: Mapping[str, tuple[str, Callable[[Sequence[View]], str]]] = {
    "html": (REPORT_NAME, page),
    "md": ("report.md", as_markdown),
    "csv": ("trials.csv", as_csv),
    "json": ("report.json", as_json),
}
"""File name and writer by format."""

PYTHON = """import tuner

advice = tuner.load({config!r})
compiled = advice.compile({model!r}{copy}){which}
for answer in advice.infer_many(compiled, samples):
    ..."""


def report(
    studies: Sequence[str], formats: Sequence[str] = ("html",), output: Path | None = None
) -> list[Path]:
    """Write the report of one search, or of several side by side.

    Args:
        studies: Folders that searches wrote to, their `study.db`, or URLs of Optuna storages, or `env:NAME`.
        formats: `html` and `md` for people, who read a gain as `+5.7 %`; `csv` and `json` for programs,
            which get the ratio in full, 1.0571.
        output: Folder to write to; the first study's own unless given.

    Returns:
        The files.

    Raises:
        StorageError: A study cannot be read, or the folder not be written.
    """
    found = [(where, result) for where in studies for result in read_results(where)]
    try:
        views = [_view(where, result) for where, result in found]
        return write(views, formats, output or _folder(studies[0]))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise StorageError(
            f"No report can be made of {' and '.join(map(shown, studies))} ({error}): "
            "a study is damaged, or was written by another program."
        ) from error


def write_report(result: Result, config: Path, study: Path) -> Path:
    """Write the page of a search that has just ended beside its advice."""
    (path,) = write([view(result, usage(result, config, str(study)))], ("html",), config.parent)
    return path


def write(views: Sequence[View], formats: Sequence[str], folder: Path) -> list[Path]:
    """Write views in some formats."""
    paths = []
    for name in formats:
        file, drawn = FORMATS[name]
        path = folder / file
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(drawn(views), path)
        except OSError as error:
            raise StorageError(
                f"'{path}' cannot be written ({error.strerror or error}); choose another folder with output=."
            ) from error
        paths.append(path)
    return paths


def usage(result: Result, config: Path | None, study: str) -> Usage:
    """Return how a result's advice is put to use; `config` is the YAML, where it is known."""
    advice = make_advice(result)
    exported = with_use_named(benchmark_app(advice), advice)
    text = json.dumps(json.loads(exported.text))
    best = result.verdict.best.configuration
    deployed = {
        "device": best.device,
        "properties": best.compile_properties,
        "batch": best.batch,
        "requests": best.requests,
        **({"max_wait_ms": best.max_wait_ms} if best.max_wait_ms else {}),
        **({"copies": best.copies} if best.copies > 1 else {}),
        **({"cores": best.slices} if best.slices else {}),
    }
    copy = ", copy=0" if best.copies > 1 else ""
    which = f"  # in each process its number, 0 to {best.copies - 1}" if copy else ""
    return Usage(
        config=str(config) if config else None,
        study=study,
        python=PYTHON.format(config=str(config), model=result.model.path, copy=copy, which=which)
        if config
        else None,
        benchmark_app=f"printf %s {shlex.quote(text)} > {exported.name}\n{exported.line(exported.name)}",
        benchmark_app_notes=exported.notes,
        dashboard=_dashboard(study),
        configuration=json.dumps(deployed),
    )


def _dashboard(study: str) -> str | None:
    """Return the command that opens a study; None where no URL can hold its path."""
    if found := FROM_ENVIRONMENT.fullmatch(study):
        return f'optuna-dashboard "${found[1]}"'
    if "://" not in study and set("?#%") & set(study):
        return None
    return shlex.join(["optuna-dashboard", study if "://" in study else f"sqlite:///{study}"])


def _view(where: str, result: Result) -> View:
    path = study_file(where)
    config = path.parent / CONFIG_NAME if path else None
    advised = config if config and is_advice_of(result, config) else None
    return view(result, usage(result, advised, shown(where) if path is None else str(path)))


def is_advice_of(result: Result, config: Path) -> bool:
    """Whether a YAML is what the result's run wrote: that of a run before, or of another search, is not."""
    try:
        profiles = read(config)
    except AdviceError:
        return False
    wrote = (result.model.sha256, result.run.date)
    return any((profile.model.sha256, profile.search.date) == wrote for profile in profiles)


def _folder(where: str) -> Path:
    """Return where a study's files lie: the working directory for one on a server."""
    path = study_file(where)
    return path.parent if path else Path()
