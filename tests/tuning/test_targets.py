"""Searches over several targets of a simulated machine."""

from dataclasses import replace

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.simulation import MODEL, MemoryStore, simulate_host
from tuner.domain.configuration import Configuration
from tuner.domain.standing import standings
from tuner.domain.stats import Speedup
from tuner.domain.target import target_of
from tuner.domain.trial import Trial
from tuner.errors import DeviceError, UsageError
from tuner.measure.answers import first_proved
from tuner.tuning.progress import BaselineReady, TrialEnded
from tuner.tuning.targets import targets_for

PLAIN = SimulatedDevice(base_fps=1000, batch_gain=1.0, one_stream=1.0, more_requests=1.0)
TWO = SimulatedHost({"CPU": PLAIN, "EMU": PLAIN}, together=0.9)


def test_two_devices_together_are_found_with_their_gain_as_a_share_of_the_plain_sum():
    found = simulate_host(TWO, "AUTO:EMU,CPU", noise=QUIET)
    assert found.outcome.verdict.kind != "faster"  # the hint on both of them at once is as fast as can be
    assert found.outcome.baseline.configuration.device == "AUTO:EMU,CPU"
    shares = {standing.target: standing.share_of_sum for standing in standings(found.trials, found.targets)}
    assert shares["AUTO:EMU,CPU"] == pytest.approx(0.9, abs=0.05)
    assert shares["CPU"] is shares["EMU"] is None


def test_a_combination_that_adds_nothing_loses_to_one_of_its_devices():
    found = simulate_host(replace(TWO, together=0.5), "MULTI:EMU,CPU")
    assert not target_of(found.outcome.verdict.best.configuration.device).combines


def test_the_baseline_is_the_best_hint_of_all():
    fast = replace(PLAIN, base_fps=5000)
    found = simulate_host(SimulatedHost({"CPU": PLAIN, "EMU": fast}, together=0.6), "MULTI:EMU,CPU")
    assert found.outcome.baseline.configuration.device == "EMU"
    assert found.outcome.verdict.best.configuration.device == "EMU"


def test_explicit_settings_of_each_device_beat_the_hint_on_all_where_they_pay():
    crowded = replace(PLAIN, batch_gain=2.0)
    found = simulate_host(SimulatedHost({"CPU": crowded, "EMU": crowded}), "AUTO:EMU,CPU")
    assert found.outcome.verdict.kind == "faster"
    assert found.outcome.verdict.best.configuration.device.startswith("AUTO:")
    assert found.outcome.verdict.best.configuration.batch > 4


def test_targets_share_the_budget_and_the_leader_gets_more():
    found = simulate_host(TWO, "AUTO:EMU,CPU", budget_s=240)
    tried = {
        str(target): sum(target.covers(trial.configuration.device) for trial in found.trials)
        for target in found.targets
    }
    assert min(tried.values()) >= 3
    assert max(tried, key=tried.get) == "AUTO:EMU,CPU"


def test_the_members_of_a_combination_are_tried_before_it():
    events = []
    simulate_host(TWO, "AUTO:EMU,CPU", tell=events.append)
    first = [event.trial.configuration.device for event in events if isinstance(event, TrialEnded)][:3]
    assert set(first[:2]) == {"EMU", "CPU"}


def test_a_device_that_does_not_run_is_left_out_with_its_combinations():
    broken = replace(PLAIN, broken=lambda _: "no driver")
    host = SimulatedHost({"CPU": PLAIN, "EMU": PLAIN, "NPU": broken})
    events = []
    found = simulate_host(host, "AUTO:NPU,EMU,CPU", "MULTI:EMU,CPU", tell=events.append)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert {str(target): why for target, why in ready.left_out.items()} == {
        "NPU": "no driver",
        "AUTO:NPU,EMU,CPU": "NPU does not run (no driver)",
    }
    assert [str(target) for target in found.targets] == ["EMU", "CPU", "MULTI:EMU,CPU"]
    with pytest.raises(
        DeviceError, match="does not run on NPU, not even with the performance hint: no driver"
    ):
        simulate_host(host, "NPU")


def test_a_combination_that_silently_runs_on_fewer_devices_is_left_out():
    events = []
    simulate_host(replace(TWO, missing=frozenset({"EMU"})), "AUTO:EMU,CPU", tell=events.append)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert list(ready.left_out.values()) == ["OpenVINO leaves EMU out of it"]


def test_three_devices_are_searched_alone_and_together():
    host = SimulatedHost({"CPU": PLAIN, "EMU": PLAIN, "EMU2": PLAIN}, together=0.8)
    found = simulate_host(host, "AUTO:EMU,EMU2,CPU", noise=QUIET)
    shares = {standing.target: standing.share_of_sum for standing in standings(found.trials, found.targets)}
    assert shares["AUTO:EMU,EMU2,CPU"] == pytest.approx(0.8, abs=0.05)


