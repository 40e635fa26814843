"""The tables of what intervals over sittings are worth, by themselves and in searches."""

from collections.abc import Iterator
from math import exp, log
from statistics import fmean

from tests.benchmarks.intervals import CONFIDENCES
from tests.publishing.layout import Data, head, table

BEFORE = "before: "


def intervals(data: Data) -> Iterator[str]:
    yield from head("Which interval over sittings is narrow, and holds?", data)
    yield "Rounds whose true ratio is 1, in 5 to 40 sittings of 1 to 4 rounds: simulated ones with processes that are alike or differ"
    yield "by 1 or 3 %, and recorded ones of ten models with their sides swapped at random. In each cell: the mean coverage, the"
    yield "least and the greatest of a condition, and the median half-width as a share of what the tuner had before (geometric"
    yield "mean of the conditions; *none* where one has no finite interval). A simulated condition is drawn 2,000 times, a recorded one"
    yield "1,000 times, signed ranks 500 times: the least of many is low by chance, too."
    yield from by_luck(data)
    groups = sorted({item.split(":")[0] for item in data["items"]}, reverse=True)
    kinds = [group for group in groups if group != "simulated"]
    steady = {item.split(",")[0] for item in data["items"] if item.startswith("simulated")}
    columns = [*sorted(steady), *kinds]
    for place, confidence in enumerate(CONFIDENCES):
        yield f"\nIntervals of {100 * confidence:.0f} %:\n"
        yield from table("interval", *columns)
        for name in estimators(data):
            cells = [cell(data, column, name, place) for column in columns]
            yield f"| {name} | {' | '.join(cells)} |"


def by_luck(data: Data) -> Iterator[str]:
    """Return what the interval of now learns of the difference of processes."""
    yield "\nThe interval of now, at 95 %, by how far processes differ; widths are of 12 sittings of 4 rounds:\n"
    yield from table("condition", "coverage", "half-width", "before")
    place = CONFIDENCES.index(0.95)
    for item, found in data["items"].items():
        if item.startswith("simulated") and "12 x 4" in found:
            now, before = (
                next(each for each in found["12 x 4"] if each.startswith(way)) for way in ("now: ", BEFORE)
            )
            coverage = [each[now]["coverage"][place] for each in found.values() if isinstance(each, dict)]
            widths = (found["12 x 4"][each]["half_width"][place] for each in (now, before))
            cells = (f"{100 * width:.2f} %" for width in widths)
            held = f"{100 * min(coverage):.1f}-{100 * max(coverage):.1f} %"
            yield f"| {item.removeprefix('simulated: ')} | {held} | {' | '.join(cells)} |"


def estimators(data: Data) -> list[str]:
    first = next(iter(next(found for found in data["items"].values()).values()))
    return list(first)


def cell(data: Data, column: str, name: str, place: int) -> str:
    """Return coverage and width of an estimator over the conditions of a column."""
    layouts = [
        found
        for item, conditions in data["items"].items()
        if item.startswith(column)
        for found in conditions.values()
        if isinstance(found, dict)
    ]
    coverage = [found[name]["coverage"][place] for found in layouts]
    before = next(each for each in layouts[0] if each.startswith(BEFORE))
    widths = [(found[name]["half_width"][place], found[before]["half_width"][place]) for found in layouts]
    shares = [log(width / old) for width, old in widths if width and old]
    share = f"{exp(fmean(shares)):.2f}" if len(shares) == len(widths) else "none"
    return f"{100 * fmean(coverage):.1f} ({100 * min(coverage):.1f}-{100 * max(coverage):.1f}) %; {share}"


def intervals_in_searches(data: Data) -> Iterator[str]:
    yield from head("And what becomes of searches with it?", data)
    yield "Searches of 60 s in virtual time with the same seeds, with the interval that the tuner had before and with that of now, on"
    yield "simulated hosts and on the recorded landscapes. *Busy*: bursts and a slow drift. *Two speeds*: a third slower in turns of two"
    yield "seconds in the mean. *Short bursts*: 40 % of the time much slower. Where everything is the hint, `faster` is a false win."
    yield "*Half-width* and *sittings* are medians of the finals, for all models the means of these. *Holds*: intervals with the truth,"
    yield "that of the fastest of several finalists, which is picked for its luck, too.\n"
    yield from table(
        "host or model: landscape", "interval", "faster", "keep_hint", "inconclusive", "half-width", "sittings", "holds",
        "mean speed of the pick",
    )  # fmt: skip
    simulated = {item: found for item, found in data["items"].items() if item.startswith("simulated")}
    for item, found in simulated.items():
        yield from rows(item, [found])
    for kind in ("the hint itself", "as recorded"):
        replayed = {
            item: found
            for item, found in data["items"].items()
            if item.endswith(kind) and item not in simulated
        }
        yield from rows(f"**all: {kind}**", list(replayed.values()))
        for item, found in replayed.items():
            yield from rows(item, [found])


def rows(item: str, found: list[Data]) -> Iterator[str]:
    for way in ("before", "now"):
        yield row(item, way, [each[way] for each in found])


def row(item: str, way: str, found: list[Data]) -> str:
    counts = (
        str(sum(each["verdicts"].get(kind, 0) for each in found))
        for kind in ("faster", "keep_hint", "inconclusive")
    )
    width = f"{100 * fmean(each['half_width'] for each in found if each['half_width']):.2f} %"
    sittings = f"{fmean(each['sittings'] for each in found if each['sittings']):.0f}"
    picked = f"{exp(fmean(log(each['picked']) for each in found)):.3f}"
    holds = f"{sum(each['holds'] for each in found)} of {sum(each['intervals'] for each in found)}"
    return f"| {' | '.join([item, way, *counts, width, sittings, holds, picked])} |"
