"""Draws `reports/evidence/scale.md`: how a search scales with hosts, and what a thousand of them would want."""

from collections.abc import Iterator
from statistics import median

from tests.benchmarks.evidence import FOLDER
from tests.publishing.layout import Data, head, load, table

INTRO = """# Scale

How far a search goes beyond one machine. The tables are made from `scale.json` and `storage.json` beside it by `make bench-page`. Two cores cannot measure on many hosts at once: lanes wait instead of computing, or
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
    turns = sum(name.startswith("pace: 1 hosts") for name in found)
    yield from head("A search on 1 to 16 hosts", data)
    yield "*Pace*: trials a minute on a real Ray cluster of so many nodes, each of which waits as a modelled server of 2 x 32 cores would"
    yield f"compute; the median of {turns} turns. All nodes, Ray and the driver share two cores. *Busy*: the share of the nodes' time in which they ran"
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
    first, last = found.get("time: 1 hosts"), found.get("time: 16 hosts")
    if first and last:
        yield ""
        yield f"Sixteen hosts find it {first['median_s'] / last['median_s']:.1f} times as soon, not sixteen times: the batch that gains most is found by doublings, each of"
        yield "which wants the answer of the last one."
    storage = load("storage")
    if storage:
        yield from _storage(storage)
    if saturation := found.get("saturation: 4 hosts"):
        yield from _estimate(saturation, storage["items"] if storage else {})


def _storage(data: Data) -> Iterator[str]:
    """Yield what a study on a database server costs."""
    found = data["items"]
    yield from head("A study of 10,000 trials on a database server", data)
    yield "PostgreSQL on the same host, on a socket, with `--storage`; nothing else ran.\n"
    yield from table("what", "measured")
    written, searched, report, away = (
        found.get(name, {}) for name in ("written", "searched", "report", "away")
    )
    if written:
        yield f"| a trial on the server | {written['last_statements']:.0f} SQL statements, {written['bytes_a_trial']:,} bytes |"
        yield f"| writing it: of the first 200, and of the last 200 of {written['trials']:,} | {written['first_ms']:.0f} ms, {written['last_ms']:.0f} ms |"
    if searched:
        yield f"| taking over the trials of a team mate ({written['trials']:,}) | {searched['taken_over_s']:.0f} s |"
        yield f"| `tuner push` where nothing is missing | {searched['push_again_s']:.1f} s |"
    if report:
        yield f"| `tuner report`, the median and the slowest of {report['times']}; the goal is 15 s | {report['report_s']:.1f} s, {report['slowest_s']:.1f} s |"
    if away:
        names = {
            "file_alone_ms": "the file alone",
            "with_a_server_ms": "with the server",
            "stopped_ms": "while it is stopped",
        }
        each = ", ".join(f"{away[key]['median']:.0f} ms {name}" for key, name in names.items())
        yield f"| saving a trial, the median | {each} |"
        yield f"| ... while the server hangs | {away['hung_ms']['median']:.0f} ms, the slowest {away['hung_ms']['slowest'] / 1e3:.1f} s |"


def _estimate(found: Data, storage: Data) -> Iterator[str]:
    """Yield what a thousand hosts and ten thousand models would want, from what was measured."""
    seconds = {int(trials): each for trials, each in found["seconds_a_trial"].items()}
    first, last = min(seconds), max(seconds)
    fast, slow = 1 / seconds[first], 1 / seconds[last]
    trials = MODELS_WANTED * TRIALS_EACH
    yield "\n## A thousand hosts and ten thousand models, on paper\n"
    yield "Measured: a driver with four nodes whose lanes take no time gives and takes a trial in"
    yield f"{1e3 * seconds[first]:.0f} ms until {first} trials are known, and in {1e3 * seconds[last]:.0f} ms when there are {last}, on two cores that the nodes share. A"
    yield f"trial is {found['bytes']:,} bytes on its way. Assumed: a trial takes a host a second, and a model {TRIALS_EACH} of them in a minute.\n"
    yield f"- **One study on {HOSTS_WANTED:,} hosts** would end {HOSTS_WANTED:,} trials a second. The driver manages {fast:.0f} of them at first and {slow:.0f} later: one core of"
    yield f"  it saturates first, at {slow:.0f} to {fast:.0f} hosts, and neither Ray nor the network does ({found['bytes'] * fast / 1e6:.2f} MB/s). A space has tens to thousands of points, and the"
    yield "  table above shows how little more hosts gain. To change: nothing; `--hosts` keeps a study to a few of them."
    yield f"- **{MODELS_WANTED:,} models on {HOSTS_WANTED:,} hosts**, each searched on one host: {MODELS_WANTED // HOSTS_WANTED} minutes of measuring. One machine that drives all of them ends"
    yield f"  {HOSTS_WANTED:,} trials a second, too, of short studies: {HOSTS_WANTED * seconds[first]:.0f} of its cores. To change: drive on the hosts, as a Kubernetes job for each does."
    if written := storage.get("written"):
        yield f"- **The storage**: {trials:,} trials are {trials * written['bytes_a_trial'] / 1e9:.1f} GB, and {HOSTS_WANTED:,} trials a second are {HOSTS_WANTED * written['first_statements']:,.0f} statements a second. One connection"
        yield f"  manages {1e3 / written['first_ms']:.0f} trials a second here; a server of {HOSTS_WANTED * written['first_ms'] / 1e3:.0f} busy cores would be wanted (many connections at once were not measured). It"
        yield "  saturates first of all. To change: write a study once, when its search has ended (`tuner push`), in fewer statements."


def _pace(found: Data, hosts: int, figure: str) -> float | None:
    """Return a figure of the pace in the median of all turns, or None."""
    turns = [each[figure] for name, each in found.items() if name.startswith(f"pace: {hosts} hosts,")]
    return median(turns) if turns else None


if __name__ == "__main__":
    (FOLDER / "scale.md").write_text(page())
