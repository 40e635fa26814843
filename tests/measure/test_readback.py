"""The same program has the same effective configuration, whichever properties asked for it."""

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest

from tuner.domain.configuration import Configuration
from tuner.measure.readback import read_back


class Compiled:
    """A compiled model that reports some properties."""

    def __init__(self, **reported):
        self._reported = {"EXECUTION_DEVICES": ["CPU"], **reported}

    def get_property(self, name):
        if name not in self._reported:
            raise RuntimeError(f"Unsupported property {name}")
        return self._reported[name]


def settings(asked, **reported):
    return read_back(Compiled(**reported), Configuration.of("CPU", asked, 1, 2), 2).settings


HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}


def test_on_two_sockets_the_hint_without_hyper_threading_is_the_hint():
    """OpenVINO leaves it out by itself there."""
    asked = {**HINT, "ENABLE_HYPER_THREADING": False}
    assert settings(asked, ENABLE_HYPER_THREADING=False) == settings(HINT, ENABLE_HYPER_THREADING=False) == ()


@pytest.mark.parametrize("reported", [True, "YES"])
def test_streams_with_hyper_threading_are_the_hint_that_uses_it(reported):
    on = (("ENABLE_HYPER_THREADING", "YES"),)
    asked = {"NUM_STREAMS": 4, "ENABLE_HYPER_THREADING": True}
    common = {"ENABLE_HYPER_THREADING": reported, "NUM_STREAMS": 4}
    assert settings(asked, **common) == settings(HINT, **common) == on
    assert settings({"NUM_STREAMS": 4}, ENABLE_HYPER_THREADING=False, NUM_STREAMS=4) == ()


def test_where_it_is_not_reported_it_counts_as_asked_for():
    assert settings({**HINT, "ENABLE_HYPER_THREADING": False}) == (("ENABLE_HYPER_THREADING", "NO"),)
    assert settings(HINT) == ()


def test_a_processor_reports_what_it_does_and_not_what_was_asked_for():
    x = ops.parameter([1, 8], np.float32)
    core, model = ov.Core(), ov.Model([ops.relu(x)], [x], "m")
    one_thread_a_core = {"ENABLE_HYPER_THREADING": False}
    plain, off = (
        read_back(core.compile_model(model, "CPU", asked.compile_properties), asked, 2)
        for asked in (
            Configuration.of("CPU", {"NUM_STREAMS": 1, **further}, 1, 2)
            for further in ({}, one_thread_a_core)
        )
    )
    assert plain == off