def test_the_same_search_again_keeps_its_baseline():
    store = MemoryStore()
    first = simulate_host(TWO, "AUTO:EMU,CPU", store=store, budget_s=30)
    again = simulate_host(TWO, "AUTO:EMU,CPU", store=store, budget_s=30, seed=3)
    assert again.outcome.baseline.configuration == first.outcome.baseline.configuration
    assert len(store.kept) > len(first.trials)


@pytest.mark.parametrize(
    ("asked", "targets"),
    [
        ((), ["GPU", "CPU", "AUTO:GPU,CPU", "MULTI:GPU,CPU"]),
        (("CPU",), ["CPU"]),
        (("MULTI:CPU(2),GPU(4)",), ["CPU", "GPU", "MULTI:CPU,GPU"]),
        (("AUTO:GPU,CPU", "CPU"), ["GPU", "CPU", "AUTO:GPU,CPU"]),
    ],
)
def test_what_is_searched_for_what_was_asked(asked, targets):
    assert [str(target) for target in targets_for(asked, ("CPU", "GPU"))] == targets


def test_a_lone_cpu_is_searched_alone():
    assert [str(target) for target in targets_for((), ("CPU",))] == ["CPU"]


@pytest.mark.parametrize(
    ("asked", "error", "sentence"),
    [
        (("NPU",), DeviceError, "There is no device 'NPU' here; device= takes one of: CPU, GPU."),
        (("MULTI:NPU,CPU",), DeviceError, "There is no device 'NPU' (in 'MULTI:NPU,CPU') here"),
        (("CPU", "CPU"), UsageError, "device='CPU' is given twice"),
        (
            ("AUTO:GPU,CPU", "AUTO:CPU,GPU"),
            UsageError,
            "is given twice; give each target once, in a single order",
        ),
        (("BATCH:CPU(8)", "BATCH:CPU(16)"), UsageError, "is given twice"),
        (("MULTI:CPU",), UsageError, "combines only one device"),
    ],
)
def test_targets_that_cannot_be_searched_are_refused(asked, error, sentence):
    with pytest.raises(error) as refusal:
        targets_for(asked, ("CPU", "GPU"))
    assert sentence in str(refusal.value)


def test_automatic_batching_is_a_target_of_its_own_for_each_device():
    found = [str(target) for target in targets_for(("AUTO:GPU,CPU", "BATCH:CPU(8)"), ("CPU", "GPU"), "both")]
    assert found == ["GPU", "CPU", "BATCH:CPU(8)", "BATCH:GPU", "AUTO:GPU,CPU"]


class FailingLanes(SimulatedLanes):
    """Lanes whose windows fail on one device."""

    def open(self, configuration):
        lane = super().open(configuration)
        if "EMU" in configuration.device:
            lane.close()
        return lane


def test_a_device_that_compiles_and_does_not_run_is_left_out_and_the_rest_goes_on(monkeypatch):
    monkeypatch.setattr("tests.simulation.SimulatedLanes", FailingLanes)
    events = []
    found = simulate_host(TWO, "AUTO:EMU,CPU", tell=events.append)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert {str(target) for target in ready.left_out} == {"EMU", "AUTO:EMU,CPU"}
    assert [str(target) for target in found.targets] == ["CPU"]


@pytest.mark.slow
def test_a_trial_that_silently_runs_on_fewer_devices_fails():
    class LosesOne(SimulatedHost):
        def effective(self, configuration):
            effective = super().effective(configuration)
            return (
                replace(effective, devices=effective.devices[1:])
                if effective.members and effective.batch > 1
                else effective
            )

    found = simulate_host(LosesOne(TWO.devices), "AUTO:EMU,CPU", noise=QUIET)
    lost = [
        trial
        for trial in found.trials
        if "AUTO" in trial.configuration.device and trial.configuration.batch > 1
    ]
    assert lost
    assert {trial.state for trial in lost} == {"failed"}
    assert all(trial.reason.startswith("OpenVINO leaves ") for trial in lost)


def test_automatic_batching_shows_its_share_of_an_explicit_batchs_gain():
    hint = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
    found = [
        trial_of(hint, 1.0),
        trial_of(replace(hint, batch=16), 3.0),
        trial_of(replace(hint, device="BATCH:CPU(16)", requests=32), 2.0),
    ]
    targets = [target_of("CPU"), target_of("BATCH:CPU")]
    assert [standing.share_of_gain for standing in standings(found, targets)] == [None, pytest.approx(0.5)]
    no_batch = [found[0], trial_of(replace(hint, requests=4), 1.2), found[2]]
    assert [standing.share_of_gain for standing in standings(no_batch, targets)] == [None, None]


