"""Draws `reports/evidence/scale.md`: how a search scales with hosts, and what a thousand of them would want."""

from collections.abc import Iterator
from statistics import median

from tests.benchmarks.evidence import FOLDER
from tests.publishing.layout import Data, head, load, table

INTRO = """# Scale

How far a search goes beyond one machine. The table is made from `scale.json` beside it by `make bench-page`;
`python -m tests.benchmarks.scale` measures again. Two cores cannot measure on many hosts at once: lanes wait instead of computing, or
time is virtual.
"""

HOSTS_WANTED, MODELS_WANTED, TRIALS_EACH = 1000, 10_000, 60


def page() -> str:
    return "\n".join([INTRO.rstrip(), *lines()]) + "\n"


def lines() -> Iterator[str]:
    data = load("scale")
    if data is None:
        return
    found: Data = data["items"]
    yield from head("A search on 1 to 16 hosts", data)
    yield "*Pace*: trials a minute on a real Ray cluster of so many nodes, each of which waits as a modelled server of 2 x 32 cores would"
    yield "compute; the median of two turns. All nodes, Ray and the driver share two cores. *Busy*: the share of the nodes' time in which they ran"
    yield "trials. *Of linear*: that share over that of one node; trials get shorter the more of them there are, so trials a minute do not tell it. *Share of the"
    yield "optimum*: of the best of 32 trials in all, 100 replayed searches of five recorded landscapes; the median, and the tenth part that did"
    yield "worst. *Time to 0.98*: until a trial first measured 0.98 of the optimum of a tiny model on the modelled server, in virtual time, the median"
    yield "of 60 searches; in how many of them that came within 120 s.\n"
    yield from table("hosts", "trials a minute", "busy", "of linear", "share of the optimum", "time to 0.98")
    alone = _pace(found, 1, "busy")
    for hosts in sorted({int(name.split()[1]) for name in found if name.startswith("regret")}):
        regret, time = found[f"regret: {hosts} hosts"], found.get(f"time: {hosts} hosts")
        pace, busy = (_pace(found, hosts, figure) for figure in ("trials_a_minute", "busy"))
        cells = (
            hosts,
            f"{pace:.0f}" if pace else "not run",
            f"{busy:.2f}" if busy else "",
            f"{busy / alone:.2f}" if busy and alone else "",
            f"{regret['median']:.3f}, {regret['worst_tenth']:.3f}",
            f"{time['median_s']:.0f} s ({time['reached']} of {time['searches']})" if time else "not run",
        )
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield "The time does not fall as the hosts grow in number: the batch that gains most is found by doublings, each of which wants the answer of the"
    yield "last one; what other hosts try meanwhile helps where the optimum lies elsewhere."
    if saturation := found.get("saturation: 4 hosts"):
        yield from _estimate(saturation)


def _estimate(found: Data) -> Iterator[str]:
    """Yield what a thousand hosts and ten thousand models would want, from what was measured."""
    seconds = {int(trials): each for trials, each in found["seconds_a_trial"].items()}
    first, last = min(seconds), max(seconds)
    fast, slow = 1 / seconds[first], 1 / seconds[last]
    yield "\n## A thousand hosts and ten thousand models, on paper\n"
    yield "Measured: a driver with four nodes whose lanes take no time gives and takes a trial in"
    yield f"{1e3 * seconds[first]:.0f} ms until {first} trials are known, and in {1e3 * seconds[last]:.0f} ms from {last - first} to {last}, on two"
    yield f"cores that the nodes share. A trial is {found['bytes']:,} bytes on its way.\n"
    yield "- **One study on a thousand hosts does not work.** A trial takes a host about a second, so a driver saturates at"
    yield f"  {slow:.0f} to {fast:.0f} hosts; what saturates is one core of the driver, not Ray and not the network ({found['bytes'] * fast / 1e6:.1f} MB/s)."
    yield "  There is no use for it either: spaces have tens to thousands of points, and the table above shows how little more hosts gain"
    yield "  from some on. Change: none; `--hosts` keeps a study to a few."
    days = MODELS_WANTED * TRIALS_EACH / HOSTS_WANTED / 86400 * 1.0
    yield f"- **{MODELS_WANTED:,} models on {HOSTS_WANTED:,} hosts**, each model a search of its own on one host: {MODELS_WANTED * 60 / HOSTS_WANTED / 60:.0f} minutes of"
    yield f"  measuring at 60 s each ({days * 24:.1f} hours of trials in all, a host). A driver for each search is a process of about 200 MB that waits nearly"
    yield "  all of the time; a thousand of them at once want 200 GB on the machine that drives, or to be driven on the hosts themselves, as the"
    yield "  Kubernetes jobs do. Change: drive on the hosts."
    yield f"- **The storage**: {MODELS_WANTED * TRIALS_EACH:,} trials of about {found['bytes'] / 1e3:.0f} kB are {MODELS_WANTED * TRIALS_EACH * found['bytes'] / 1e9:.1f} GB, written at"
    yield f"  {HOSTS_WANTED:,} trials a second at most. That many transactions a second saturate a single PostgreSQL server first (not measured here). Change:"
    yield "  write a study when it has ended, which is what pushing local studies does."


def _pace(found: Data, hosts: int, figure: str) -> float | None:
    """Return a figure of the pace in the median of all turns, or None."""
    turns = [each[figure] for name, each in found.items() if name.startswith(f"pace: {hosts} hosts,")]
    return median(turns) if turns else None


if __name__ == "__main__":
    (FOLDER / "scale.md").write_text(page())
