"""How does a search scale with the hosts of a cluster? Lanes that wait instead of computing, and hosts in virtual time.

Two cores cannot measure on many hosts at once. *Pace*: on a real Ray cluster of so many nodes, whose lanes sleep for as long as the
modelled machine would take: trials a minute, and the share of the nodes' time in which they ran trials. What is lost is what the tuner and
Ray cost, on two cores for all nodes together. *Regret*: how far the best trial is behind the optimum after as many trials in all, on
recorded landscapes in virtual time: several hosts do not know of each other's running trials how they will end. *Time*: seconds until
0.98 of the optimum was first measured on modelled servers, in virtual time. *Saturation*: the same as pace, but lanes do not wait at
all: how many trials a second one driver gives and takes, the more it knows.
"""

import math
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise, product
from statistics import median

from tests import recordings
from tests.benchmarks.evidence import Evidence, quiet_host
from tests.benchmarks.modelled import layout, share_of_best
from tests.lanes.machine import MachineDevice, MachineLanes
from tests.lanes.made import originals
from tests.lanes.replayed import Landscape, ReplayedLanes, read
from tests.lanes.servers import MACHINES
from tests.lanes.virtual_hosts import VirtualHosts
from tests.lanes.workloads import WORKLOADS
from tests.simulation import CPU, MODEL, MemoryStore
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.trial import Trial
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import Hosts, ThisHost
from tuner.tuning.progress import Event, TrialEnded
from tuner.tuning.strategy import Strategy
from tuner.tuning.tune import Findings, Task, tune

HOSTS = (1, 2, 4, 8, 16)
SERVER, MODEL_ON_IT, HARDEST = "2 x 32 cores", "transformer", "tiny"
TRIALS_OF_A_HOST, TURNS, MANY_TRIALS = 25, 2, 800
NAMES = ("squeezenet", "transformer", "resnet50", "wide_mlp", "detector")
TRIALS = 32
SEEDS, TIMED_SEEDS = 20, 60
ENOUGH, BUDGET_S = 0.98, 120.0
FACTS = DeviceFacts("CPU", 2, frozenset({"NUM_STREAMS"}), 2, 2)


class Waiting(MachineLanes):
    """Lanes of a modelled machine on which time passes as it would there, or not at all."""

    waits = True

    def spend(self, seconds: float) -> None:
        super().spend(seconds)
        if self.waits:
            time.sleep(seconds)


@dataclass(frozen=True)
class Modelled:
    """Gets a node of a cluster ready that waits as a modelled server would compute, or does not wait."""

    waits: bool = True
    budget_s: float = 600.0

    @contextmanager
    def __call__(self, _budget: Budget, _stopped: Callable[[], bool]) -> Iterator[tuple[str, ThisHost]]:
        device = MachineDevice(MACHINES[SERVER], WORKLOADS[MODEL_ON_IT])
        lanes = Waiting(device, seed=0)
        lanes.waits = self.waits
        yield SERVER, ThisHost(lanes)


class Over(Exception):
    """What is wanted of a search is known."""


def pace(nodes: int, seed: int) -> dict[str, float]:
    """Return the trials a minute on a cluster of so many nodes, and the share of their time in which they measured."""
    ends, trials = ends_of(nodes, seed, Modelled(), TRIALS_OF_A_HOST * nodes)
    counted, wall_s = trials[nodes + 1 :], ends[-1] - ends[nodes]  # all of them run from there on
    busy = sum(trial.took_s or 0.0 for trial in counted) / nodes / wall_s
    return {"trials_a_minute": 60 * len(counted) / wall_s, "busy": busy}


def saturation(nodes: int, seed: int) -> dict[str, object]:
    """Return the seconds of a trial where lanes take none, the more trials there are, and the bytes of a trial."""
    ends, trials = ends_of(nodes, seed, Modelled(waits=False), MANY_TRIALS)
    quarter = (len(ends) - 1) // 4  # the space may have no more than these
    steps = list(range(0, 4 * quarter + 1, quarter))
    seconds = [(ends[to] - ends[since]) / (to - since) for since, to in pairwise(steps)]
    return {
        "seconds_a_trial": dict(zip(map(str, steps[1:]), seconds, strict=True)),
        "bytes": len(pickle.dumps(trials[-1])),
    }