def trial_of(configuration, ratio):
    return Trial(0, configuration, "measured", speedup=Speedup(ratio, ratio, ratio, 0.95, 6))


def test_a_budget_too_short_to_open_every_hint_is_refused_and_leaves_nothing_half_known():
    store = MemoryStore()
    with pytest.raises(
        UsageError, match=r"budget=0\.4 was over before the hint on AUTO:EMU,CPU was open, of 3"
    ):
        simulate_host(TWO, "AUTO:EMU,CPU", budget_s=0.4, store=store)  # a lane opens in 0.25 s
    assert store.kept == []


def test_a_hint_that_an_earlier_run_could_not_measure_is_measured_when_it_runs():
    store = MemoryStore()
    broken = SimulatedHost({**TWO.devices, "EMU": replace(PLAIN, broken=lambda _: "no driver")})
    simulate_host(broken, "AUTO:EMU,CPU", budget_s=20, store=store)
    known = len(store.kept)
    found = simulate_host(TWO, "AUTO:EMU,CPU", budget_s=60, store=store)
    assert [trial.configuration.device for trial in found.trials[known : known + 2]] == [
        "EMU",
        "AUTO:EMU,CPU",
    ]
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))
    assert all(trial.rounds for trial in found.trials[known : known + 2])


def test_a_device_that_dies_while_the_hints_are_measured_is_left_out_with_its_combinations(monkeypatch):
    class Dying(SimulatedLanes):
        def open(self, configuration):
            lane, window = super().open(configuration), None
            if configuration.device == "EMU":
                window, left = lane.window, [3]

                def dies(seconds):
                    left[0] -= 1
                    return window(seconds) if left[0] else lane.close() or window(seconds)

                lane.window = dies
            return lane

    monkeypatch.setattr("tests.simulation.SimulatedLanes", Dying)
    events = []
    found = simulate_host(TWO, "AUTO:EMU,CPU", tell=events.append)
    (ready,) = [event for event in events if isinstance(event, BaselineReady)]
    assert {str(target) for target in ready.left_out} == {"EMU", "AUTO:EMU,CPU"}
    assert {trial.configuration.device for trial in found.trials} == {"CPU"}


def test_devices_are_found_by_openvinos_other_name_for_them():
    assert [str(target) for target in targets_for(["GPU", "MULTI:GPU,CPU"], ("CPU", "GPU.0", "GPU.1"))] == [
        "GPU.0", "CPU", "MULTI:GPU.0,CPU",
    ]  # fmt: skip
    assert [str(target) for target in targets_for(["BATCH:EMU.0(4)"], ("CPU", "EMU"))] == [
        "EMU",
        "BATCH:EMU(4)",
    ]
    assert [str(target) for target in targets_for([], ("CPU", "MY-EMU"))][:2] == ["MY-EMU", "CPU"]
    with pytest.raises(DeviceError, match=r"no device 'GPU\.2' here"):
        targets_for(["GPU.2"], ("CPU", "GPU.0", "GPU.1"))


def test_the_best_of_a_target_is_shown_as_the_final_saw_it():
    crowded = replace(PLAIN, batch_gain=2.0)
    found = simulate_host(SimulatedHost({"CPU": crowded, "EMU": crowded}), "AUTO:EMU,CPU")
    *_, together = standings(found.trials, found.targets, found.outcome.verdict.best, found.final.finalists)
    assert together.best is found.outcome.verdict.best
    everything = standings(found.trials, found.targets, found.outcome.verdict.best, found.final.finalists)
    alone = [standing for standing in everything if not standing.target.startswith("AUTO:")]
    assert together.share_of_sum == pytest.approx(
        found.outcome.verdict.speedup.ratio / sum(standing.best.ratio for standing in alone)
    )


def test_where_the_hint_is_kept_it_is_the_best_of_its_target():
    found = simulate_host(TWO, "AUTO:EMU,CPU", noise=QUIET)
    *_, together = standings(found.trials, found.targets, found.outcome.verdict.best, found.final.finalists)
    assert together.best is found.outcome.baseline
    assert together.best.ratio == 1.0


def test_batching_is_proved_on_the_first_device_that_runs_the_model():
    def opened(*names):
        host = SimulatedHost({"NPU": replace(PLAIN, broken=lambda _: "no driver"), "CPU": PLAIN})
        lanes = SimulatedLanes(host)
        found = first_proved([(MODEL, lanes)], replace(MODEL, inputs=()), dict.fromkeys(names, False))
        return found[0], [configuration.device for configuration in lanes.opened]

    assert opened("NPU", "CPU") == (MODEL, ["NPU", "CPU", "CPU"])
    with pytest.raises(DeviceError, match=r"The model runs on no device here \(NPU: no driver\)"):
        opened("NPU")  # which no batch is to blame for
