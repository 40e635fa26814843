"""The tables of other questions than throughput, and of searches where little gains."""

from collections import Counter
from collections.abc import Iterator

from tests.benchmarks.evidence import configuration_of
from tests.publishing.layout import Data, head, ratio, table
from tuner.domain.figures import gain


def goals(limits: Data, questions: Data, pareto: Data, wins: Data, loadgen: Data) -> Iterator[str]:
    """Yield the rows of the goals for other questions."""
    replayed = [found for found in limits.values() if found["advised"]]
    real = [found for found in questions.values() if found.get("again_limits") and not found["unmet"]]
    advised = sum(found["advised"] for found in replayed) + len(real)
    broken = sum(found["broken"] for found in replayed) + sum(found["broken"] for found in real)
    if advised:
        yield (
            f"| what is advised within a limit breaks it in at most 2 % of replayed and real searches | {broken} of {advised} "
            f"({sum(found['broken'] for found in real)} of the {len(real)} real ones) |"
        )
    if found := pareto.get("TPE of both figures: 60 s"):
        yield (
            f"| `--objective pareto` finds 0.98 of the front's hypervolume in 60 s, replayed | {found['median']:.3f} in the median, "
            f"{found['mean']:.3f} in the mean, a tenth of the searches below {found['worst_tenth']:.3f} |"
        )
    if wins:
        shares = (
            f"{100 * found['verdicts'].get('faster', 0) / sum(found['verdicts'].values()):.1f} % ({name})"
            for name, found in _without_controls(wins).items()
        )
        yield f"| `faster` where nothing is: at most 1 % for each question, simulated | {', '.join(shares)} |"
    for scenario in ("Server", "Server in C++", "Offline", "Offline in C++"):
        found_of = {
            name.split(":")[0]: found for name, found in loadgen.items() if name.endswith(f": {scenario}")
        }
        against = {"over_reported": "MLPerf's LoadGen, scenario {}, agrees within 5 % with what was reported"}
        against["over_lane"] = "... and with a lane at the same time"
        for key, goal in against.items() if found_of else ():
            off = {name: found[key] for name, found in found_of.items()}
            near = sum(value is not None and abs(value - 1) <= 0.05 for value in off.values())
            each = ", ".join(
                f"{value:.3f} ({name})" if value else f"none ({name})" for name, value in off.items()
            )
            yield f"| {goal.format(scenario)} | {near} of {len(off)}: {each} |"


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
    yield "Simulated searches of 60 s on a noisy host in which every lane secretly runs the hint. *Found*: how many of the same searches say"
    yield "`faster` where everything but the hints runs on a device that is 20 % faster.\n"
    yield from table("question", "searches", "said to be faster", "verdicts", "found")
    for name, found in _without_controls(data["items"]).items():
        verdicts = found["verdicts"]
        wins, count = verdicts.get("faster", 0), sum(verdicts.values())
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(verdicts.items()))
        control = data["items"].get(f"{name}: control", {}).get("verdicts", {})
        power = f"{control.get('faster', 0)} of {sum(control.values())}" if control else "not run"
        yield f"| {name} | {count} | {wins} ({100 * wins / count:.1f} %) | {kinds} | {power} |"


def _without_controls(found: Data) -> Data:
    return {name: item for name, item in found.items() if not name.endswith(": control")}


def loadgen(data: Data) -> Iterator[str]:
    yield from head("Does MLPerf's load generator agree?", data)
    yield "*Server*: a search of 60 s with `--objective rate` found the highest rate of arrivals within a p99 latency of 10 times that of the hint"
    yield "`LATENCY` with one request. LoadGen then sent Poisson arrivals at 0.6 to 1.1 times that rate, at least 1,500 items each, to a program in"
    yield "Python, and the rate at which its own p99 crosses the limit is read off an isotonic fit. *Offline*: a search of 30 s for throughput;"
    yield "LoadGen hands over all samples at once, 3 runs of 4 s. *Lane*: what a lane of the tuner saw between LoadGen's runs, at the same rates."
    yield "A program in Python takes time for each request that the two cores do not have beside the model, which a lane's loop does not. It is the"
    yield "third that was tried: with a thread that waits on a condition, and a limit of 5 times, squeezenet reached 0.88 Offline and its p99 was"
    yield "beyond the limit at all rates from 0.9 on; with a queue in C, and no callbacks Offline, 0.96 and again at all rates from 0.6 on."
    yield "*In C++*: the same, with new searches, and a program in C++ that is built with LoadGen's sources. Each rate is run once, minutes after the"
    yield "search, on a host whose speed drifts.\n"
    yield from table(
        "model: scenario",
        "limit, ms",
        "advice",
        "tuner, items/s",
        "LoadGen, items/s",
        "over the tuner's",
        "lane, items/s",
        "LoadGen over lane",
    )
    for name, found in data["items"].items():
        reported = found["reported"]
        numbers = (found["loadgen"], found["over_reported"], found["lane"], found["over_lane"])
        seen = [
            ("none" if value is None else f"{value:.3f}" if at % 2 else f"{value:.1f}")
            for at, value in enumerate(numbers)
        ]
        cells = (
            f"{found['limit_ms']:g}" if "limit_ms" in found else "",
            configuration_of(found["pick"]),
            ratio(reported, 1) if isinstance(reported, dict) else f"{reported:.1f}",
            *seen,
        )
        yield f"| {name} | {' | '.join(map(str, cells))} |"


def lateness(data: Data) -> Iterator[str]:
    yield from head("How late does a lane start what arrives?", data)
    yield "The same random arrivals in turns for a lane and for a plain loop in C++ that sleeps until each of them (`tests/benchmarks/arrivals.cpp`; a lane waits the last 0.1 ms out), 10 windows of 2 s each, on a"
    yield "model of 20 microseconds. In ms: the median of the windows' mean lateness, and the greatest.\n"
    yield from table("rate", "lane", "lane, most", "C++", "C++, most")
    for name, found in data["items"].items():
        late = found["late"]
        cells = (late[side][key] for side in ("lane", "C++") for key in ("median_ms", "most_ms"))
        yield f"| {name} | {' | '.join(f'{cell:.4f}' for cell in cells)} |"