def ends_of(nodes: int, seed: int, opening: Modelled, trials: int) -> tuple[list[float], list[Trial]]:
    """Return when each trial ended on a cluster of so many nodes, and the trials."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    from tuner.tuning.cluster import Cluster

    ends: list[float] = []
    ended: list[Trial] = []

    def tell(event: Event) -> None:
        if isinstance(event, TrialEnded):
            ends.append(time.monotonic())
            ended.append(event.trial)
            if len(ends) > trials:
                raise Over

    cluster = Nodes(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        with closing(Cluster(opening, lambda first, other: None, lambda: "", lambda: False, tell)) as hosts:
            while sum(member.doing == "open" for member in hosts._members.all) < nodes:
                hosts._wait()
            budget = Budget(600.0, None, time.monotonic)
            task = Task(MODEL, CPU, hosts, layout(SERVER), MemoryStore(), budget, seed, tell)
            with suppress(Over):
                tune(task)
    finally:
        ray.shutdown()
        cluster.shutdown()
    return ends, ended


def regret(name: str, hosts: int, seed: int) -> float:
    """Return the share of the optimum that the best of so many trials has in truth."""
    landscape = Landscape(read(recordings.path_of(name)))
    lanes = [ReplayedLanes(landscape, 100 * seed + number) for number in range(hosts)]
    found = virtual(
        VirtualHosts(lanes),
        lambda target, hints: device_space(FACTS, 1, True, Bounds(), hints[target].requests),
        600.0,
        seed,
        TRIALS,
    )
    best = max(found.trials, key=lambda trial: trial.ratio if trial.keeps_limits else 0.0)
    optimum = max(landscape.log_ratio(entry.configuration) for entry in originals(landscape.recording))
    return math.exp(landscape.log_ratio(best.configuration) - optimum)


def time_to_enough(hosts: int, seed: int) -> float:
    """Return the seconds after which a trial first measured enough of the optimum; infinite where none did."""
    device = MachineDevice(MACHINES[SERVER], WORKLOADS[HARDEST])
    several = VirtualHosts([MachineLanes(device, seed=100 * seed + number) for number in range(hosts)])
    window_s, reached_s = Strategy().window_share * BUDGET_S, [math.inf]

    def tell(event: Event) -> None:
        if not isinstance(event, TrialEnded) or not event.trial.speedup:
            return
        if share_of_best(SERVER, HARDEST, event.trial.configuration, window_s) >= ENOUGH:
            reached_s[0] = several.now()
            raise Over

    with suppress(Over):
        virtual(several, layout(SERVER), BUDGET_S, seed, None, tell)
    return reached_s[0]


def virtual(
    hosts: VirtualHosts,
    space_for: Callable[..., object],
    budget_s: float,
    seed: int,
    trials: int | None,
    tell: Callable[[Event], None] = lambda _: None,
) -> Findings:
    asked: Hosts = hosts
    budget = Budget(budget_s, trials, hosts.now)
    return tune(Task(MODEL, CPU, asked, space_for, MemoryStore(), budget, seed, tell))  # type: ignore[arg-type]


def main() -> None:
    evidence = Evidence("scale")
    with ProcessPoolExecutor(2) as pool:
        for hosts in HOSTS:
            if (item := f"regret: {hosts} hosts") not in evidence.items:
                jobs = list(product(NAMES, (hosts,), range(SEEDS)))
                shares = sorted(pool.map(regret, *zip(*jobs, strict=True), chunksize=5))
                tenth = shares[len(shares) // 10]
                evidence.save(item, searches=len(shares), median=median(shares), worst_tenth=tenth)
                print(item, evidence.items[item], flush=True)
            if (item := f"time: {hosts} hosts") not in evidence.items:
                seconds = list(pool.map(time_to_enough, [hosts] * TIMED_SEEDS, range(TIMED_SEEDS)))
                reached = sum(map(math.isfinite, seconds))
                evidence.save(item, searches=TIMED_SEEDS, reached=reached, median_s=median(seconds))
                print(item, evidence.items[item], flush=True)
    if "--virtual" in sys.argv:
        return
    with quiet_host("scale"):
        for turn, hosts in product(range(TURNS), HOSTS):
            if (item := f"pace: {hosts} hosts, turn {turn}") not in evidence.items:
                evidence.save(item, **pace(hosts, turn))
                print(item, evidence.items[item], flush=True)
        if (item := "saturation: 4 hosts") not in evidence.items:
            evidence.save(item, **saturation(4, 0))
            print(item, evidence.items[item], flush=True)


if __name__ == "__main__":
    main()
