"""The tables of how fast lanes and applications run, and of what the tuner itself costs."""

from collections.abc import Iterator

from tests.benchmarks.evidence import configuration_of
from tests.publishing.layout import Data, head, ratio, table


def bias(data: Data) -> Iterator[str]:
    yield from head("Do short windows tell the ratio of long ones?", data)
    yield "The starts of requests in windows of 3 s, cut into default windows of 0.1 s and counted as if each had been one, over all of them:"
    yield "*counting*, free of the host's drift. *First*: the first of those windows alone, which adds a lane's cold start and the"
    yield "noise of one short window. Lanes take turns, as in rounds; *duel* is what a duel with the hint (the first row) would be off by.\n"
    yield from table("model", "configuration", "counting", "counting, duel", "first", "first, duel", "turns")
    for name, found in data["items"].items():
        for words, lane in found["lanes"].items():
            duel = found["duels"].get(words)
            cells = [
                text
                for way in ("counting", "start")
                for text in (ratio(lane[way]), ratio(duel[way]) if duel else "")
            ]
            yield f"| {name} | {words} | {' | '.join(cells)} | {lane['start']['rounds']} |"


def luck(data: Data) -> Iterator[str]:
    yield from head("How far are two processes of one configuration apart?", data)
    yield "Six lanes of the hint, all of them in every round: what stays between them beyond the rounds' noise, as a deviation, and"
    yield "whether the first and the second half of the rounds put them in the same order (correlation).\n"
    yield from table(
        "model: sitting", "between processes", "noise of a round", "halves agree", "each process"
    )
    for item, found in data["items"].items():
        lanes = ", ".join(f"{100 * lane:+.1f}" for lane in found["lanes"])
        yield f"| {item} | {100 * found['luck']:.1f} % | {100 * found['noise']:.1f} % | {found['halves_agree']:.2f} | {lanes} % |"


def sentinel(data: Data) -> Iterator[str]:
    yield from head("What is gained by playing rounds again in which the host changed?", data)
    searches = {name: found for name, found in data["items"].items() if "verdicts" in found}
    if searches:
        yield "Simulated searches of 60 s, in virtual time, without and with a sentinel. *Wrong*: `faster` where nothing is faster. *Covered*:"
        yield "finals all of whose intervals hold the truth, of those that have intervals; 98 % are aimed at. *Half-width*: of the finalists'"
        yield "intervals, the median. *Of the optimum*: what the pick reaches of the fastest in the space, the mean.\n"
        yield from table(
            "host: devices: sentinel", "searches", "faster", "keep_hint", "inconclusive", "wrong", "covered", "half-width",
            "rounds of a final", "of the optimum", "played again",
        )  # fmt: skip
    for name, found in searches.items():
        verdicts, finals = found["verdicts"], found["finals_with_intervals"]
        cells = [
            name,
            found["searches"],
            *(verdicts.get(kind, 0) for kind in ("faster", "keep_hint", "inconclusive")),
            verdicts.get("faster", 0) if "nothing is faster" in name else "",
            f"{found['finals_that_hold_the_truth']} of {finals}",
            f"{100 * found['half_width']:.1f} %",
            f"{found['rounds_of_the_final']:.0f}",
            f"{found['of_optimum']:.3f}",
            f"{100 * found['unsteady']:.0f} %",
        ]
        yield f"| {' | '.join(map(str, cells))} |"
    yield from _rounds_of_lanes(data["items"])
    yield from _neighbours(data["items"])


def _neighbours(found: Data) -> Iterator[str]:
    """What serves where there is no sentinel."""
    models = {name: each for name, each in found.items() if name.startswith("neighbours: ")}
    if not models:
        return
    yield "\nWhere there is no sentinel, the hint's windows in the rounds before and after could tell whether the host changed"
    yield "(`python -m tests.benchmarks.sentinel_neighbours`, from the recorded landscapes). The share of rounds that they keep, and what"
    yield "that is worth, by how far they may differ. Where it is near 1, nothing is gained.\n"
    thresholds = list(next(iter(models.values()))["rules"])
    yield from table("model", "rounds", *(f"{100 * float(each):g} %" for each in thresholds))
    for name, each in models.items():
        cells = (f"{100 * rule['kept']:.0f} %, worth {rule['worth']:.2f}" for rule in each["rules"].values())
        yield f"| {name.removeprefix('neighbours: ')} | {each['rounds']} | {' | '.join(cells)} |"


