"""Recorded landscapes: what `python -m tests.benchmarks.landscape` measured, one file a model."""

from pathlib import Path

FOLDER = Path(__file__).parent


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.json.gz"
