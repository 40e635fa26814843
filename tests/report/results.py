"""Results to draw: of simulated searches, of every kind that a report must take."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from tests.advice.advice_of import result_of, with_outcome, with_setting
from tests.lanes.simulated import SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.simulation import MODEL, simulate, simulate_host
from tuner.commands.report import usage
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.domain.result import Notice, Result
from tuner.domain.sample import Measured
from tuner.domain.stats import Speedup
from tuner.domain.trial import Candidate
from tuner.domain.verdict import Verdict
from tuner.report.compute import view
from tuner.report.document import as_data
from tuner.report.view import Usage, View
from tuner.study.importance import importance
from tuner.study.records import recorded_result

GAINING = SimulatedDevice(
    base_fps=2000, broken=lambda configuration: "out of memory" if configuration.batch == 32 else None
)
HOSTILE = "</script><script>alert(1)</script>\"'`|*_" + "\u202eleft\u05d0\u05d1" + "x" * 300


@cache
def searched(seed: int = 0) -> Result:
    """A whole search, its importance included."""
    lanes = SimulatedLanes(GAINING, seed=seed, watched=False)
    found = result_of(simulate(lanes=lanes, seed=seed, budget_s=120, grows=False), MODEL)
    return with_outcome(found, importance=importance(found.trials))


@cache
def several() -> Result:
    crowded = SimulatedDevice(base_fps=1000, batch_gain=2.0)
    found = simulate_host(SimulatedHost({"CPU": crowded, "EMU": crowded}), "AUTO:EMU,CPU")
    return result_of(found, MODEL)


@cache
def interrupted() -> Result:
    return result_of(simulate(lanes=SimulatedLanes(GAINING, stop_at_s=20)), MODEL)


@cache
def single() -> Result:
    return result_of(simulate(device=GAINING, budget_s=0.5), MODEL)


@cache
def all_failed() -> Result:
    hint_only = SimulatedDevice(
        base_fps=2000,
        broken=lambda configuration: (
            None
            if configuration.uses_hint and configuration.batch == 1 and configuration.requests in (0, 2)
            else "no"
        ),
    )
    return result_of(simulate(device=hint_only), MODEL)


class Waiting(SimulatedDevice):
    """Threads of one stream wait for each other, so that two streams answer one caller in 70 % of the time."""

    def fps(self, effective):
        waiting = 1.4 if effective.streams == 2 else 1.0
        return self.base_fps * min(effective.requests, effective.streams) * waiting


def asked(device: SimulatedDevice, question: Question, **options) -> Result:
    """A search for something else than throughput, or within limits."""
    found = simulate(lanes=SimulatedLanes(device), question=question, grows=False, **options)
    return with_setting(result_of(found, MODEL), question=question)


@cache
def latency() -> Result:
    return asked(Waiting(cores=4, base_fps=500), Question("latency"))


@cache
def cpu() -> Result:
    return asked(SimulatedDevice(base_fps=500, batch_gain=3.0), Question("cpu"))


@cache
def loaded() -> Result:
    """A search under a load: 60 items a second arrive at random."""
    return asked(SimulatedDevice(base_fps=500, batch_gain=3.0), Question("cpu", load=Load(60.0)))


@cache
def limited(bound_ms=8.0, *others: Limit) -> Result:
    """A search within a p99 latency; each request of the hint takes 1 ms, a single one 0.55 ms."""
    return asked(GAINING, Question("throughput", (Limit("p99", bound_ms), *others)))


@cache
def met() -> Result:
    """The hint breaks the limit of latency, a slower configuration keeps it."""
    return limited(0.7, Limit("memory", 1024.0), Limit("throughput", 500.0))


@cache
def unmet() -> Result:
    return limited(0.2)


@cache
def copies() -> Result:
    """Two processes, which are 1.4 times as fast on cores of their own."""
    own = replace(GAINING, beside=lambda effective: 1.4 if effective.slices else 1.0)
    return asked(own, Question(copies=(2,)))


@cache
def hostile() -> Result:
    result = searched()
    warned = Notice("odd", f"Odd: {HOSTILE}")
    trials = [replace(trial, reason=HOSTILE) if trial.state == "failed" else trial for trial in result.trials]
    inputs = tuple(replace(model_input, name=HOSTILE) for model_input in result.model.inputs)
    host = replace(result.host, cpu=HOSTILE, devices={HOSTILE: HOSTILE})
    model = replace(result.model, name=HOSTILE, path=HOSTILE, inputs=inputs)
    setting = replace(result.setting, model=model, host=host)
    return replace(with_outcome(result, notices=(warned,)), setting=setting, trials=trials)


@cache
def many(count: int = 5000) -> Result:
    result = searched()
    again = [
        replace(trial, number=len(result.trials) + at)
        for at, trial in zip(range(count - len(result.trials)), _cycled(result.trials[1:]), strict=False)
    ]
    return replace(result, trials=[*result.trials, *again])


def _cycled(trials):
    while True:
        yield from trials


def usage_of(result: Result) -> Usage:
    return usage(result, Path("reports/m/config.yaml"), "reports/m/study.db")


def data_of(*views: View) -> dict:
    return as_data(views, recorded_result)


def view_of(result: Result) -> View:
    return view(result, usage_of(result))


@cache
def view_of_kind(kind: str) -> View:
    """Return the same view each time, so that tests share what was made of it."""
    return view_of(EVERY[kind]())


EVERY = {
    "searched": searched,
    "several devices": several,
    "interrupted": interrupted,
    "a single trial": single,
    "all failed": all_failed,
    "limits met": met,
    "copies": copies,
    "hostile names": hostile,
}


def won(ratio=1.0571, latency=7.6, memory=1.1, others=()) -> Result:
    """A search whose final has a winner, with p99 latency and memory in times the hint's."""
    result, hint = searched(), searched().baseline.measured
    figures = Measured(ratio * hint.throughput_fps, hint.latency_ms.scaled(latency), memory * hint.memory_mb)
    gain = Speedup(ratio, 0.98 * ratio, 1.02 * ratio, 0.98, 20, 10)
    best = Candidate(Configuration.of("CPU", {"NUM_STREAMS": 7}, 4, 4), None, gain, figures)
    final = replace(result.final, finalists=(best, *others), rounds=())
    verdict = Verdict("faster", best, gain, best.configuration)
    return with_outcome(replace(result, final=final), verdict=verdict, drop_in=result.baseline)


def finalist(ratio, low, high, requests, disqualified=None):
    configuration = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, requests)
    gain = Speedup(ratio, low, high, 0.98, 20, 5)
    return Candidate(configuration, None, gain, searched().baseline.measured, disqualified)
