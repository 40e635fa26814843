"""Searches on the hosts of a real Ray cluster; its nodes measure on simulated lanes."""

from contextlib import closing, contextmanager
from time import monotonic

import pytest

from tests.lanes.on_hosts import SimulatedOpening, kind_by_label
from tests.lanes.simulated import Noise
from tests.simulation import CPU, MODEL, MemoryStore, space_of
from tuner.tuning.budget import Budget
from tuner.tuning.tune import Task, tune

MARKS = [
    pytest.mark.alone,
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning"
    ),  # files that Ray leaves open
]
"""A cluster is many processes, and what runs beside them is late."""

QUICK = SimulatedOpening()
NOISY = Noise(jitter=0.2, drift=0, burst_share=0, outlier_share=0)
"""So that a final lasts."""


@contextmanager
def hosts_of(opening=QUICK, **options):
    from tuner.tuning.cluster import Cluster

    options = {
        "why_not_with": differs,
        "kind_there": kind_by_label,
        "stopped": lambda: False,
        "labels": {"kind": "fast"},
        **options,
    }
    with closing(Cluster(opening, **options)) as cluster:
        yield cluster


def differs(first, other):
    theirs, ours = other.host.cores, first.host.cores
    return None if theirs == ours else f"its cores are {theirs}, not {ours}"


def search(hosts, trials=20, budget_s=20.0, tell=lambda _: None, store=None):
    budget = Budget(budget_s, trials, monotonic)
    device = QUICK.device
    return tune(
        Task(
            MODEL,
            CPU,
            hosts,
            lambda target, hints: space_of(device, None, hints[target].requests),
            store or MemoryStore(),
            budget,
            0,
            tell,
        )
    )
