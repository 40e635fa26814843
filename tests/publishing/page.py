"""Draws `reports/evidence/README.md` from the files that the pieces wrote."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log
from statistics import median

import scipy.stats

from tests import recordings
from tests.benchmarks.evidence import FOLDER, configuration_of
from tests.benchmarks.models import MODELS
from tests.publishing import (
    about_intervals,
    about_lanes,
    about_places,
    about_questions,
    about_searches,
    about_servers,
)
from tests.publishing.layout import (
    Data,
    items,
    load,
    ratio,
    rows_of,
    searches,
    share_of,
    share_or_same,
    table,
)

INTRO = """# Evidence

What the tuner's picks and claims are worth, measured. Every table and plot is made from the JSON file beside it by
`make bench-page`; the command with a table measures again on any machine, one item at a time, and goes on where it stopped
(remove the file to begin anew). Nothing else may run meanwhile.

[faults.md](faults.md) says what a search survives; `make soak` makes it. [scale.md](scale.md) says how far a search goes beyond one
machine.
"""


def overview() -> Iterator[str]:
    """The table that a reader understands in a minute."""
    regret, sweep, claims = searches(), items("sweep"), items("claims")
    wins = items("false_wins_replayed")
    yield "\n## In a minute\n"
    yield "*Optimum*: the fastest of all that the searches of a model found and of the recorded optimum, and how many times as fast as the hint. The"
    yield "picks of the *tuner* (real searches of 60 s, one a seed) met it in fresh processes: their share of its speed with a 95 % interval."
    yield "So did the pick of a *sweep* (`benchmark_app`, 10 s on each configuration, the highest number taken). *Claim*: the gain that"
    yield "`benchmark_app` saw over the gain that the search told. *False wins*: replayed searches in which all is the hint.\n"
    yield from table(
        "model", "hint, fps", "optimum", "times the hint", "tuner at 60 s", "sweep", "time, tuner / sweep", "claim", "false wins",
        "again by",
    )  # fmt: skip
    for name in MODELS:
        if not recordings.path_of(name).exists():
            continue
        runs, swept, repeated = rows_of(regret, name), sweep.get(name), rows_of(claims, name)
        wall_s = median(run["wall_s"] for run in runs) if runs else None
        first = runs[0] if runs else None
        cells = [
            name,
            f"{first['baseline_fps']:,.0f}" if first else "",
            str(configuration_of(first["optimum"])) if first else "",
            f"{1 / first['hint_of_optimum']['ratio']:.2f}" if first else "",
            "; ".join(share_or_same(run["of_optimum"]) for run in runs) or "not run",
            ratio(swept["of_optimum"], 2) if swept else "not run",
            f"{wall_s:.0f} s / {swept['wall_s']:.0f} s"
            if swept and wall_s
            else f"{wall_s:.0f} s"
            if wall_s
            else "",
            "; ".join(f"{claim['repeated_over_claimed']:.3f}" for claim in repeated) or "no claim",
            share_of(wins.get(name, {}).get("verdicts", {}), "faster"),
            f"`make bench-{name}`",
        ]
        yield f"| {' | '.join(cells)} |"


def goals() -> Iterator[str]:
    """What was aimed at, and what came of it."""
    regret, claims, sweep = searches(), items("claims"), items("sweep")
    replayed = [model["verdicts"] for model in items("false_wins_replayed").values()]
    off = [abs(claim["repeated_over_claimed"] - 1) for claim in claims.values()]
    swept = {name: found for name, found in sweep.items() if ":" not in name}
    over = {name: found["over"] for name, found in items("instrument").items()}
    slow = {name: ratios for name, ratios in over.items() if name != "tiny"}
    duels = [duel for found in items("bias").values() for duel in found["duels"].values()]
    yield "\n## Goals, and what came of them\n"
    yield from table("goal", "measured")
    for budget_s, least, worst in ((15, 0.985, 0.93), (30, 0.99, 0.96), (60, 0.995, 0.975)):
        if shares := [search["of_optimum"]["ratio"] for search in searches(budget_s).values()]:
            goal = f"a search of {budget_s} s: median at least {least} of the optimum, worst at least {worst}"
            yield f"| {goal} | {median(shares):.3f}, {min(shares):.3f} |"
    if regret:
        half = 100 * about_searches.half_width(list(regret.values()))
        yield f"| half of the interval of a claim of 60 s: at most 2 % in the median | {half:.1f} % |"
    wins, count = (
        sum(counts.get("faster", 0) for counts in replayed),
        sum(sum(counts.values()) for counts in replayed),
    )
    yield f"| `faster` where nothing is: at most 1 % of replayed searches | {wins} of {count}, {100 * wins / count:.1f} % |"
    real = [search["verdict"] == "faster" for search in items("false_wins").values()]
    at_most = scipy.stats.beta.ppf(0.95, sum(real) + 1, len(real) - sum(real))  # Clopper and Pearson's bound
    yield f"| ... and of real ones | {sum(real)} of {len(real)}: at most {100 * at_most:.0f} %, with 95 % confidence |"
    yield f"| ten times less time than a sweep, a better pick | {'; '.join(_beside_a_sweep(name, found) for name, found in swept.items())} |"
    yield f"| claims repeat within 3 % each, 2 % in the median | {sum(share <= 0.03 for share in off)} of {len(off)}, {100 * median(off):.1f} %. Not reached; the repetitions' own intervals are wider than that |"
    if duels:
        off, first = ([duel[way] for duel in duels] for way in ("counting", "start"))
        furthest = max(off, key=lambda duel: abs(log(duel["ratio"])))
        wide = median(log(duel["high"] / duel["low"]) / 2 for duel in first)
        yield (
            f"| short windows tell the ratio of long ones within 1 % | counting is off by at most {100 * abs(log(furthest['ratio'])):.1f} %; "
            f"a first window of 0.1 s: {sum(duel['low'] <= 1.01 and duel['high'] >= 0.99 for duel in first)} of {len(first)} "
            f"agree with 1 %, where half an interval is {100 * wide:.0f} % in the median: this host cannot tell |"
        )
    yield f"| a lane is at least as fast as `benchmark_app` | {_least(over, 'benchmark_app')} |"
    yield f"| from 0.1 ms an inference up, at least 0.95 of C++ | {_least(slow, 'C++')} |"
    yield from about_servers.goals(items("servers"))
    asked = ("limits", "questions", "pareto", "false_wins_questions", "loadgen")
    yield from about_questions.goals(*map(items, asked))
    yield from about_places.goals(*map(items, ("quota", "copies", "false_wins_in_places")))


def _beside_a_sweep(name: str, sweep: Data) -> str:
    """Return how long a sweep takes beside searches, and what each picked."""
    parts = []
    for budget_s in (30, 60):
        picks = " and ".join(
            f"{found['of_optimum']['ratio']:.2f}" for found in rows_of(searches(budget_s), name)
        )
        parts.append(
            f"{sweep['wall_s'] / budget_s:.1f} times the time of searches of {budget_s} s, which picked {picks}"
        )
    return f"{name}: {', '.join(parts)} of the optimum; the sweep {sweep['of_optimum']['ratio']:.2f}"


def _least(over: Data, other: str) -> str:
    name = min(over, key=lambda name: over[name][other]["ratio"])
    return f"the least: {ratio(over[name][other])} ({name})"


PIECES: dict[str, Callable[[Data], Iterator[str]]] = {
    "regret": about_searches.regret,
    "sweep": about_searches.sweep,
    "strategies": about_searches.strategies,
    "servers": about_servers.servers,
    "claims": about_searches.claims,
    "false_wins": about_searches.false_wins,
    "false_wins_replayed": about_searches.false_wins_replayed,
    "intervals": about_intervals.intervals,
    "intervals_in_searches": about_intervals.intervals_in_searches,
    "wrong_keeps": about_searches.wrong_keeps,
    "keep_rules": about_searches.keep_rules,
    "small_gains": about_questions.small_gains,
    "limits": about_questions.limits,
    "questions": about_questions.questions,
    "pareto": about_questions.pareto,
    "false_wins_questions": about_questions.false_wins_questions,
    "loadgen": about_questions.loadgen,
    "lateness": about_questions.lateness,
    "quota": about_places.quota,
    "copies": about_places.copies,
    "false_wins_in_places": about_places.false_wins,
    "trend": about_searches.trend,
    "settling_attempts": about_searches.settling,
    "noise": about_searches.noise,
    "luck": about_lanes.luck,
    "sentinel": about_lanes.sentinel,
    "bias": about_lanes.bias,
    "instrument": about_lanes.instrument,
    "application": about_lanes.application,
    "blobs": about_lanes.blobs,
    "cost": about_lanes.cost,
}


def page() -> str:
    drawn = [
        overview,
        goals,
        *(partial(draw, data) for piece, draw in PIECES.items() if (data := load(piece))),
        about_searches.landscapes,
    ]
    return "\n".join([INTRO.rstrip(), *(line for draw in drawn for line in draw())]) + "\n"


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(page())
