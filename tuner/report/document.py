"""`report.json`, schema 1: everything that the page shows, and all raw rounds, as plain data.

Its keys are written out here, so that a rename in the program breaks no script that reads the file. Gains
are ratios in full: 1.057 is the +5.7 % of the page. With the metric `latency_p99` or `cpu`, they are the
hint's figure over the configuration's: 1.37 is the -27.0 %. `excess` is by how much a trial breaks the limit
that it breaks most, as a natural logarithm: 0.1 is 10.5 % beyond it, 0 or less is kept, null is no limit.
docs/architecture.md has the history of the format.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from tuner.domain.result import Result
from tuner.report.text import differences
from tuner.report.view import View

SCHEMA = 1


def as_data(views: Sequence[View], recorded: Callable[[Result], Any]) -> dict[str, Any]:
    """Return every study as plain data; open ends of intervals are null.

    Args:
        views: What the page shows of each study.
        recorded: Returns a whole result as plain data, raw rounds and all.
    """
    studies = [_plain({**_study(view), "result": recorded(view.result)}) for view in views]
    return {"schema": SCHEMA, "studies": studies, "differences": differences(views)}


def _study(view: View) -> dict[str, Any]:
    return {
        "title": view.title,
        "question": view.question,
        "metric": view.metric,
        "limits": view.limits,
        "boundaries": view.boundaries,
        "probes": view.probes,
        "unmet": view.unmet,
        "verdict": view.verdict,
        "answer": view.answer,
        "advice": view.advice,
        "hint": view.hint,
        "drop_in": view.drop_in,
        "precision": view.precision,
        "usage": view.usage,
        "rows": view.rows,
        "contenders": view.finalists,
        "no_claim": view.no_claim,
        "confidence": view.confidence,
        "final_rounds": view.final_rounds,
        "curves": view.curves,
        "importance": view.importance,
        "targets": view.targets,
        "plain_sum": view.plain_sum,
        "drift": view.drift,
        "disturbed": view.disturbed,
        "final_at_s": view.final_at_s,
        "noise": view.noise,
        "played_again": view.played_again,
        "time": view.time,
        "warnings": view.warnings,
        "reproduce": view.reproduce,
        "known": view.known,
        "switches": view.switches,
        "edges": view.edges,
        "front": view.front,
        "tried": view.tried,
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
