"""Does an open answer become sure when the search says? Replayed searches that go on.

Every search of 30 or 60 s that ends `inconclusive` goes on from the same trials, once for half of the predicted
time and once for twice as much. The prediction is right within a factor of two if the answer is still open after half
of it, and settled after twice of it.
"""

from collections import Counter
from itertools import product

from tests import recordings
from tests.benchmarks.evidence import Evidence
from tests.benchmarks.models import MODELS
from tests.benchmarks.wrong_keeps import LANDSCAPES, recording_of
from tests.simulation import MemoryStore, replay

BUDGETS_S = (30, 60)
SEEDS = 10
LONGEST_S = 3600.0


def checked(name: str, landscape: str, budget_s: float, seed: int) -> str:
    """Say what became of a search's prediction."""
    made, store = LANDSCAPES[landscape](recording_of(name), seed), MemoryStore()
    more_s = replay(made, budget_s, seed, store=store).outcome.verdict.more_s
    if more_s is None:
        return "settled at once"
    if more_s > LONGEST_S:
        return "longer than an hour"

    def settled(share: float) -> bool:
        after = replay(made, share * more_s, seed + 1000, store=MemoryStore([*store.kept]))
        return after.outcome.verdict.kind != "inconclusive"

    return "sooner" if settled(0.5) else "right" if settled(2.0) else "later"


def main() -> None:
    evidence = Evidence("settling")
    names = [name for name in MODELS if recordings.path_of(name).exists()]
    for budget_s, landscape in product(BUDGETS_S, LANDSCAPES):
        item = f"{landscape}: {budget_s} s"
        if item not in evidence.items:
            counts = Counter(
                checked(name, landscape, budget_s, seed) for name, seed in product(names, range(SEEDS))
            )
            evidence.save(item, counts=counts)
            print(item, dict(counts), flush=True)


if __name__ == "__main__":
    main()
