"""The tables of searches in a part of a host, and for several processes."""

from collections.abc import Iterator

from tests.benchmarks.evidence import configuration_of
from tests.publishing.layout import Data, head, ratio, table


def goals(quota: Data, copies: Data, wins: Data) -> Iterator[str]:
    """Yield the rows of the goals for parts of a host and for several processes."""
    if quota:
        yield f"| under a quota, `benchmark_app` sees the gain that the search told: its gain over the claimed | {_repeated(quota, 'benchmark_app')} |"
    if copies:
        yield f"| so does a program of several processes | {_repeated(copies, 'program')} |"
    if wins:
        found = sum(each["verdict"] == "faster" for each in wins.values())
        yield f"| `faster` where nothing is, for two processes and under a quota: 0 of 20 | {found} of {len(wins)} |"


def _repeated(found: Data, by: str) -> str:
    claims = {name: each for name, each in found.items() if each["verdict"] == "faster"}
    each = (
        f"{claim[by]['gain']['ratio'] / claim['speedup']['ratio']:.3f} ({name})"
        for name, claim in claims.items()
    )
    return ", ".join(each)


def quota(data: Data) -> Iterator[str]:
    yield from head("What is the advice worth under a quota?", data)
    yield "Searches of 60 s in a control group with one core's CPU time of two (`--cpus 1`). Then `benchmark_app` ran the hint and the advice in"
    yield "turns in such a group, 6 times 5 s each. *Gain*: in throughput, as the search claimed it and as `benchmark_app` saw it. *p99*: in"
    yield "`benchmark_app`, the medians of hint and advice, in ms. *Throttled*: share of the periods in which the CPU time was used up, of both.\n"
    yield from table(
        "model", "advice", "gain, claimed", "gain, benchmark_app", "p99, hint", "p99, advice", "throttled"
    )
    for name, found in data["items"].items():
        app, figures = found["benchmark_app"], found["figures"]
        throttled = " and ".join(_throttled(figures[side]["throttling"]) for side in ("hint", "advice"))
        cells = (
            configuration_of(found["pick"]),
            ratio(found["speedup"]) if found["verdict"] == "faster" else found["verdict"],
            ratio(app["gain"]),
            f"{app['hint']['p99_ms']:.1f}",
            f"{app['advice']['p99_ms']:.1f}",
            throttled,
        )
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def _throttled(found: Data | None) -> str:
    free = f", p99 without {found['free_p99_ms']:.1f} ms" if found and found["free_p99_ms"] else ""
    return f"{100 * found['periods']:.0f} %{free}" if found else "none"


def copies(data: Data) -> Iterator[str]:
    yield from head("What is the advice for several processes worth?", data)
    yield "Searches of 60 s with `--copies`: every configuration, and the hint, runs in so many processes at the same time. Then a program as a"
    yield "person writes it, as many processes with an `AsyncInferQueue` each (`tests/benchmarks/copies_app.py`), ran the hint and the advice in"
    yield "turns, 6 times 4 s each. *Slowest and fastest*: processes of the advice in the search, in items/s.\n"
    yield from table(
        "model", "advice", "hint, items/s", "advice, items/s", "slowest and fastest", "gain, claimed", "gain, the program",
    )  # fmt: skip
    for item, found in data["items"].items():
        figures, rates = found["figures"], found["figures"]["advice"]["copies_fps"]
        cells = (
            configuration_of(found["pick"]),
            f"{figures['hint']['fps']:,.0f}",
            f"{figures['advice']['fps']:,.0f}",
            f"{min(rates):,.0f}, {max(rates):,.0f}",
            ratio(found["speedup"]) if found["verdict"] == "faster" else found["verdict"],
            ratio(found["program"]["gain"]),
        )
        yield f"| {item.partition(':')[0]} | {' | '.join(map(str, cells))} |"


def false_wins(data: Data) -> Iterator[str]:
    yield from head("Is a gain found for two processes, or under a quota, where there is none?", data)
    yield "Real searches of 30 s in which every lane runs the hint, whatever was asked for: in two processes, and under a quota of one core's CPU"
    yield "time of two.\n"
    yield from table("where", "searches", "`faster`", "`keep_hint`", "`inconclusive`")
    kinds = ("faster", "keep_hint", "inconclusive")
    for place in dict.fromkeys(item.partition(": ")[2] for item in data["items"]):
        verdicts = [found["verdict"] for item, found in data["items"].items() if item.endswith(place)]
        yield f"| {place} | {len(verdicts)} | {' | '.join(str(verdicts.count(kind)) for kind in kinds)} |"
