"""The tables of what searches find and claim, and of the landscapes that they search."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import exp, log
from statistics import median

from tests import recordings
from tests.benchmarks import settling_attempts
from tests.benchmarks.evidence import configuration_of
from tests.benchmarks.models import MODELS
from tests.lanes.replayed import Landscape, read, true_log_ratio
from tests.publishing.layout import Data, head, items, ratio, rows_of, searches, share_or_same, table


def strategies(data: Data) -> Iterator[str]:
    yield from head("Which way of searching is best?", data)
    yield "Replayed searches of every recorded landscape, several seeds each; the share of the optimum that the pick reaches: the"
    yield "mean, and the tenth part of searches that did worst. *By hand* are the guesses that the tuner had before they were chosen by"
    yield "data; *guesses that helped the other models* are chosen for each model without looking at it, the tuner's own in the same"
    yield "way from nine of the models. The rest change one thing about the tuner; differences below 0.002 are noise.\n"
    budgets = next(iter(data["items"].values()))["budgets"]
    yield from table("strategy", *(f"{budget} s" for budget in budgets), "trials at 60 s")
    for name, found in sorted(data["items"].items(), key=lambda item: -item[1]["budgets"]["30"]["mean"]):
        cells = [f"{at['mean']:.3f}, {at['worst_tenth']:.3f}" for at in found["budgets"].values()]
        yield f"| {name} | {' | '.join(cells)} | {found['budgets']['60']['trials']:.0f} |"
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
        entries = [entry for entry in landscape.recording.entries if entry.sittings]
        ranked = sorted(entries, key=true_log_ratio, reverse=True)
        rounds = sum(len(sitting.rate_fps) for entry in entries for sitting in entry.sittings)
        best = (f"{entry.configuration}: {exp(true_log_ratio(entry)):.3f}" for entry in ranked[:2])
        yield (
            f"| {name} | {len(entries)} | {rounds} | {100 * landscape.noise_deviation():.1f} % | "
            f"{100 * landscape.luck_deviation():.1f} % | {landscape.recording.seconds / 60:.0f} | {' | '.join(best)} |"
        )


WORTH_4_PERCENT = 1 / 1.04
"""The hint's share of the optimum at most, where 4 % are to be gained."""

VERDICTS = ("faster", "keep_hint", "inconclusive")


def regret(data: Data) -> Iterator[str]:
    yield from head("How far from the optimum is a real search?", data)
    yield "Searches of every model, of three budgets with two seeds each. Then all that they named, the hint and the recorded landscape's"
    yield "fastest met in one comparison, with fresh processes in each of its sittings: the fastest by half of the sittings is the *optimum*,"
    yield "and the shares of it are from the other half. What all searches of a model miss is missing there, too. *Half*: half of the interval"
    yield "of a verdict's speedup, in the median. *Open*: what ended `inconclusive` of the searches of models whose hint is 4 % or more behind"
    yield "the optimum. *Wrong*: `keep_hint` although the optimum is surely 3 % faster, or `faster` of what is surely slower than the hint.\n"
    yield from table("budget", "searches", "median", "worst", "half", *VERDICTS, "open", "wrong")
    for budget_s in (15, 30, 60):
        if found := searches(budget_s):
            yield f"| {budget_s} s | {' | '.join(map(str, _regret_of(list(found.values()))))} |"
    yield "\nBy model, a share for each seed:\n"
    yield from table("model", "the hint, of the optimum", "15 s", "30 s", "60 s", "optimum")
    for name in MODELS:
        if runs := rows_of(searches(), name):
            yield f"| {name} | {' | '.join(_regret_of_model(name, runs[0]))} |"
    yield "\nThe searches of 60 s:\n"
    yield from table(
        "model: seed", "trials", "the search said", "pick", "of the optimum", "the hint, of the optimum"
    )
    for item, search in searches().items():
        pick, shares = configuration_of(search["pick"]), (search["of_optimum"], search["hint_of_optimum"])
        cells = (search["trials"], search["sentence"], pick, *map(share_or_same, shares))
        yield f"| {item} | {' | '.join(map(str, cells))} |"


