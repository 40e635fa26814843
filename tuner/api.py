"""`tuner.search`: the command as a function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tuner import __version__
from tuner.advice.writer import CONFIG_NAME, make_advice, write_advice
from tuner.domain.result import Result
from tuner.domain.space import Bounds, Choice
from tuner.domain.units import seconds_of
from tuner.domain.verdict import in_words
from tuner.errors import StorageError
from tuner.commands.report import REPORT_NAME, write_report
from tuner.tuning.progress import Observer
from tuner.commands.search import STUDY_NAME, Wanted, run_search
from tuner.tuning.targets import Batching


def search(
    model: str | os.PathLike[str],
    *,
    device: str | Sequence[str] = (),
    plugins: str | os.PathLike[str] | None = None,
    batching: Batching = "explicit",
    budget: str | float = "60s",
    trials: int | None = None,
    streams: Sequence[Choice] | None = None,
    batch: Sequence[int] | None = None,
    requests: Sequence[int] | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    output: str | os.PathLike[str] | None = None,
    seed: int = 0,
    observer: Observer = lambda _: None,
    command: str | None = None,
) -> Result:
    """Search a model's best configuration and write `config.yaml`, `report.html` and `study.db`.

    In a script, call it under `if __name__ == "__main__":`: lanes are processes of their own.

    Args:
        model: Path of whatever `ov.Core().read_model` reads.
        device: Target or targets to search, as `compile_model` takes them; with none, every device
            that is there and, of several, their combinations.
        plugins: OpenVINO's plugins XML with further devices.
        batching: Who gathers items into a batch: the application (`"explicit"`), OpenVINO (`"auto"`),
            or `"both"`.
        budget: Time for everything, e.g. `"90s"`, `"5m"`, or seconds.
        trials: Trials at most.
        streams: Stream counts to search, `"hint"` among them if wanted.
        batch: Batches to search.
        requests: Numbers of infer requests to search.
        inputs: A `.npy` file, an image, or a directory of them, by input name.
        shapes: Static shapes by input name, for models with dynamic dimensions.
        output: Directory to write to; `reports/<model>` unless given.
        seed: Seed of proposals, orders and random inputs.
        observer: Hears what happens, see `tuner.tuning.progress`.
        command: How to describe the call in the advice.

    Returns:
        Everything the search knows; an interruption (Ctrl-C) returns the best so far with
        `interrupted` set.

    Raises:
        TunerError: With one sentence for the user.
    """
    path = Path(model)
    wanted = Wanted(
        model=path,
        output=output_of(path, output),
        devices=(device,) if isinstance(device, str) else tuple(device),
        plugins=Path(plugins) if plugins else None,
        batching=batching,
        budget_s=seconds_of(budget),
        trials=trials,
        bounds=Bounds(
            tuple(streams) if streams else None,
            tuple(batch) if batch else None,
            tuple(requests) if requests else None,
        ),
        inputs={name: Path(file) for name, file in (inputs or {}).items()},
        shapes={name: tuple(shape) for name, shape in (shapes or {}).items()},
        seed=seed,
        command=command or f"tuner.search({str(path)!r})",
    )
    result = run_search(wanted, __version__, observer)
    config = wanted.output / CONFIG_NAME
    try:
        write_advice(make_advice(result), config)
    except OSError as error:
        raise StorageError(
            f"'{config}' cannot be written ({error.strerror or error}); the study is saved: "
            "make room there and run the same command again."
        ) from error
    write_report(result, config, wanted.output / STUDY_NAME)
    return result


def output_of(model: Path, output: str | os.PathLike[str] | None) -> Path:
    """Return the directory that a search of `model` writes to."""
    return Path(output) if output else Path("reports") / (model.stem or model.name)


def files(model: Path, output: Path | None) -> tuple[Path, Path]:
    """Return where a search of `model` leaves its advice and its study."""
    folder = output_of(model, output)
    return folder / CONFIG_NAME, folder / STUDY_NAME


def document(result: Result, config: Path, study: Path) -> dict[str, Any]:
    """Return a result as plain data: the advice, the sentence, warnings, trials, files."""
    return {
        **msgspec.to_builtins(make_advice(result)),
        "sentence": in_words(result.verdict),
        "interrupted": result.interrupted,
        "warnings": [{"code": one.code, "text": one.text} for one in result.warnings],
        "tried": [
            {"configuration": str(one.configuration), "state": one.state, "reason": one.reason}
            for one in result.trials
        ],
        "files": {"config": str(config), "report": str(config.with_name(REPORT_NAME)), "study": str(study)},
    }
