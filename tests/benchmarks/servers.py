"""Does the search find the optimum on servers that are not here? Thousands of searches in virtual time.

`tests/lanes/machine.py` models the machines; the models searched are the ten recorded ones, by kind. Regret is measured by the
machine model's own truth. `--searches N` sets the searches of each machine, kind and budget; `--strategy NAME` what searches.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import median
from typing import Any

from tests.benchmarks.evidence import Evidence
from tests.benchmarks.host_guesses import of_other_kinds, recorded
from tests.benchmarks.modelled import layout, share_of_best
from tests.lanes.machine import MachineDevice, MachineLanes
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import KINDS, WORKLOADS
from tests.simulation import CPU, MODEL, MemoryStore
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.strategy import Strategy
from tuner.tuning.tune import Findings, Task, tune

BUDGETS_S = (60, 120)
SEARCHES = 200
ENOUGH = 0.98
"""Share of the optimum that counts as found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search.

    Attributes:
        share: Rate of what it chose over the best rate of the space.
        verdict: What it said.
        trials: How many trials it ran.
        first: The trial that first measured `ENOUGH` of the optimum, from 1 on; None if none did.
        points: Points of the space at the end.
    """

    share: float
    verdict: str
    trials: int
    first: int | None
    points: int


def findings(machine: str, model: str, budget_s: float, seed: int, strategy: Strategy) -> Findings:
    """Search a model on a machine."""
    lanes = MachineLanes(MachineDevice(MACHINES[machine], WORKLOADS[model]), seed=seed)
    budget = Budget(budget_s, None, lanes.now)
    return tune(
        Task(
            MODEL,
            CPU,
            ThisHost(lanes),
            layout(machine),
            MemoryStore(),
            budget,
            seed,
            lambda _: None,
            strategy,
        )
    )


def search(machine: str, kind: str, budget_s: float, name: str, seed: int) -> Found:
    """Search one of a kind's models; seeds take turns among them.

    The best of the space counts among configurations whose window the budget allows.
    """
    model, strategy = KINDS[kind][seed % len(KINDS[kind])], STRATEGIES[name](kind)
    found = findings(machine, model, budget_s, seed, strategy)
    window_s = strategy.window_share * budget_s
    shares = [
        share_of_best(machine, model, trial.configuration, window_s) if trial.speedup else 0.0
        for trial in found.trials
    ]
    first = next((number for number, share in enumerate(shares) if share >= ENOUGH), None)
    picked = share_of_best(machine, model, found.outcome.verdict.best.configuration, window_s)
    return Found(picked, found.outcome.verdict.kind, len(found.trials) - 1, first, found.outcome.points)


def summary(found: list[Found]) -> dict[str, Any]:
    """Return what is published of the searches of one machine, kind and budget."""
    shares = sorted(each.share for each in found)
    firsts = sorted(math.inf if each.first is None else each.first for each in found)
    middle = firsts[len(firsts) // 2]
    return {
        "searches": len(found),
        "median": round(median(shares), 4),
        "mean": round(sum(shares) / len(shares), 4),
        "worst_tenth": round(shares[len(shares) // 10], 4),
        "enough": round(sum(share >= ENOUGH for share in shares) / len(shares), 3),
        "trials": median(each.trials for each in found),
        "points": median(each.points for each in found),
        "first": None if middle == math.inf else middle,
        "verdicts": Counter(each.verdict for each in found),
    }


STRATEGIES: Mapping[str, Callable[[str], Strategy]] = {
    "tuner": lambda _: Strategy(),
    "guesses chosen from other kinds of models": of_other_kinds,
    "the guesses of 2 cores": recorded,
}
"""What makes the strategy for a kind of models: the tuner as it is, and with other guesses."""


def jobs(strategies: list[str]) -> Iterator[tuple[str, str, str, int]]:
    """Yield strategy, machine, kind and budget: the largest machine first."""
    for strategy, budget_s, machine, kind in product(strategies, BUDGETS_S, reversed(MACHINES), KINDS):
        yield strategy, machine, kind, budget_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=SEARCHES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--strategy", choices=STRATEGIES, action="append")
    asked = parser.parse_args()
    evidence = Evidence("servers")
    for strategy, machine, kind, budget_s in jobs(asked.strategy or list(STRATEGIES)):
        item = f"{strategy}: {machine}: {kind}: {budget_s} s"
        if evidence.items.get(item, {}).get("searches", 0) >= asked.searches:
            continue
        one = partial(search, machine, kind, budget_s, strategy)
        if asked.processes > 1:
            with ProcessPoolExecutor(asked.processes) as pool:
                found = list(pool.map(one, range(asked.searches), chunksize=5))
        else:
            found = list(map(one, range(asked.searches)))
        evidence.save(item, **summary(found))
        at = evidence.items[item]
        print(item, at["median"], at["worst_tenth"], at["first"], at["trials"], flush=True)


if __name__ == "__main__":
    main()
