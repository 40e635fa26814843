import random
import re
from dataclasses import replace

import pytest

from tests.lanes.simulated import SimulatedDevice, SimulatedHost
from tests.simulation import simulate, simulate_host
from tuner.domain.configuration import Configuration
from tuner.domain.load import Load
from tuner.domain.model import Model
from tuner.domain.question import Question
from tuner.tuning.remarks import host_notices, measurement_notices, model_notices


@pytest.mark.parametrize(("noise", "codes"), [(0.01, []), (0.5, ["noisy-host"])])
def test_what_disturbed_the_measurements_is_reported_afterwards(noise, codes):
    found = steady(simulate(), noise)
    assert [notice.code for notice in measurement_notices(found)] == codes


@pytest.mark.parametrize(("stolen", "codes"), [(0.0, []), (0.02, []), (0.1, ["stolen-time"])])
def test_time_that_the_hypervisor_took_is_reported(stolen, codes):
    assert [notice.code for notice in host_notices(stolen)] == codes


def test_a_host_that_changed_in_many_rounds_is_reported():
    found = steady(simulate())
    rounds = sum(len(trial.rounds) for trial in found.trials) + len(found.final.rounds)
    assert not list(measurement_notices(replace(found, final=replace(found.final, unsteady=rounds // 10))))
    (notice,) = measurement_notices(replace(found, final=replace(found.final, unsteady=rounds // 3)))
    assert notice.code == "noisy-host"
    assert re.match(r"The host changed its speed in 2[45] % of the rounds", notice.text)


def test_under_a_load_the_hints_rates_say_nothing_of_the_host_and_its_sentinel_does():
    found = steady(simulate(), 0.5)
    assert not list(measurement_notices(found, Question("cpu", load=Load(200.0))))
    (notice,) = measurement_notices(
        replace(found, final=replace(found.final, unsteady=999)), Question("cpu", load=Load(200.0))
    )
    assert notice.text.startswith("The host changed its speed in")


def test_a_number_of_streams_that_the_device_changed_is_reported():
    found = steady(simulate(budget_s=20))
    assert not list(measurement_notices(found))
    asked = Configuration.of("CPU", {"NUM_STREAMS": 8}, 1, 8)
    trials = [replace(trial, configuration=asked) for trial in found.trials if trial.effective]
    (warning,) = measurement_notices(replace(found, trials=trials[:1]))
    assert warning.code == "clamped"
    assert warning.text.startswith("CPU compiled NUM_STREAMS=8 as 2; ")


@pytest.mark.parametrize("second", ["CPU", "GPU.0"])
def test_a_number_of_streams_that_a_device_of_a_combination_changed_is_reported(second):
    found = together_of(members := ("EMU", second))
    asked = {name: {"NUM_STREAMS": 2 + place} for place, name in enumerate(members)}
    changed = Configuration.of(f"AUTO:EMU,{second}", {"DEVICE_PROPERTIES": asked}, 1, 4)
    trials = [
        replace(trial, configuration=changed)
        for trial in found.trials
        if trial.effective and trial.effective.members
    ]
    (warning,) = measurement_notices(replace(found, trials=trials[:1]))
    assert warning.text.startswith(f"{second.removesuffix('.0')} compiled NUM_STREAMS=3 as 2; ")


def test_devices_that_compute_in_different_precisions_are_reported():
    found = together_of(("EMU", "CPU"))
    assert not list(measurement_notices(found))
    mixed = [
        replace(trial, effective=replace(trial.effective, precision="bf16+f16")) if trial.effective else trial
        for trial in found.trials
    ]
    (warning,) = measurement_notices(replace(found, trials=mixed))
    assert warning.code == "mixed-precision"
    assert "(bf16+f16)" in warning.text


def test_a_model_with_a_state_is_told_that_every_request_has_its_own():
    model = Model("m", "m.xml", "", (), (), 1, None)
    assert list(model_notices(model, inputs_matter=True)) == []
    (notice,) = model_notices(replace(model, stateful=True), inputs_matter=True)
    assert notice.code == "stateful"
    assert "each infer request has a state of its own" in notice.text


def together_of(names):
    host = SimulatedHost({name: SimulatedDevice(base_fps=1000) for name in names})
    found = simulate_host(host, f"AUTO:{','.join(names)}", budget_s=20)
    return steady(found)


def steady(found, noise=0.0):
    """The same findings with a baseline that strays by so much at most."""
    rng = random.Random(0)

    def calm(played):
        return replace(played, rates_fps=(100 * (1 + rng.uniform(-noise, noise)), *played.rates_fps[1:]))

    trials = [replace(trial, rounds=tuple(map(calm, trial.rounds)), unsteady=0) for trial in found.trials]
    final = replace(found.final, rounds=tuple(map(calm, found.final.rounds)), unsteady=0)
    return replace(found, trials=trials, final=final)
