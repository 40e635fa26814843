"""Every fault, many times: `python -m tests.faults.soak`, under two hours on two cores.

Each try adds a line to `reports/evidence/faults.jsonl`; begun again, it goes on with what is not in there. The page
`faults.md` beside it is drawn after each round.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from tests.benchmarks.evidence import FOLDER, _commit
from tests.faults.cases import BY_NAME, CASES, Case
from tests.faults.inject import build, missing
from tests.faults.page import draw
from tests.faults.world import World

RESULTS = FOLDER / "faults.jsonl"
PAGE = FOLDER / "faults.md"


def tried(path: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the results so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def to_do(cases: Sequence[Case], results: Sequence[dict[str, Any]]) -> Iterator[tuple[Case, int]]:
    """Yield the tries that are missing: the first of every case, then the second of every case, and so on."""
    done = {(result["case"], result["try"]) for result in results}
    for number in range(max(case.tries for case in cases)):
        for case in cases:
            if number < case.tries and (case.name, number) not in done:
                yield case, number


def attempt(case: Case, number: int, library: Path, truth: float | None, budget_s: int) -> dict[str, Any]:
    """Try a case once, with random numbers of its own, and return what it showed."""
    began_s = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        World(Path(folder), library, case.simulated, budget_s, truth) as world,
    ):
        try:
            case.act(world, Random(f"{case.name} {number}"))
        except Exception as error:  # a fault that the harness does not get over is a finding, too
            world.seen.other.append(f"the harness: {type(error).__name__}: {error}")
        seen = world.seen
    return {
        "case": case.name,
        "try": number,
        "survived": seen.survived,
        "lost": seen.lost,
        "left": seen.left,
        "wrong": seen.wrong,
        "other": seen.other,
        "recover_s": seen.recover_s,
        "seconds": round(time.monotonic() - began_s, 1),
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def undisturbed(library: Path, budget_s: int) -> float | None:
    """Return the gain that a search finds without any fault, with which claims are compared."""
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        World(Path(folder), library, budget_s=budget_s) as world,
    ):
        world.end(world.start(), {0})
        advice = world.advice() or {}
    return advice["speedup"]["ratio"] if advice.get("verdict") == "faster" else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", metavar="NAME", choices=[*BY_NAME], default=[*BY_NAME])
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin nothing after so many minutes"
    )
    parser.add_argument(
        "--budget", type=int, default=12, help="seconds of a search; more on a machine that is busy"
    )
    parser.add_argument("--again", action="store_true", help="forget the results of these cases first")
    asked = parser.parse_args()
    if why := missing():
        raise SystemExit(f"tests.faults.soak: {why}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # a world ends its processes on the way out
    until_s = time.monotonic() + 60 * asked.minutes
    commit = _commit()  # before the results change: they are files of the project themselves
    cases, results = [BY_NAME[name] for name in asked.cases], tried()
    if asked.again:
        results = [result for result in results if result["case"] not in asked.cases]
    RESULTS.write_text("".join(f"{json.dumps(result)}\n" for result in results))
    with tempfile.TemporaryDirectory(prefix="faults-library-") as folder:
        library = build(Path(folder))
        truth = undisturbed(library, asked.budget)
        print(f"undisturbed: {truth and round(truth, 2)} times as fast as the hint", flush=True)
        for case, number in to_do(cases, results):
            if time.monotonic() > until_s:
                break
            result = {**attempt(case, number, library, truth, asked.budget), "commit": commit}
            results.append(result)
            with RESULTS.open("a") as file:
                file.write(f"{json.dumps(result)}\n")
            said = "survived" if result["survived"] else json.dumps(result)
            print(f"{case.name} {number + 1}/{case.tries}: {said} ({result['seconds']} s)", flush=True)
            PAGE.write_text(draw(CASES, results))


if __name__ == "__main__":
    main()