def _regret_of_model(name: str, run: Data) -> Iterator[str]:
    """Yield the shares of a model's searches, and of its hint."""
    yield f"{run['hint_of_optimum']['ratio']:.3g}"
    for budget_s in (15, 30, 60):
        found = rows_of(searches(budget_s), name)
        yield "; ".join(f"{each['of_optimum']['ratio']:.3f}" for each in found)
    yield str(configuration_of(run["optimum"]))


def _regret_of(runs: Sequence[Data]) -> Iterator[object]:
    """Yield the figures of the searches of one budget."""
    shares = [run["of_optimum"]["ratio"] for run in runs]
    kinds = Counter(run["verdict"] for run in runs)
    gaining = [run for run in runs if run["hint_of_optimum"]["ratio"] <= WORTH_4_PERCENT]
    yield len(runs)
    yield f"{median(shares):.3f}"
    yield f"{min(shares):.3f}"
    yield f"{100 * half_width(runs):.1f} %"
    yield from (kinds[kind] for kind in VERDICTS)
    yield f"{sum(run['verdict'] == 'inconclusive' for run in gaining)} of {len(gaining)}"
    yield sum(map(_is_wrong, runs))


def half_width(runs: Sequence[Data]) -> float:
    """Return the median of half of the intervals of the verdicts' speedups (log-ratios)."""
    known = (run["speedup"] for run in runs if run["speedup"])
    return median(
        log(speedup["high"] / speedup["low"]) / 2 for speedup in known if speedup["high"] and speedup["low"]
    )


def _is_wrong(run: Data) -> bool:
    """Whether the meeting refutes what a search said."""
    pick, hint = (
        {**run[side], "high": run[side]["high"] or 1.0} for side in ("of_optimum", "hint_of_optimum")
    )
    if run["verdict"] == "keep_hint":
        return hint["high"] < 1 / 1.03
    return run["verdict"] == "faster" and pick["high"] < hint["low"]


def claims(data: Data) -> Iterator[str]:
    yield from head("Do the claims repeat?", data)
    found = data["items"].values()
    off = [abs(claim["repeated_over_claimed"] - 1) for claim in found]
    apart = sum(
        claim["repeated"]["low"] > claim["claimed"]["high"]
        or claim["repeated"]["high"] < claim["claimed"]["low"]
        for claim in found
    )
    wide = (100 * log(claim["repeated"]["high"] / claim["repeated"]["low"]) / 2 for claim in found)
    yield f"Within 3 %: {sum(share <= 0.03 for share in off)} of {len(off)}; median difference {100 * median(off):.1f} %. Of half a"
    yield f"repetition's own interval the median is {median(wide):.1f} %; {apart} of the pairs of intervals do not meet.\n"
    yield from table("model: seed", "claimed", "repeated by `benchmark_app`", "repeated over claimed")
    for item, claim in data["items"].items():
        cells = (ratio(claim["claimed"]), ratio(claim["repeated"]), f"{claim['repeated_over_claimed']:.3f}")
        yield f"| {item} | {' | '.join(cells)} |"


def sweep(data: Data) -> Iterator[str]:
    yield from head("What does a sweep with `benchmark_app` pick?", data)
    yield from table("model", "runs", "minutes", "pick", "it printed, fps", "of the optimum")
    for name, found in data["items"].items():
        if ":" not in name:
            runs = sum(item.startswith(f"{name}: ") for item in data["items"])
            pick = configuration_of(found["pick"])
            yield f"| {name} | {runs} | {found['wall_s'] / 60:.1f} | {pick} | {found['fps']:.4g} | {ratio(found['of_optimum'])} |"


