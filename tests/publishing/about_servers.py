"""The tables of searches on servers that are not here, and of what their model is worth."""

from collections.abc import Iterator
from itertools import product
from math import exp, log, log2
from statistics import fmean, median

from tests import recordings
from tests.benchmarks.workloads import HOST, errors, rates_of
from tests.lanes.published import FIGURES, PLATFORMS, SOURCE
from tests.lanes.replayed import Landscape, read
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import KINDS, WORKLOADS
from tests.publishing.layout import Data, head, table

TUNER = "tuner"
BUDGETS_S = (60, 120)


def servers(data: Data) -> Iterator[str]:
    yield from head("And on servers that are not here?", data)
    yield "A model of machines and their rates, searched in virtual time: OpenVINO's rules for streams, and times fitted to the recordings"
    yield "(`tests/lanes/machine.py` says where each term is from). The models searched are the ten recorded ones, by kind. The truth is the"
    yield "machine model's own: it says how the search copes with spaces of this size and shape, not how fast such a machine is."
    yield from fit()
    yield "\nShare of the optimum that the pick reaches: the median, and the tenth part of searches that did worst. Simulated noise is that"
    yield "of a busy host. Spaces grow as they do in the tuner, and the optimum is that of all doublings and counts between them whose window"
    yield "takes no more than its share of the budget. One machine is a hybrid laptop, with performance and efficiency cores.\n"
    yield from regret(data["items"])
    yield "\nTrials until a configuration of at least 0.98 of that optimum was first measured, in the median search of 120 s; *never*: in less"
    yield "than half of them. Points are those of the space at the end of the search, in the median.\n"
    yield from firsts(data["items"])
    if any(not item.startswith(f"{TUNER}: ") for item in data["items"]):
        yield "\nThe tuner's guesses for servers were chosen from these landscapes, without the hybrid one. So that no guess is judged by the models that"
        yield "chose it, other searches had guesses that were chosen, for each kind of models, from the landscapes of the other kinds alone; others again"
        yield "began on every machine with *the guesses of 2 cores*, the recordings'. The mean share of the optimum over the kinds at 60 s and 120 s, and the"
        yield "mean over the kinds of the trials of 120 s until 0.98 (where it was never reached, of all trials).\n"
        yield from guesses(data["items"])


def goals(items: Data) -> Iterator[str]:
    """Yield the rows of the goals for servers."""
    machine, budget_s = "2 x 32 cores", BUDGETS_S[-1]
    found = of(items, TUNER, machine, budget_s)
    if not found:
        return
    shares = ", ".join(f"{at['median']:.3f} ({kind})" for kind, at in found.items())
    yield f"| {machine}, {budget_s} s, modelled: at least 0.98 of the optimum in the median | {shares} |"
    points = min(at["points"] for at in found.values())
    firsts = ", ".join(f"{at['first'] or 'never'} ({kind})" for kind, at in found.items())
    yield (
        f"| ... trials until 0.98 was first measured: fewer than 10 times the logarithm of the points, at least {10 * log2(points):.0f} | {firsts} |"
    )


def fit() -> Iterator[str]:
    """Say how far the machine model is from what was recorded and published."""
    off = [
        abs(error)
        for name, workload in WORKLOADS.items()
        for error in errors(HOST, workload, list(rates_of(Landscape(read(recordings.path_of(name))))))
    ]
    yield f"\nOn the recordings' 2 cores the model is off by {100 * median(off):.1f} % in the median of {len(off)} configurations. One stream on larger"
    yield f"machines, from the recordings' price of threads, over published latencies ({SOURCE}):\n"
    yield from table("machine", "models", "predicted over published, median", "from", "to")
    for name in PLATFORMS:
        ratios = [figure.predicted_ms() / figure.latency_ms for figure in FIGURES if figure.platform == name]
        middle = exp(median(map(log, ratios)))
        yield f"| {name} | {len(ratios)} | {middle:.2f} | {min(ratios):.2f} | {max(ratios):.2f} |"
    yield "\nNo published rates over streams, batch and requests of one server were found, and none of hyper-threading on and off: what"
    yield "unpinned threads lose (2 % a socket) and how hyper-threading slows arithmetic (5 %) are assumptions."


def regret(items: Data) -> Iterator[str]:
    yield from table("machine", "budget", "searches of a kind", *KINDS)
    for machine, budget_s in product(MACHINES, BUDGETS_S):
        if found := of(items, TUNER, machine, budget_s):
            cells = [f"{at['median']:.3f}, {at['worst_tenth']:.3f}" for at in found.values()]
            row = [str(MACHINES[machine]), f"{budget_s} s", counts(found), *cells]
            yield f"| {' | '.join(row)} |"


def firsts(items: Data) -> Iterator[str]:
    yield from table("machine", "points", "10 log2(points)", *KINDS)
    for machine in MACHINES:
        if found := of(items, TUNER, machine, BUDGETS_S[-1]):
            least, most = (pick(at["points"] for at in found.values()) for pick in (min, max))
            cells = ["never" if at["first"] is None else str(at["first"]) for at in found.values()]
            ends = f"{10 * log2(least):.0f} to {10 * log2(most):.0f}"
            yield f"| {MACHINES[machine]} | {least:.0f} to {most:.0f} | {ends} | {' | '.join(cells)} |"


def guesses(items: Data) -> Iterator[str]:
    names = dict.fromkeys(item.split(": ")[0] for item in items)
    yield from table("guesses", *map(str, MACHINES.values()))
    for strategy in names:
        cells = [cell(*(of(items, strategy, name, budget_s) for budget_s in BUDGETS_S)) for name in MACHINES]
        yield f"| {'those of the tuner' if strategy == TUNER else strategy} | {' | '.join(cells)} |"


def counts(found: Data) -> str:
    """Return how many searches a kind had: one number, or the least and the most."""
    searches = sorted({at["searches"] for at in found.values()})
    return str(searches[0]) if len(searches) == 1 else f"{searches[0]} to {searches[-1]}"


def cell(soon: Data, late: Data) -> str:
    """Return the mean shares over the kinds at both budgets, and the trials until the optimum was found."""
    shares = [f"{fmean(at['mean'] for at in found.values()):.3f}" for found in (soon, late) if found]
    if not late:
        return ", ".join(shares) or "not run"
    first = fmean(at["trials"] if at["first"] is None else at["first"] for at in late.values())
    return f"{', '.join(shares)}; {first:.0f}"


def of(items: Data, strategy: str, machine: str, budget_s: int) -> Data:
    """Return what was found by kind; empty where not every kind was searched."""
    found = {kind: items.get(f"{strategy}: {machine}: {kind}: {budget_s} s") for kind in KINDS}
    return found if all(found.values()) else {}
