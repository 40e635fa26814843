"""The same configuration for other programs: a file, its command line, and notes on what it cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tuner.advice.advice import Advice
from tuner.advice.export.benchmark_app import benchmark_app
from tuner.advice.export.documents import Export, as_json, with_use_named
from tuner.advice.export.model_server import model_server
from tuner.advice.export.programs import cpp, python

EXPORTS: Mapping[str, Callable[[Advice], Export]] = {
    "benchmark_app": benchmark_app,
    "ovms": model_server,
    "python": python,
    "cpp": cpp,
    "json": as_json,
}
"""What `tuner export --to` offers, by its word."""

__all__ = ["EXPORTS", "Export", "with_use_named"]
