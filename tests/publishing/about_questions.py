"""The tables of other questions than throughput, and of searches where little gains."""

from collections import Counter
from collections.abc import Iterator
from statistics import median

from tests.benchmarks.evidence import configuration_of
from tests.publishing.layout import Data, head, ratio, table
from tuner.domain.figures import gain


def limits(data: Data) -> Iterator[str]:
    yield from head("Does a limit hold, and how much is found within it?", data)
    yield "Replayed searches of every recorded landscape for throughput, within a p99 latency of so many times the hint's. The truth is"
    yield "the recorded latency at the host's median speed. *Advised*: searches that name a configuration, the hint where it keeps the"
    yield "limit included. *Broken*: its true latency is more than 2 % above the limit; the furthest in times the limit. *Share*: its speed,"
    yield "of the fastest that keeps the limit by the truth; the median, and the tenth part that did worst.\n"
    yield from table("limit: budget", "searches", "verdicts", "advised", "broken", "furthest", "share")
    for name, found in data["items"].items():
        verdicts = ", ".join(f"{kind} {count}" for kind, count in found["verdicts"].items())
        share = f"{found['share']:.3f}, {found['worst_tenth']:.3f}" if found["share"] else "none"
        cells = (found["searches"], verdicts, found["advised"], found["broken"], found["furthest"], share)
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def questions(data: Data) -> Iterator[str]:
    yield from head("Is the advice true of other questions?", data)
    yield "Real searches of 30 s: for the p99 latency of one caller, for CPU time, and for throughput within 1.5 times and within 0.75 times the"
    yield "hint's p99 latency, as a short search had measured it. What was advised was then measured again in fresh processes for 10 s, as"
    yield "`tuner verify` does. *Gain*: of what was asked for, as the search claimed it and as it was measured again.\n"
    asked = {item: found for item, found in data["items"].items() if "verdict" in found}
    limited = [found for found in asked.values() if found["again_limits"]]
    advised = [found for found in limited if not found["unmet"]]
    broken = sum(found["broken"] for found in advised)
    yield f"Of {len(advised)} searches with a limit whose advice keeps it by the search's figures, {broken} broke it when measured again.\n"
    yield from table("model: question", "verdict", "advice", "gain", "again", "limit again")
    for item, found in asked.items():
        again = found["again"]
        cells = (
            found["verdict"] + " (nothing keeps the limit)" * found["unmet"],
            configuration_of(found["pick"]),
            found["sentence"].split(",")[0] if found["verdict"] == "faster" else "",
            ratio(again) if again and again["low"] > 0 else "",
            "; ".join(found["again_limits"]),
        )
        yield f"| {item} | {' | '.join(map(str, cells))} |"


def small_gains(data: Data) -> Iterator[str]:
    yield from head("Is the answer right where little gains?", data)
    yield "Real searches of 60 s with the model's own batch. All configurations of that space then met in fresh processes. A *wrong keep* keeps"
    yield "the hint although one of them is surely 3 % faster; a *wrong win* names one that is not faster.\n"
    counts = Counter(found["judged"] for found in data["items"].values())
    yield f"In all: {', '.join(f'{count} {kind}' for kind, count in counts.most_common())}.\n"
    yield from table("model: seed", "judged", "the search said", "the best over the hint")
    for item, found in data["items"].items():
        best = gain(1 / found["hint_of_optimum"]["ratio"])
        yield f"| {item} | {found['judged']} | {found['sentence']} | {best} |"


def pareto(data: Data) -> Iterator[str]:
    yield from head("How much of the front does `--objective pareto` find?", data)
    yield "Replayed searches of every recorded landscape. What a search names are the trials that no other of its trials beats in both throughput"
    yield "and p99 latency, as it measured them; what counts is how good they are in truth. *Hypervolume*: the area that they dominate, as a share"
    yield "of what the front of all recorded configurations dominates, on logarithmic scales. *TPE of both figures* is what the tuner does.\n"
    yield from table("sampler: budget", "searches", "mean", "median", "worst tenth", "worst", "trials")
    for name, found in data["items"].items():
        shares = (f"{found[key]:.3f}" for key in ("mean", "median", "worst_tenth", "worst"))
        yield f"| {name} | {found['searches']} | {' | '.join(shares)} | {found['trials']:.0f} |"


def false_wins_questions(data: Data) -> Iterator[str]:
    yield from head("Are there wins by chance where something else is asked for?", data)
    yield "Simulated searches of 60 s on a noisy host in which every lane secretly runs the hint.\n"
    yield from table("question", "searches", "said to be faster", "verdicts")
    for name, found in data["items"].items():
        verdicts = found["verdicts"]
        wins, count = verdicts.get("faster", 0), sum(verdicts.values())
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(verdicts.items()))
        yield f"| {name} | {count} | {wins} ({100 * wins / count:.1f} %) | {kinds} |"


def loadgen(data: Data) -> Iterator[str]:
    yield from head("Does MLPerf's load generator agree?", data)
    yield "*Server*: a search of 90 s with `--objective rate` found the highest rate of arrivals within a p99 latency of 5 times that of the hint"
    yield "`LATENCY` with one request. LoadGen then sent Poisson arrivals at 0.9 to 1.1 times that rate, at least 1,500 items each, and the rate"
    yield "at which its own p99 crosses the limit is read off an isotonic fit. *Offline*: a search of 30 s for throughput; LoadGen hands over all"
    yield "samples at once, the median of 3 runs of 6 s.\n"
    yield from table(
        "model: scenario",
        "limit, ms",
        "advice",
        "tuner, items/s",
        "LoadGen, items/s",
        "LoadGen over tuner",
        "hint, items/s",
    )
    for name, found in data["items"].items():
        reported = found["reported"]
        tuner = ratio(reported, 1) if isinstance(reported, dict) else f"{reported:.1f}"
        seen = found["loadgen"] if "loadgen" in found else median(found["turns"])
        cells = (
            f"{found['limit_ms']:g}" if "limit_ms" in found else "",
            configuration_of(found["pick"]),
            tuner,
            f"{seen:.1f}" if seen else "none",
            f"{found['over_reported']:.3f}" if found["over_reported"] else "none",
            f"{found['hint']:.1f}" if found.get("hint") else "",
        )
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def lateness(data: Data) -> Iterator[str]:
    yield from head("How late does a lane start what arrives?", data)
    yield "The same random arrivals in turns for a lane and for a plain loop in C++ (`tests/benchmarks/arrivals.cpp`), 10 windows of 2 s each, on a"
    yield "model of 20 microseconds. In ms: the median of the windows' mean lateness, and the greatest.\n"
    yield from table("rate", "lane", "lane, most", "C++", "C++, most")
    for name, found in data["items"].items():
        late = found["late"]
        cells = (late[side][key] for side in ("lane", "C++") for key in ("median_ms", "most_ms"))
        yield f"| {name} | {' | '.join(f'{cell:.4f}' for cell in cells)} |"
