"""Studies of earlier versions go on: on processors with hyper-threading, they say and hold other things."""

from dataclasses import replace

from tests.benchmarks.modelled import layout
from tests.lanes.machine import MachineDevice, MachineLanes
from tests.lanes.servers import MACHINES
from tests.lanes.workloads import WORKLOADS
from tests.simulation import CPU, MODEL, MemoryStore
from tuner.domain.configuration import Configuration
from tuner.domain.stats import Speedup
from tuner.tuning.budget import Budget
from tuner.tuning.hosts import ThisHost
from tuner.tuning.tune import Task, tune

MACHINE = "8 cores"
HYPER_THREADING = "ENABLE_HYPER_THREADING"


def run(store, seed=0, device=None):
    lanes = MachineLanes(device or MachineDevice(MACHINES[MACHINE], WORKLOADS["squeezenet"]), seed=seed)
    task = Task(
        MODEL,
        CPU,
        ThisHost(lanes),
        layout(MACHINE),
        store,
        Budget(30.0, None, lanes.now),
        seed,
        lambda _: None,
    )
    return tune(task)


def old(trial):
    """Return a trial as an earlier version read it back: hyper-threading only where it was asked for, `NO` included."""
    asked = trial.configuration.plain_properties.get(HYPER_THREADING)
    known = () if asked is None else ((HYPER_THREADING, "YES" if asked else "NO"),)
    return replace(trial, effective=trial.effective and replace(trial.effective, settings=known))


def without_a_place(trial, ratio):
    """Return the trial with hyper-threading off beside its streams: once a point of the space, today the default."""
    properties = {"NUM_STREAMS": trial.effective.streams, HYPER_THREADING: False}
    wanted = Configuration.of("CPU", properties, trial.configuration.batch, trial.configuration.requests)
    found = replace(trial, configuration=wanted, speedup=Speedup(ratio, ratio, ratio, 0.95, 6))
    return old(found)


def study_with_a_point_outside(ratio):
    store = MemoryStore()
    best = max(run(store).trials, key=lambda trial: trial.ratio)
    trials = [old(trial) for trial in store.kept]
    store.kept = [*trials, replace(without_a_place(best, ratio), number=len(trials))]
    return store


def test_a_point_that_is_no_longer_in_the_space_stays_a_candidate():
    store = study_with_a_point_outside(ratio=20.0)
    outside, known = store.kept[-1].configuration, len(store.kept)
    found = run(store, seed=1)
    assert outside in {finalist.configuration for finalist in found.final.finalists}
    assert found.outcome.verdict.kind == "faster"
    assert len(found.trials) > known
    assert found.outcome.covered < found.outcome.points


def test_what_was_measured_is_not_measured_again_because_it_reads_back_differently_now():
    store = study_with_a_point_outside(ratio=0.9)
    before = {trial.configuration for trial in store.kept if trial.state == "measured"}
    known = len(store.kept)
    found = run(store, seed=1)
    assert found.outcome.verdict.kind == "faster"
    again = [trial for trial in found.trials[known:] if trial.configuration in before]
    assert not again
