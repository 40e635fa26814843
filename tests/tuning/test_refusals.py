"""Searches on devices that refuse something, and what two failures have in common."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.simulation import MODEL, MemoryStore, simulate, simulate_host
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.target import target_of
from tuner.domain.trial import Trial
from tuner.tuning.points import Points
from tuner.tuning.refusals import Refusals

FACTS = DeviceFacts("CPU", 4, frozenset({"NUM_STREAMS"}), 4, 4)
SPACE = device_space(FACTS, 1, True, Bounds(), hint_requests=4)
PLAIN = SimulatedDevice(base_fps=1000, batch_gain=1.0, one_stream=1.0, more_requests=1.0)


def configuration(streams, batch, requests_per_stream=1):
    point = {"streams": streams, "batch": batch, "requests_per_stream": requests_per_stream}
    return SPACE.configuration(point)


def failed(streams, batch, requests_per_stream=1, reason="no"):
    return Trial(0, configuration(streams, batch, requests_per_stream), "failed", reason=reason)


def ran(streams, batch):
    return Trial(0, configuration(streams, batch), "measured")


def refusals(*trials):
    return Refusals(Points({target_of("CPU"): SPACE}), trials)


def test_what_fails_twice_for_one_reason_with_one_choice_is_closed():
    known = refusals(ran("hint", 1), ran(2, 8), failed(4, 1), failed(4, 8))
    assert known.refuses(configuration(4, 64, 2))
    assert not known.refuses(configuration(2, 64, 2))
    assert known.sentences() == ["CPU: configurations with streams 4 were given up after two failures (no)"]


def test_one_failure_closes_nothing():
    known = refusals(failed(4, 1))
    assert not known.refuses(configuration(4, 1))
    assert known.sentences() == []


def test_failures_for_different_reasons_have_nothing_in_common():
    assert not refusals(failed(4, 1, reason="no"), failed(4, 8, reason="never")).refuses(configuration(4, 2))


def test_a_property_that_the_reason_names_is_to_blame():
    reason = "Invalid value: 4 for property: NUM_STREAMS"
    known = refusals(failed(4, 8, 1, reason), failed(4, 8, 2, reason))
    assert known.refuses(configuration(4, 1))
    assert not known.refuses(configuration(2, 8))


def test_choices_that_failed_together_are_closed_together_until_they_are_known_apart():
    together = [ran("hint", 1), failed(4, 8, 1), failed(4, 8, 2)]
    known = refusals(*together)
    assert known.refuses(configuration(4, 8, 4))
    assert not known.refuses(configuration(4, 1))
    assert not known.refuses(configuration(2, 8))
    known.learn(failed(4, 16, 1))
    assert known.refuses(configuration(4, 2))
    assert not known.refuses(configuration(2, 8))


def test_what_has_run_is_not_to_blame():
    known = refusals(failed(4, 8), failed(4, 16))
    assert known.refuses(configuration(4, 1))
    known.learn(ran(4, 1))
    assert not known.refuses(configuration(4, 2))


def test_reasons_that_differ_in_numbers_only_are_the_same_reason():
    known = refusals(
        failed(2, 64, reason="exceeded max size: requested 3840000000 bytes at 0x7f3a"),
        failed(4, 64, reason="exceeded max size: requested 7680000000 bytes at 0x7f3b"),
    )
    assert known.refuses(configuration(1, 64))
    assert not known.refuses(configuration(1, 32))


def test_an_axis_with_one_choice_is_not_to_blame():
    bound = device_space(FACTS, MODEL.batch, True, Bounds(batch=(64,)), hint_requests=4)
    known = Refusals(points := Points({target_of("CPU"): bound}))
    for streams, requests in ((1, 1), (2, 2)):
        point = {"streams": streams, "batch": 64, "requests_per_stream": requests}
        known.learn(Trial(0, bound.configuration(point), "failed", reason="no"))
    assert not any(map(known.refuses, map(bound.configuration, bound.points())))
    assert list(points.spaces) == [bound]


def test_a_device_that_vanished_is_tried_again_when_the_search_goes_on():
    store = MemoryStore()
    host = SimulatedHost({"CPU": PLAIN, "EMU": PLAIN}, together=0.5)
    first = simulate_host(
        host, "AUTO:EMU,CPU", budget_s=120, lanes=Unplugged(host, "EMU", after=20), store=store
    )
    lost = {trial.configuration for trial in first.trials if trial.state == "failed"}
    assert len(lost) >= 3
    again = simulate_host(host, "AUTO:EMU,CPU", budget_s=240, store=store, seed=1)
    assert not again.gone
    assert again.refused == []
    tried = {trial.configuration for trial in again.trials[len(first.trials) :]}
    assert lost & tried


def test_a_hint_is_asked_again_only_after_as_many_more_failures():
    picky = replace(
        PLAIN,
        broken=lambda configuration: (
            f"no {configuration}" if configuration.batch > 1 or not configuration.uses_hint else None
        ),
    )
    lanes = SimulatedLanes(picky, QUIET)
    found = simulate(lanes=lanes, budget_s=120)
    failures = sum(trial.state == "failed" for trial in found.trials)
    hints = [
        configuration for configuration in lanes.opened if configuration == found.trials[0].configuration
    ]
    assert failures > 6
    assert len(hints) <= 2 + failures // 3


def test_a_device_that_takes_no_explicit_streams_fails_twice_a_count_and_no_more():
    def broken(configuration):
        streams = configuration.plain_properties.get("NUM_STREAMS")
        return f"Invalid value: {streams} for property: NUM_STREAMS" if streams else None

    found = simulate(SimulatedDevice(cores=4, base_fps=2000, broken=broken))
    failures = [trial for trial in found.trials if trial.state == "failed"]
    counts = Counter(trial.configuration.plain_properties["NUM_STREAMS"] for trial in failures)
    assert counts
    assert max(counts.values()) <= 2
    assert any(trial.state != "failed" for trial in found.trials[1:])
    assert all(sentence.startswith("CPU: configurations with streams ") for sentence in found.refused)


def test_a_batch_that_is_too_large_is_not_tried_again_and_the_rest_is():
    broken = lambda configuration: "out of memory" if configuration.batch >= 32 else None  # noqa: E731
    found = simulate(SimulatedDevice(base_fps=2000, batch_gain=3.0, broken=broken), budget_s=120)
    assert sum(trial.state == "failed" for trial in found.trials) <= 6
    assert found.outcome.verdict.kind == "faster"
    assert found.outcome.verdict.best.configuration.batch in (8, 16, 24)


class Unplugged(SimulatedLanes):
    """A device that is gone after so many lanes."""

    def __init__(self, host, device, after):
        super().__init__(host, QUIET)
        self._device, self._after = device, after

    def open(self, configuration):
        if len(self.opened) == self._after:
            gone = replace(self.device.devices[self._device], broken=lambda _: "no such device")
            self.device = replace(self.device, devices={**self.device.devices, self._device: gone})
        return super().open(configuration)


def test_a_device_that_vanishes_is_given_up_with_its_combinations_and_the_rest_goes_on():
    fast = replace(PLAIN, base_fps=2000, batch_gain=2.0)
    host = SimulatedHost({"CPU": fast, "EMU": PLAIN}, together=0.5)
    found = simulate_host(host, "AUTO:EMU,CPU", budget_s=240, lanes=Unplugged(host, "EMU", after=20))
    assert {str(target): why for target, why in found.gone.items()}["EMU"] == "no such device"
    failures = [trial for trial in found.trials if trial.state == "failed"]
    assert 3 <= len(failures) <= 6
    assert found.trials[-1].configuration.device == "CPU"
    assert found.outcome.verdict.best.configuration.device == "CPU"


@pytest.mark.slow
def test_the_setting_that_makes_a_combination_lose_a_device_is_named():
    picky = replace(
        PLAIN,
        broken=lambda configuration: "no" if configuration.plain_properties.get("NUM_STREAMS") == 1 else None,
    )
    found = simulate_host(SimulatedHost({"CPU": PLAIN, "EMU": picky}), "AUTO:EMU,CPU", budget_s=240)
    reasons = {trial.reason for trial in found.trials if trial.configuration.device.startswith("AUTO")} - {
        None
    }
    lost = [reason for reason in reasons if "leaves EMU out" in reason]
    assert lost == ["OpenVINO leaves EMU out of it for NUM_STREAMS=1; without that, EMU takes part"]
    own = [
        trial.configuration.plain_properties["DEVICE_PROPERTIES"]["EMU"]
        for trial in found.trials
        if trial.reason in lost
    ]
    counts = Counter(
        tuple(settings.items()) for settings in own
    )  # one stream on all cores, or in a share of them
    assert max(counts.values()) <= 2


@pytest.mark.parametrize("own", [{"EMU": {"NUM_STREAMS": 1}}, {"EMU": {"NUM_STREAMS": 1, "X": 2}}])
def test_a_combination_with_one_property_fewer_keeps_the_others(own):
    configuration = Configuration.of(
        "AUTO:EMU,CPU", {"PERFORMANCE_HINT": "H", "DEVICE_PROPERTIES": own}, 1, 2
    )
    fewer = configuration.without("EMU", "NUM_STREAMS").plain_properties
    assert fewer["PERFORMANCE_HINT"] == "H"
    assert fewer.get("DEVICE_PROPERTIES") == ({"EMU": {"X": 2}} if "X" in own["EMU"] else None)
    assert configuration.plain_properties["DEVICE_PROPERTIES"] == own


def test_the_points_of_a_space_are_found_with_their_late_choices():
    gpu = DeviceFacts("GPU", 2, frozenset({"NUM_STREAMS", "GPU_QUEUE_PRIORITY", "GPU_QUEUE_THROTTLE"}), 0, 0)
    space = device_space(gpu, MODEL.batch, True, Bounds(), hint_requests=4)
    point = {"streams": 2, "batch": 4, "requests_per_stream": 2}
    chosen = {**point, "queue_priority": "high", "queue_throttle": "low"}
    found_space, found = Points({target_of("GPU"): space}).at(space.configuration(chosen))
    assert found_space is space
    assert chosen.items() <= found.items()
    assert Points({target_of("GPU"): space}).at(Configuration.of("CPU", {}, 1, 1)) is None