def false_wins(data: Data) -> Iterator[str]:
    verdicts = Counter(search["verdict"] for search in data["items"].values())
    yield from head("How often is a gain found where there is none?", data)
    yield "Searches of 30 s in which every configuration secretly runs the hint:"
    yield (
        ", ".join(f"{count} said `{kind}`" for kind, count in verdicts.items())
        + f"; `faster`: {verdicts['faster']}.\n"
    )
    yield from table("model: seed", "trials", "the search said", "closest", "rounds", "sittings")
    for item, found in data["items"].items():
        gain = found["speedup"]
        cells = (found["trials"], found["verdict"], ratio(gain), gain["rounds"], gain["sittings"])
        yield f"| {item} | {' | '.join(map(str, cells))} |"


def noise(data: Data) -> Iterator[str]:
    yield from head("And on a disturbed host?", data)
    yield "Simulated searches of 60 s, in virtual time. *Wrong*: `faster` where nothing is faster, or an interval without the truth."
    yield "*Said*: the summary says that the host was noisy or disturbed. The simulated host is a busy one even where nothing more is"
    yield "done to it: its speed drifts by 10 %, and bursts slow a tenth of its windows.\n"
    yield from table(
        "disturbance: devices", "searches", "faster", "keep_hint", "inconclusive", "wrong", "said"
    )
    for name, found in data["items"].items():
        kinds = ("searches", "faster", "keep_hint", "inconclusive", "wrong", "said")
        yield f"| {name} | {' | '.join(str(found.get(kind, 0)) for kind in kinds)} |"


def false_wins_replayed(data: Data) -> Iterator[str]:
    yield from head("And in thousands of replayed searches?", data)
    everything = [found["verdicts"] for found in data["items"].values()]
    wrong, total = (
        sum(counts.get("faster", 0) for counts in everything),
        sum(sum(counts.values()) for counts in everything),
    )
    yield f"Every configuration plays the hint's duels with itself: {wrong} of {total} said `faster`.\n"
    yield from table("model", "faster", "keep_hint", "inconclusive")
    for name, found in data["items"].items():
        yield f"| {name} | {' | '.join(str(found['verdicts'].get(kind, 0)) for kind in ('faster', 'keep_hint', 'inconclusive'))} |"


def wrong_keeps(data: Data) -> Iterator[str]:
    yield from head("How often is the hint kept although something is faster?", data)
    yield "Replayed searches of the recorded landscapes: as they are; mirrored, so that every gain is a loss; and flattened, so that they"
    yield "gain nothing, or in one corner only, drawn anew for each search. A *wrong keep* says `keep_hint` although a configuration"
    yield "is at least 3 % faster; a *wrong win* says `faster` of one that is not. *Up to 4 runs*: the same command again, from the trials before,"
    yield "until the answer is sure.\n"
    kinds = ("wrong keep", "right keep", "faster", "inconclusive", "wrong win")
    yield from table("landscape: budget", "searches", *kinds)
    totals: dict[str, Counter[str]] = {}
    for name, found in sorted(data["items"].items(), key=lambda item: (item[1]["budget_s"], item[1]["runs"])):
        yield f"| {name} | {_counted(found['counts'], kinds)} |"
        totals.setdefault(name.split(": ")[1], Counter()).update(found["counts"])
    for budget, counts in totals.items():
        yield f"| **all: {budget}** | {_counted(counts, kinds)} |"


def _counted(counts: Mapping[str, int], kinds: Sequence[str]) -> str:
    searches = sum(counts.values())
    shares = (f"{counts.get(kind, 0)} ({100 * counts.get(kind, 0) / searches:.1f} %)" for kind in kinds)
    return " | ".join([str(searches), *shares])


