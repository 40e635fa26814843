"""Draws `reports/evidence/README.md` from the files that the pieces wrote."""

import json
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.evidence import FOLDER

INTRO = """# Evidence

What the tuner's own measurements are worth, measured. Each table is made from the JSON file beside it by
`python -m tests.benchmarks.page`; the command above a table makes the file again on any machine, one item at a time, and
goes on where it stopped. Nothing else may run meanwhile.
"""


def load(piece: str) -> dict[str, Any] | None:
    path = FOLDER / f"{piece}.json"
    return json.loads(path.read_text()) if path.exists() else None


def ratio(told: dict[str, Any]) -> str:
    high = "?" if told["high"] is None else f"{told['high']:.3f}"
    return f"{told['ratio']:.3f} ({told['low']:.3f} to {high})"


def head(title: str, told: dict[str, Any]) -> Iterator[str]:
    host = told["host"]
    yield f"\n## {title}\n"
    yield f"`{told['command']}` on {host['cpu']}, {host['cores']} cores, OpenVINO {host['openvino']}.\n"


def bias(told: dict[str, Any]) -> Iterator[str]:
    yield from head("Do short windows tell the ratio of long ones?", told)
    yield "Ratio to the hint in default windows of 0.1 s and in windows of 3 s, taken in turns on the same processes.\n"
    yield "| model: configuration | hint, ms | default windows | 3 s windows | default over 3 s, 95 % interval |"
    yield "| --- | --- | --- | --- | --- |"
    for item, one in told["items"].items():
        cells = (ratio(one[key]) for key in ("short", "long", "bias"))
        yield f"| {item} | {one['hint_ms']:.3g} | {' | '.join(cells)} |"


def false_wins(told: dict[str, Any]) -> Iterator[str]:
    items = told["items"]
    wrong = sum(one["verdict"] == "faster" for one in items.values())
    yield from head("How often is a gain found where there is none?", told)
    yield f"Searches in which every configuration secretly runs the hint: {wrong} of {len(items)} said `faster`.\n"
    yield "| model: seed | trials | the search said |"
    yield "| --- | --- | --- |"
    for item, one in items.items():
        yield f"| {item} | {one['trials']} | {one['sentence']} |"


def instrument(told: dict[str, Any]) -> Iterator[str]:
    yield from head("Does a lane reach the rate of `benchmark_app`?", told)
    yield "Items per second of a 3 s window over those of a 3 s run, 2 streams and 2 requests, in turns.\n"
    yield "| model | ratio, 95 % interval | pairs |"
    yield "| --- | --- | --- |"
    for item, one in told["items"].items():
        found = one["ours_over_benchmark_app"]
        yield f"| {item} | {ratio(found)} | {found['rounds']} |"


def page() -> str:
    lines = [INTRO.rstrip()]
    for piece, draw in (("bias", bias), ("false_wins", false_wins), ("instrument", instrument)):
        told = load(piece)
        lines += draw(told) if told else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(page())
