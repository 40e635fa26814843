"""What the user asks of a search."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tuner.advice.writer import CONFIG_NAME
from tuner.domain.space import Bounds
from tuner.probe.model_files import name_of
from tuner.study.storage import STUDY_NAME
from tuner.tuning.targets import Batching


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asks of a search.

    Attributes:
        model: Path of the model.
        output: Directory of the study and the advice.
        devices: Targets to search, as `compile_model` takes them; if empty, every device here and, of
            several devices, their combinations.
        plugins: OpenVINO's plugins XML with further devices, or None.
        batching: Who gathers items into a batch: the application (`explicit`), OpenVINO (`auto`), or both.
        budget_s: Seconds that the search may take, final included.
        trials: Greatest number of trials, or None.
        bounds: Bounds of the space.
        inputs: Files or directories with samples, by input name.
        shapes: Static shapes by input name.
        seed: Seed of everything that is random.
        command: How this search was called, for the record.
    """

    model: Path
    output: Path
    devices: tuple[str, ...] = ()
    plugins: Path | None = None
    batching: Batching = "explicit"
    budget_s: float = 60.0
    trials: int | None = None
    bounds: Bounds = field(default_factory=Bounds)
    inputs: Mapping[str, Path] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seed: int = 0
    command: str = ""

    @property
    def plugins_file(self) -> str | None:
        """The plugins XML as OpenVINO takes it."""
        return str(self.plugins) if self.plugins else None

    @property
    def config(self) -> Path:
        """Where the advice is written."""
        return self.output / CONFIG_NAME

    @property
    def study(self) -> Path:
        """Where the study is kept."""
        return self.output / STUDY_NAME


def output_of(model: Path, output: str | os.PathLike[str] | None) -> Path:
    """Return the directory that a search of `model` writes to."""
    return Path(output) if output else Path("reports") / name_of(model)
