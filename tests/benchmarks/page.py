"""Draws `reports/evidence/README.md` from the files that the pieces wrote."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from math import exp, log
from statistics import median
from typing import Any

import scipy.stats

from tests import recordings
from tests.benchmarks.evidence import FOLDER, configuration_of
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read, true_log_ratio

INTRO = """# Evidence

What the tuner's picks and claims are worth, measured. Every table and plot is made from the JSON file beside it by
`make bench-page`; the command with a table measures again on any machine, one item at a time, and goes on where it stopped
(remove the file to begin anew). Nothing else may run meanwhile.
"""

Told = dict[str, Any]


def load(piece: str) -> Told | None:
    path = FOLDER / f"{piece}.json"
    return json.loads(path.read_text()) if path.exists() else None


def items(piece: str) -> Told:
    told = load(piece)
    return told["items"] if told else {}


def ratio(told: Told, digits: int = 3) -> str:
    high = "?" if told["high"] is None else f"{told['high']:.{digits}f}"
    return f"{told['ratio']:.{digits}f} ({told['low']:.{digits}f} to {high})"


def head(title: str, told: Told) -> Iterator[str]:
    host = told["host"]
    yield f"\n## {title}\n"
    yield f"`{told['command']}` on {host['cpu']}, {host['cores']} cores, OpenVINO {host['openvino']}.\n"


def table(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"


def searches(budget_s: int = 60) -> Told:
    """Return the real searches of one budget."""
    return {item: one for item, one in items("regret").items() if one.get("budget_s", 60) == budget_s}


def rows_of(told: Told, name: str) -> list[Told]:
    return [one for item, one in told.items() if item.split(":")[0] == name]


def overview() -> Iterator[str]:
    """The table that a reader understands in a minute."""
    regret, sweep, claims = searches(), items("sweep"), items("claims")
    wins = items("false_wins_replayed")
    yield "\n## In a minute\n"
    yield "*Optimum*: the fastest configuration of the recorded space, and how many times as fast as the hint. The picks of the *tuner*"
    yield "(real searches of 60 s, one a seed) and of a *sweep* (`benchmark_app`, 10 s on each configuration, the highest number taken) then met the"
    yield "optimum in a direct duel, in fresh processes: their share of its speed with a 95 % interval. *Claim*: the gain that"
    yield "`benchmark_app` saw over the gain that the search told. *False wins*: replayed searches in which all is the hint.\n"
    yield from table(
        "model", "hint, fps", "optimum", "times the hint", "tuner at 60 s", "sweep", "time, tuner / sweep", "claim", "false wins",
        "again by",
    )  # fmt: skip
    for name in MODELS:
        if not recordings.path_of(name).exists():
            continue
        landscape = Landscape(read(recordings.path_of(name)))
        best, hint = landscape.best(), landscape.entry(landscape.recording.baseline)
        runs, swept, repeated = rows_of(regret, name), sweep.get(name), rows_of(claims, name)
        wall_s = median(run["wall_s"] for run in runs) if runs else None
        cells = [
            name,
            f"{hint.measured.throughput_fps:,.0f}" if hint.measured else "",
            str(best.configuration),
            f"{exp(true_log_ratio(best)):.2f}",
            "; ".join(told_share(run["of_optimum"]) for run in runs) or "not run",
            ratio(swept["of_optimum"], 2) if swept else "not run",
            f"{wall_s:.0f} s / {swept['wall_s']:.0f} s"
            if swept and wall_s
            else f"{wall_s:.0f} s"
            if wall_s
            else "",
            "; ".join(f"{one['repeated_over_claimed']:.3f}" for one in repeated) or "no claim",
            share_of(wins.get(name, {}).get("verdicts", {}), "faster"),
            f"`make bench-{name}`",
        ]
        yield f"| {' | '.join(cells)} |"


def goals() -> Iterator[str]:
    """What was aimed at, and what came of it."""
    regret, claims, sweep = searches(), items("claims"), items("sweep")
    replayed = [one["verdicts"] for one in items("false_wins_replayed").values()]
    shares = [one["of_optimum"]["ratio"] for one in regret.values()]
    off = [abs(one["repeated_over_claimed"] - 1) for one in claims.values()]
    swept = {name: one for name, one in sweep.items() if ":" not in name}
    over = {name: one["over"] for name, one in items("instrument").items()}
    slow = {name: one for name, one in over.items() if name != "tiny"}
    duels = [duel for one in items("bias").values() for duel in one["duels"].values()]
    yield "\n## Goals, and what came of them\n"
    yield from table("goal", "measured")
    yield f"| a search of 60 s: median at least 0.99 of the optimum, worst model at least 0.97 | {median(shares):.3f}, {min(shares):.3f} |"
    wins, count = sum(one.get("faster", 0) for one in replayed), sum(sum(one.values()) for one in replayed)
    yield f"| `faster` where nothing is: at most 1 % of replayed searches | {wins} of {count}, {100 * wins / count:.1f} % |"
    real = [one["verdict"] == "faster" for one in items("false_wins").values()]
    at_most = scipy.stats.beta.ppf(0.95, sum(real) + 1, len(real) - sum(real))  # Clopper and Pearson's bound
    yield f"| ... and of real ones | {sum(real)} of {len(real)}: at most {100 * at_most:.0f} %, with 95 % confidence |"
    times = ", ".join(f"{one['wall_s'] / 60:.1f} times ({name})" for name, one in swept.items())
    picks = ", ".join(f"{one['of_optimum']['ratio']:.2f}" for one in swept.values())
    yield f"| ten times less time than a sweep, a better pick | {times}; the sweep picked {picks} of the optimum. Not reached in time: the swept grid leaves out what is the same program |"
    yield f"| claims repeat within 3 % each, 2 % in the median | {sum(one <= 0.03 for one in off)} of {len(off)}, {100 * median(off):.1f} %. Not reached; the repetitions' own intervals are wider than that |"
    if duels:
        off, first = ([one[way] for one in duels] for way in ("counting", "start"))
        furthest = max(off, key=lambda one: abs(log(one["ratio"])))
        wide = median(log(one["high"] / one["low"]) / 2 for one in first)
        yield (
            f"| short windows tell the ratio of long ones within 1 % | counting is off by at most {100 * abs(log(furthest['ratio'])):.1f} %; "
            f"a first window of 0.1 s: {sum(one['low'] <= 1.01 and one['high'] >= 0.99 for one in first)} of {len(first)} "
            f"agree with 1 %, where half an interval is {100 * wide:.0f} % in the median: this host cannot tell |"
        )
    yield f"| a lane is at least as fast as `benchmark_app` | {_least(over, 'benchmark_app')} |"
    yield f"| from 0.1 ms an inference up, at least 0.95 of C++ | {_least(slow, 'C++')} |"


def _least(over: Told, other: str) -> str:
    name = min(over, key=lambda one: over[one][other]["ratio"])
    return f"the least: {ratio(over[name][other])} ({name})"


def share_of(verdicts: dict[str, int], kind: str) -> str:
    return f"{verdicts.get(kind, 0)} of {sum(verdicts.values())}" if verdicts else ""


def told_share(found: Told) -> str:
    return ratio(found, 2) if found["rounds"] else "1, the same program"


def strategies(told: Told) -> Iterator[str]:
    yield from head("Which way of searching is best?", told)
    yield "Replayed searches of every recorded landscape, several seeds each; the share of the optimum that the pick reaches: the"
    yield "mean, and the tenth part of searches that did worst. *By hand* are the guesses that the tuner had before they were chosen by"
    yield "data; *guesses that helped the other models* are chosen for each model without looking at it, the tuner's own in the same"
    yield "way from nine of the models. The rest change one thing about the tuner; differences below 0.002 are noise.\n"
    budgets = next(iter(told["items"].values()))["budgets"]
    yield from table("strategy", *(f"{budget} s" for budget in budgets), "trials at 60 s")
    for name, one in sorted(told["items"].items(), key=lambda item: -item[1]["budgets"]["30"]["mean"]):
        cells = [f"{at['mean']:.3f}, {at['worst_tenth']:.3f}" for at in one["budgets"].values()]
        yield f"| {name} | {' | '.join(cells)} | {one['budgets']['60']['trials']:.0f} |"
    yield "\n![Speed of the pick against the budget, by strategy](regret_by_strategy.svg)\n"
    yield "![Speed of the tuner's pick against the budget, by model](regret_by_model.svg)"


def landscapes() -> Iterator[str]:
    yield "\n## The landscapes\n"
    yield "`python -m tests.benchmarks.landscape`; the recordings are in `tests/recordings` and ship with the tests.\n"
    yield from table(
        "model",
        "configurations",
        "rounds",
        "noise of a round",
        "pairs of the hint apart",
        "minutes",
        "best",
        "next best",
    )
    for name in MODELS:
        if not recordings.path_of(name).exists():
            continue
        landscape = Landscape(read(recordings.path_of(name)))
        entries = [one for one in landscape.recording.entries if one.sittings]
        ranked = sorted(entries, key=true_log_ratio, reverse=True)
        rounds = sum(len(sitting.rate_fps) for one in entries for sitting in one.sittings)
        best = (f"{one.configuration}: {exp(true_log_ratio(one)):.3f}" for one in ranked[:2])
        yield (
            f"| {name} | {len(entries)} | {rounds} | {100 * landscape.noise_deviation():.1f} % | "
            f"{100 * landscape.luck_deviation():.1f} % | {landscape.recording.seconds / 60:.0f} | {' | '.join(best)} |"
        )


def regret(told: Told) -> Iterator[str]:
    yield from head("How far from the optimum is a real search?", told)
    others = [(budget_s, found) for budget_s in (15, 30, 120) if (found := searches(budget_s))]
    for budget_s, found in others:
        shares = [one["of_optimum"]["ratio"] for one in found.values()]
        kinds = Counter(one["verdict"] for one in found.values())
        yield (
            f"{budget_s} s, {len(shares)} searches: {median(shares):.3f} of the optimum in the median, {min(shares):.3f} the worst; "
            + ", ".join(f"{count} `{kind}`" for kind, count in kinds.most_common())
            + "."
        )
    yield "60 s:\n"
    yield from table("model: seed", "trials", "the search said", "pick", "of the optimum")
    for item, one in searches().items():
        pick = configuration_of(one["pick"])
        yield f"| {item} | {one['trials']} | {one['sentence']} | {pick} | {told_share(one['of_optimum'])} |"


def claims(told: Told) -> Iterator[str]:
    yield from head("Do the claims repeat?", told)
    found = told["items"].values()
    off = [abs(one["repeated_over_claimed"] - 1) for one in found]
    apart = sum(
        one["repeated"]["low"] > one["claimed"]["high"] or one["repeated"]["high"] < one["claimed"]["low"]
        for one in found
    )
    wide = (100 * log(one["repeated"]["high"] / one["repeated"]["low"]) / 2 for one in found)
    yield f"Within 3 %: {sum(one <= 0.03 for one in off)} of {len(off)}; median difference {100 * median(off):.1f} %. Of half a"
    yield f"repetition's own interval the median is {median(wide):.1f} %; {apart} of the pairs of intervals do not meet.\n"
    yield from table("model: seed", "claimed", "repeated by `benchmark_app`", "repeated over claimed")
    for item, one in told["items"].items():
        cells = (ratio(one["claimed"]), ratio(one["repeated"]), f"{one['repeated_over_claimed']:.3f}")
        yield f"| {item} | {' | '.join(cells)} |"


def sweep(told: Told) -> Iterator[str]:
    yield from head("What does a sweep with `benchmark_app` pick?", told)
    yield from table("model", "runs", "minutes", "pick", "it printed, fps", "of the optimum")
    for name, one in told["items"].items():
        if ":" not in name:
            runs = sum(item.startswith(f"{name}: ") for item in told["items"])
            pick = configuration_of(one["pick"])
            yield f"| {name} | {runs} | {one['wall_s'] / 60:.1f} | {pick} | {one['fps']:.4g} | {ratio(one['of_optimum'])} |"


def bias(told: Told) -> Iterator[str]:
    yield from head("Do short windows tell the ratio of long ones?", told)
    yield "The starts of requests in windows of 3 s, cut into default windows of 0.1 s and counted as if each had been one, over all of them:"
    yield "*counting*, free of the host's drift. *First*: the first of those windows alone, which adds a lane's cold start and the"
    yield "noise of one short window. Lanes take turns, as in rounds; *duel* is what a duel with the hint (the first row) would be off by.\n"
    yield from table("model", "configuration", "counting", "counting, duel", "first", "first, duel", "turns")
    for name, one in told["items"].items():
        for words, lane in one["lanes"].items():
            duel = one["duels"].get(words)
            cells = [
                text
                for way in ("counting", "start")
                for text in (ratio(lane[way]), ratio(duel[way]) if duel else "")
            ]
            yield f"| {name} | {words} | {' | '.join(cells)} | {lane['start']['rounds']} |"


def false_wins(told: Told) -> Iterator[str]:
    verdicts = Counter(one["verdict"] for one in told["items"].values())
    yield from head("How often is a gain found where there is none?", told)
    yield "Searches of 30 s in which every configuration secretly runs the hint:"
    yield (
        ", ".join(f"{count} said `{kind}`" for kind, count in verdicts.items())
        + f"; `faster`: {verdicts['faster']}.\n"
    )
    yield from table("model: seed", "trials", "the search said", "closest", "rounds", "sittings")
    for item, one in told["items"].items():
        gain = one["speedup"]
        cells = (one["trials"], one["verdict"], ratio(gain), gain["rounds"], gain["sittings"])
        yield f"| {item} | {' | '.join(map(str, cells))} |"


def false_wins_replayed(told: Told) -> Iterator[str]:
    yield from head("And in thousands of replayed searches?", told)
    everything = [one["verdicts"] for one in told["items"].values()]
    wrong, total = (
        sum(one.get("faster", 0) for one in everything),
        sum(sum(one.values()) for one in everything),
    )
    yield f"Every configuration plays the hint's duels with itself: {wrong} of {total} said `faster`.\n"
    yield from table("model", "faster", "keep_hint", "inconclusive")
    for name, one in told["items"].items():
        yield f"| {name} | {' | '.join(str(one['verdicts'].get(kind, 0)) for kind in ('faster', 'keep_hint', 'inconclusive'))} |"


def luck(told: Told) -> Iterator[str]:
    yield from head("How far are two processes of one configuration apart?", told)
    yield "Six lanes of the hint, all of them in every round: what stays between them beyond the rounds' noise, as a deviation, and"
    yield "whether the first and the second half of the rounds put them in the same order (correlation).\n"
    yield from table(
        "model: sitting", "between processes", "noise of a round", "halves agree", "each process"
    )
    for item, one in told["items"].items():
        lanes = ", ".join(f"{100 * lane:+.1f}" for lane in one["lanes"])
        yield f"| {item} | {100 * one['luck']:.1f} % | {100 * one['noise']:.1f} % | {one['halves_agree']:.2f} | {lanes} % |"


def instrument(told: Told) -> Iterator[str]:
    yield from head("Does a lane reach the rate of `benchmark_app`, and of C++?", told)
    yield "Inferences per second of a lane's window over those of the others, 2 streams and 2 requests, in turns.\n"
    yield from table("model", "over `benchmark_app`", "over a loop in C++", "turns")
    for item, one in told["items"].items():
        over = one["over"]
        cells = (ratio(over[other]) if other in over else "not run" for other in ("benchmark_app", "C++"))
        yield f"| {item} | {' | '.join(cells)} | {over['benchmark_app']['rounds']} |"


def application(told: Told) -> Iterator[str]:
    yield from head("Does an application reach the promised speed?", told)
    yield "The pick of a search, run by an application that has single samples: items per second over those of a lane's window, which is what"
    yield "the YAML tells. Fresh processes in turns. *By hand*: `AsyncInferQueue` with batches stacked by NumPy and a callback, as the"
    yield "documentation shows; *synchronous*: one sample after the other with the hint. *Sharing inputs*: `infer_many(..., share_inputs=True)`,"
    yield "which spares batches of one the copy. ResNet-50 was measured twice: a burst in one of eight turns made the first run useless (0.94,"
    yield "0.83 to 1.06).\n"
    ways = ("infer_many", "sharing inputs", "runner", "by hand", "synchronous")
    yield from table("model", "configuration", "fps", *ways, "turns")
    for name, one in told["items"].items():
        cells = (ratio(one["over"][way]) if way in one["over"] else "" for way in ways)
        rounds = one["over"]["infer_many"]["rounds"]
        yield f"| {name} | {configuration_of(one['pick'])} | {one['fps']:,.0f} | {' | '.join(cells)} | {rounds} |"


def cost(told: Told) -> Iterator[str]:
    yield from head("What does the tuner itself cost?", told)
    start = told["items"]["start-up"]
    yield (
        "Start-up, median of "
        + f"{start['times']}: "
        + ", ".join(f"`{name}` {ms:.0f} ms" for name, ms in start["ms"].items())
        + ".\n"
    )
    yield from table(
        "model, 30 s", "to the first trial, s", "trials", "lost a trial, s", "of it compiling, s", "in counted windows", "memory, MiB"
    )  # fmt: skip
    for name, one in told["items"].items():
        if "to_first_trial_s" in one:
            yield (
                f"| {name} | {one['to_first_trial_s']} | {one['trials']} | {one['lost_a_trial_s']} | "
                f"{one['of_it_compiling_s']} | {100 * one['in_counted_windows']:.0f} % | {one['memory_mb']} |"
            )
    if many := told["items"].get("report"):
        yield (
            f"\n`tuner report` of a study of {many['trials']:,} trials: {many['report_s']} s in the median of {many['times']}, "
            f"{many['slowest_s']} s at most, {many['over_reading']} times what Optuna alone takes to start and read it; "
            f"the page has {many['html_mb']} MB."
        )
    yield "\nOpening three lanes, and what a cache of compiled blobs would save of reading and compiling the hint's model:\n"
    yield from table("model", "in turn, s", "at once, s", "compiled, s", "from a cache, s")
    for item, one in told["items"].items():
        if item.endswith(": lanes"):
            cells = (one[key] for key in ("in_turn_s", "at_once_s", "compile_s", "from_cache_s"))
            yield f"| {item.split(':')[0]} | {' | '.join(f'{cell:.2f}' for cell in cells)} |"


PIECES: dict[str, Callable[[Told], Iterator[str]]] = {
    "regret": regret,
    "sweep": sweep,
    "strategies": strategies,
    "claims": claims,
    "false_wins": false_wins,
    "false_wins_replayed": false_wins_replayed,
    "luck": luck,
    "bias": bias,
    "instrument": instrument,
    "application": application,
    "cost": cost,
}


def page() -> str:
    drawn = [
        overview,
        goals,
        *(partial(draw, told) for piece, draw in PIECES.items() if (told := load(piece))),
        landscapes,
    ]
    return "\n".join([INTRO.rstrip(), *(line for draw in drawn for line in draw())]) + "\n"


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(page())
