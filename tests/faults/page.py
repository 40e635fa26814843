"""Draws `reports/evidence/faults.md` from what the soak tried."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from tests.faults.cases import Case
from tests.publishing.layout import table

INTRO = """# Faults

What a search survives: each fault was brought into real searches, or into searches on simulated lanes where lanes are not
the subject, at random moments. *Survived*: no trial lost that was told as ended, no process, lock or file left, no claim that
is not true, a sentence for whatever went wrong, and a next run that finds everything and goes on. *Recovered*: median
and longest time from the fault until the search, or the run after it, searched on.

`make soak` tries again what is not in `faults.jsonl`. A fault is repeated by
`pytest "tests/faults/test_cases.py::test_a_search_survives[NAME]"`, with the name in the first column.
"""


def draw(cases: Sequence[Case], results: Sequence[dict[str, Any]]) -> str:
    """Return the page."""
    return "\n".join([INTRO, *_rows(cases, results), *_troubles(results)]) + "\n"


def _rows(cases: Sequence[Case], results: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from table(
        "test",
        "fault",
        "lanes",
        "tried",
        "survived",
        "trials lost",
        "left-overs",
        "wrong claims",
        "recovered, s",
    )
    for case in cases:
        found = [result for result in results if result["case"] == case.name]
        recover_s = [seconds for result in found for seconds in result["recover_s"]]
        cells = [
            case.name,
            case.what,
            "simulated" if case.simulated else "real",
            len(found),
            sum(result["survived"] for result in found),
            sum(result["lost"] for result in found),
            sum(len(result["left"]) for result in found),
            sum(len(result["wrong"]) for result in found),
            f"{median(recover_s):.1f}, {max(recover_s):.1f}" if recover_s else "",
        ]
        yield f"| {' | '.join(map(str, cells))} |"


def _troubles(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield what did not go well, word for word."""
    troubled = [result for result in results if not result["survived"]]
    if troubled:
        yield "\n## What did not hold\n"
    for result in troubled:
        lost = [f"{result['lost']} trials lost"] if result["lost"] else []
        said = "; ".join([*lost, *result["left"], *result["wrong"], *result["other"]])
        yield f"- {result['case']}, try {result['try'] + 1}, at {result['commit']}: {said}"
