"""The tables of searches in a part of a host."""

from collections.abc import Iterator

from tests.benchmarks.evidence import configuration_of
from tests.publishing.layout import Data, head, ratio, table


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
        throttled = " and ".join(
            f"{100 * (figures[side]['throttled'] or 0):.0f} %" for side in ("hint", "advice")
        )
        cells = (
            configuration_of(found["pick"]),
            ratio(found["speedup"]) if found["verdict"] == "faster" else found["verdict"],
            ratio(app["gain"]),
            f"{app['hint']['p99_ms']:.1f}",
            f"{app['advice']['p99_ms']:.1f}",
            throttled,
        )
        yield f"| {name} | {' | '.join(map(str, cells))} |"
