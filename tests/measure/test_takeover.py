"""`AUTO` may answer from a stand-in while it compiles for the device that it chose."""

import itertools
from types import SimpleNamespace

import pytest

from tuner.domain.configuration import Configuration, Effective
from tuner.errors import LaneError
from tuner.measure import compiling
from tuner.measure.lane import LaneFacts, require_all_devices

AUTO = Configuration.of("AUTO:GPU,CPU", {"PERFORMANCE_HINT": "LATENCY"}, 1, 2)


def lane_on(*devices):
    effective = Effective(devices, None, None, None, None, 1, 2)
    return SimpleNamespace(facts=LaneFacts(effective, 2, compile_s=1.0, reopen_s=1.0))


def test_a_lane_waits_until_the_device_that_was_chosen_has_taken_over():
    answers = itertools.chain([["(CPU)"], ["(CPU)"]], itertools.repeat(["GPU.0"]))
    asked = []
    compiled = SimpleNamespace(get_property=lambda name: asked.append(name) or next(answers))
    compiling._wait_for_takeover(compiled)
    assert asked == ["EXECUTION_DEVICES"] * 3


def test_waiting_ends_when_nothing_takes_over(monkeypatch):
    moments = itertools.count(0, 40)
    monkeypatch.setattr(compiling.time, "perf_counter", lambda: float(next(moments)))
    monkeypatch.setattr(compiling.time, "sleep", lambda _: None)
    compiling._wait_for_takeover(SimpleNamespace(get_property=lambda _: ["(CPU)"]))


def test_a_lane_that_still_answers_from_a_stand_in_is_refused():
    with pytest.raises(LaneError, match=r"the device that AUTO chose did not take over from \(CPU\)"):
        require_all_devices(AUTO, lane_on("(CPU)"))
    require_all_devices(AUTO, lane_on("GPU.0"))
