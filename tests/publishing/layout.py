"""What every table of the evidence is made with: the pieces' files, and Markdown."""

import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.evidence import FOLDER

Data = dict[str, Any]
"""What a piece wrote, or one part of it."""


def load(piece: str) -> Data | None:
    path = FOLDER / f"{piece}.json"
    return json.loads(path.read_text()) if path.exists() else None


def items(piece: str) -> Data:
    data = load(piece)
    return data["items"] if data else {}


def searches(budget_s: int = 60) -> Data:
    """Return the real searches of one budget whose picks have met."""
    return {
        item: search
        for item, search in items("regret").items()
        if search["budget_s"] == budget_s and "of_optimum" in search
    }


def rows_of(data: Data, name: str) -> list[Data]:
    return [found for item, found in data.items() if item.split(":")[0] == name]


def ratio(data: Data, digits: int = 3) -> str:
    high = "?" if data["high"] is None else f"{data['high']:.{digits}f}"
    return f"{data['ratio']:.{digits}f} ({data['low']:.{digits}f} to {high})"


def share_of(verdicts: dict[str, int], kind: str) -> str:
    return f"{verdicts.get(kind, 0)} of {sum(verdicts.values())}" if verdicts else ""


def share_or_same(found: Data) -> str:
    return ratio(found, 2) if found["rounds"] else "1, the same program"


def head(title: str, data: Data) -> Iterator[str]:
    host = data["host"]
    yield f"\n## {title}\n"
    yield f"`{data['command']}` on {host['cpu']}, {host['cores']} cores, OpenVINO {host['openvino']}.\n"


def table(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
