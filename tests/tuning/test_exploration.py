"""Switches around the best at the end, and what compiling costs."""

from dataclasses import dataclass, replace

from tests.described import GPU, DescribedCore, described
from tests.lanes.simulated import QUIET, SimulatedHost, SimulatedLane, SimulatedLanes
from tests.simulation import simulate_host
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.properties import DEVICE_PROPERTIES
from tuner.domain.switches import SWITCHES
from tuner.probe import devices
from tuner.tuning.budget import Budget
from tuner.tuning.final import cost_of
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import too_expensive

LATE = {switch.property for switch in SWITCHES.values() if switch.late}


def search_gpu(monkeypatch, device, lanes=None, **options):
    monkeypatch.setattr(devices, "core", lambda plugins=None: DescribedCore(GPU=GPU))
    facts = {"GPU": devices.facts(devices.describe("GPU"))}
    host = SimulatedHost({"GPU": device})
    return simulate_host(host, "GPU", facts=facts, lanes=lanes and lanes(host), noise=QUIET, **options)


def switched(trial):
    return LATE & set(trial.configuration.plain_properties)


def test_switches_come_last_one_at_a_time_around_the_best(monkeypatch):
    found = search_gpu(monkeypatch, described(GPU, base_fps=4000), budget_s=120)
    first = next(number for number, trial in enumerate(found.trials) if switched(trial))
    assert first > 10
    best_before = max(found.trials[:first], key=lambda trial: trial.ratio).configuration
    assert found.trials[first].configuration.batch == best_before.batch
    assert all(len(switched(trial)) <= 2 for trial in found.trials)  # two around a best that has one
    assert found.outcome.switches == dict.fromkeys(found.outcome.switches, True)
    assert {"queue throttle low", "queue throttle high", "queue priority high"} <= set(found.outcome.switches)


@dataclass(frozen=True, slots=True)
class Throttled(type(described(GPU))):
    """Runs faster with its queue's throttle low."""

    def fps(self, effective):
        return super(Throttled, self).fps(effective) * (
            1.3 if "LOW" in dict(effective.settings).values() else 1
        )


def test_a_switch_that_helps_is_kept(monkeypatch):
    found = search_gpu(monkeypatch, Throttled(cores=2, described=GPU, base_fps=4000), budget_s=120)
    assert found.outcome.verdict.kind == "faster"
    assert found.outcome.verdict.best.configuration.plain_properties["GPU_QUEUE_THROTTLE"] == "LOW"


def test_switches_for_which_there_was_no_time_are_named(monkeypatch):
    found = search_gpu(monkeypatch, described(GPU, base_fps=4000), budget_s=120, trials=5)
    assert found.outcome.switches
    assert not any(found.outcome.switches.values())


class Slow(SimulatedLanes):
    """A device that compiles for ten seconds, and opens in a second what it has compiled."""

    def open(self, configuration):
        super().open(configuration)
        without = replace(configuration, requests=0)
        first = without not in {replace(configuration, requests=0) for configuration in self.opened[:-1]}
        self.spend(10.0 if first else 1.0)
        return SlowLane(self, configuration, 10.0 if first else 1.0)


class SlowLane(SimulatedLane):
    def __init__(self, lanes, configuration, compile_s):
        super().__init__(lanes, configuration)
        self._compile_s = compile_s

    @property
    def facts(self):
        return replace(super().facts, compile_s=self._compile_s, reopen_s=1.0)


def test_what_would_not_compile_before_the_final_is_not_begun(monkeypatch):
    lanes = lambda host: Slow(host, QUIET)  # noqa: E731
    found = search_gpu(monkeypatch, described(GPU, base_fps=4000), lanes=lanes, budget_s=120)
    assert 3 <= len(found.trials) <= 8
    assert found.final is not None
    assert found.final.rounds[-1].at_s <= 125
    assert found.final.rounds[-1].sitting >= 4
    assert not all(found.outcome.switches.values())


def test_opening_again_costs_what_loading_costs(monkeypatch):
    lanes = lambda host: Slow(host, QUIET)  # noqa: E731
    found = search_gpu(monkeypatch, described(GPU, base_fps=4000), lanes=lanes, budget_s=120)
    history = History(found.trials)
    hint, *_, last = [trial for trial in found.trials if trial.rounds]
    assert cost_of([last.configuration], history, hint).start_s < 5
    other = replace(last.configuration, requests=last.configuration.requests + 1)
    assert history.open_s(other) == 1.0
    unknown = Configuration.of("GPU", {"NUM_STREAMS": 1}, 3, 1)
    assert history.open_s(unknown) == 10.0
    budget = Budget(120.0, None, lambda: 0.0)
    assert too_expensive(unknown, history, budget, Strategy(), left_s=9.0)
    assert not too_expensive(unknown, history, budget, Strategy(), left_s=11.0)


def test_the_switches_of_a_combination_are_those_of_its_devices(monkeypatch):
    monkeypatch.setattr(devices, "core", lambda plugins=None: DescribedCore(GPU=GPU, GPX=GPU))
    facts = {name: devices.facts(devices.describe(name)) for name in ("GPU", "GPX")}
    host = SimulatedHost({name: described(GPU, base_fps=2000) for name in facts})
    found = simulate_host(host, "MULTI:GPU,GPX", facts=facts, budget_s=240, noise=QUIET)
    own = [trial.configuration.plain_properties.get(DEVICE_PROPERTIES, {}) for trial in found.trials]
    assert any(LATE & set(settings) for each in own for settings in each.values())
    assert "gpu queue priority high" in found.outcome.switches