def keep_rules(data: Data) -> Iterator[str]:
    yield from head("Which rule may say that nothing gains?", data)
    yield "Several rules, each asked at the end of the same replayed searches of 60 s. *Each*: every open configuration gains 3 % with a"
    yield "chance below 5 %. *Any*: that any of them does. *Off the trend*: what a point may be off it by, as a deviation."
    yield "*Tails*: one unmeasured point in ten may be off by 5 %.\n"
    kinds = {
        "kept, mirrored": ("mirrored, nothing gains", "right keep"),
        "kept, flat": ("flat, nothing gains", "right keep"),
        "wrong, but for 4 %": ("flat but for 4 %", "wrong keep"),
        "wrong, but for 6 %": ("flat but for 6 %", "wrong keep"),
        "wrong, but for 10 %": ("flat but for 10 %", "wrong keep"),
        "wrong, as recorded": ("as recorded", "wrong keep"),
    }
    yield from table("rule", *kinds)
    for rule in next(iter(data["items"].values()))["counts"]:
        found = [(data["items"][landscape], kind) for landscape, kind in kinds.values()]
        cells = [f"{each['counts'][rule].get(kind, 0)} of {each['searches']}" for each, kind in found]
        yield f"| {rule} | {' | '.join(cells)} |"


def trend(data: Data) -> Iterator[str]:
    yield from head("Do the bounds on what was not measured hold?", data)
    yield "A part of the points of the same landscapes is measured as trials measure, the rest is bounded by the trend. *Held*: the truth is"
    yield "below its 95 % bound. *Missed*: of the points that gain 3 %, those that were ruled out. *Ruled out*: of those slower than the hint.\n"
    yield from table("landscape: measured", "points", "held", "missed", "ruled out")
    for name, found in data["items"].items():
        cells = (
            f"{100 * found['held'] / found['points']:.1f} %",
            f"{found['missed']} of {found['gains']}",
            f"{found['ruled_out']} of {found['losses']}",
        )
        yield f"| {name} | {found['points']} | {' | '.join(cells)} |"


def settling(data: Data) -> Iterator[str]:
    found = data["items"][settling_attempts.ALL]
    yield from head("How much longer does an open answer take?", data)
    yield f"{found['states']} replayed searches that ended `inconclusive` (of {_searches_of_settling()}; 15, 30 and 60 s) went on in runs of 15 s to 16 minutes"
    yield "(`python -m tests.benchmarks.settling`). A prediction is *right* if a run of half of it leaves the answer open and another run, of twice of it,"
    yield "settles it; *too long* if half of it settles the answer, *too short* if it is open after twice of it. What is fitted is judged on models left out.\n"
    yield from table("prediction", "right", "too long", "too short")
    for name, judged in data["items"].items():
        if name != settling_attempts.ALL:
            cells = (f"{100 * judged[kind]:.0f} %" for kind in ("right", "sooner", "later"))
            yield f"| {name} | {' | '.join(cells)} |"
    yield (
        f"\nThe goal was 80 %. No prediction can reach it: further runs of one search settle it in times that differ by a factor of "
        f"{exp(found['within']):.1f} (a standard deviation; between searches it is {exp(found['between']):.0f}), so even who knows each search's own "
        f"median would be right in {100 * found['best_possible']:.0f} %."
    )
    held, times = found["within_80"]
    yield (
        "So the sentence says what settles half of such answers. What it settled on models left out, in fourths of the searches by the time of the "
        "open trials: "
        + ", ".join(
            f"{100 * share:.0f} % (predicted {time_s:.0f} s)" for time_s, share in found["by_fourths"]
        )
        + "; the same time for all would have settled "
        + ", ".join(f"{100 * share:.0f} %" for _, share in found["same_by_fourths"])
        + "."
    )
    yield (
        f"An interval meant to hold 80 % of the times holds {100 * held:.0f} %, and reaches from the {times:.0f}th part of the "
        f"median to {times:.0f} times as long: too wide to be of use. The likeliest of three classes (up to 1 minute, 1 to 5, more) is right in "
        f"{100 * found['classes']:.0f} %, the commonest in {100 * found['commonest']:.0f} %. The chance that another run of the same budget settles "
        "the answer, in thirds of the searches: "
        + ", ".join(
            f"{100 * chance:.0f} % predicted, {100 * share:.0f} % seen" for chance, share in found["again"]
        )
        + "."
    )


def _searches_of_settling() -> int:
    return sum(sum(found["counts"].values()) + len(found["open"]) for found in items("settling").values())