def _rounds_of_lanes(found: Data) -> Iterator[str]:
    """What sentinels keep of the rounds of real lanes."""
    models = {name: kept for name, kept in found.items() if name.startswith("lanes: ") and "kept" in kept}
    if not models:
        return
    yield "\nRounds of real lanes, the hint against itself (A/A) and against a faster configuration (A/B), and which of them the tuner's"
    yield "sentinel keeps: `python -m tests.benchmarks.sentinel record`, then `compare`. *Deviation*: of the log-ratios around their"
    yield "sitting's median. *Bias*: the mean of the kept minus that of all. *Worth*: rounds without a sentinel that take as long and tell"
    yield "as little.\n"
    yield from table("model: kind", "rounds", "kept", "deviation", "deviation of the kept", "bias", "worth")
    for name, kept in models.items():
        deviations = (f"{100 * kept[key]:.1f} %" for key in ("deviation", "deviation_kept"))
        bias = f"{100 * kept['bias']:+.2f} +- {100 * kept['bias_error']:.2f} %"
        shares = (kept["rounds"], kept["kept"], *deviations, bias, f"{kept['worth']:.2f}")
        yield f"| {name.removeprefix('lanes: ')} | {' | '.join(map(str, shares))} |"
    rules = found.get("lanes: rules", {}).get("rules", {})
    if rules:
        yield "\nOther work, lengths, readings and thresholds, the best ten of all by the mean logarithm of their worth over models and kinds:\n"
        yield from table("rule", "kept", "deviation over that of all", "worth", "worth, least")
        for rule, over in list(rules.items())[:10]:
            cells = (f"{over[key]:.2f}" for key in ("kept", "deviation", "worth", "worst"))
            yield f"| {rule} | {' | '.join(cells)} |"


def instrument(data: Data) -> Iterator[str]:
    yield from head("Does a lane reach the rate of `benchmark_app`, and of C++?", data)
    yield "Inferences per second of a lane's window over those of the others, 2 streams and 2 requests, in turns.\n"
    yield from table("model", "over `benchmark_app`", "over a loop in C++", "turns")
    for item, found in data["items"].items():
        over = found["over"]
        cells = (ratio(over[other]) if other in over else "not run" for other in ("benchmark_app", "C++"))
        yield f"| {item} | {' | '.join(cells)} | {over['benchmark_app']['rounds']} |"


def application(data: Data) -> Iterator[str]:
    yield from head("Does an application reach the promised speed?", data)
    yield "The pick of a search, run by an application that has single samples: items per second over those of a lane's window, which is what"
    yield "the YAML tells. Fresh processes in turns. *By hand*: `AsyncInferQueue` with batches stacked by NumPy and a callback, as the"
    yield "documentation shows; *synchronous*: one sample after the other with the hint. *Sharing inputs*: `infer_many(..., share_inputs=True)`,"
    yield "which spares batches of one the copy. ResNet-50 was measured twice: a burst in one of eight turns made the first run useless (0.94,"
    yield "0.83 to 1.06).\n"
    ways = ("infer_many", "sharing inputs", "runner", "by hand", "synchronous")
    yield from table("model", "configuration", "fps", *ways, "turns")
    for name, found in data["items"].items():
        cells = (ratio(found["over"][way]) if way in found["over"] else "" for way in ways)
        rounds = found["over"]["infer_many"]["rounds"]
        yield f"| {name} | {configuration_of(found['pick'])} | {found['fps']:,.0f} | {' | '.join(cells)} | {rounds} |"


def cost(data: Data) -> Iterator[str]:
    yield from head("What does the tuner itself cost?", data)
    start = data["items"]["start-up"]
    yield (
        "Start-up, median of "
        + f"{start['times']}: "
        + ", ".join(f"`{name}` {ms:.0f} ms" for name, ms in start["ms"].items())
        + ".\n"
    )
    yield from table(
        "model, 30 s", "to the first trial, s", "trials", "lost a trial, s", "of it compiling, s", "in counted windows", "memory, MiB"
    )  # fmt: skip
    for name, found in data["items"].items():
        if "to_first_trial_s" in found:
            yield (
                f"| {name} | {found['to_first_trial_s']} | {found['trials']} | {found['lost_a_trial_s']} | "
                f"{found['of_it_compiling_s']} | {100 * found['in_counted_windows']:.0f} % | {found['memory_mb']} |"
            )
    if many := data["items"].get("report"):
        yield (
            f"\n`tuner report` of a study of {many['trials']:,} trials: {many['report_s']} s in the median of {many['times']}, "
            f"{many['slowest_s']} s at most, {many['over_reading']} times what Optuna alone takes to start and read it; "
            f"the page has {many['html_mb']} MB."
        )
    yield "\nOpening three lanes, and what a cache of compiled blobs would save of reading and compiling the hint's model:\n"
    yield from table("model", "in turn, s", "at once, s", "compiled, s", "from a cache, s")
    for item, found in data["items"].items():
        if item.endswith(": lanes"):
            cells = (found[key] for key in ("in_turn_s", "at_once_s", "compile_s", "from_cache_s"))
            yield f"| {item.split(':')[0]} | {' | '.join(f'{cell:.2f}' for cell in cells)} |"


def blobs(data: Data) -> Iterator[str]:
    yield from head("Would compiled models that are kept make a processor's sittings shorter?", data)
    yield "Seconds until both lanes of a sitting are ready: compiled, as the tuner does it on a processor, and loaded from what earlier lanes wrote"
    yield '("blobs"), as it does on a GPU. A sitting takes about two seconds, and a final has about a dozen of them, in which what writing'
    yield "takes must be earned. So it is not done.\n"
    yield from table("model", "compiled", "loaded", "earned in 12 sittings", "writing, more than compiling")
    for name, found in data["items"].items():
        earned_s, writing_s = (
            12 * (found["compiled_s"] - found["loaded_s"]),
            found["writing_s"] - found["compiled_s"],
        )
        figures = (found["compiled_s"], found["loaded_s"], earned_s, writing_s)
        yield f"| {name} | {' | '.join(f'{figure:.2f}' for figure in figures)} |"
