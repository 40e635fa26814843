"""Advice that is damaged in a few places: it works, or is refused in one sentence."""

import itertools
import math
from functools import cache

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tuner
from tests import models
from tests.advice.advice_of import advice_of, result_of
from tests.faults.mutating import edited, edits_of
from tests.faults.refusing import worked_or_refused
from tests.simulation import MODEL, simulate
from tuner.advice.export import EXPORTS
from tuner.advice.writer import make_advice

MOST_IN_FLIGHT = 1 << 12
"""Items in flight up to which advice is put to use: more is allowed, and takes the memory that it takes."""

quickly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)  # fmt: skip
at_length = settings(quickly, max_examples=300)


@cache
def pattern():
    """Advice as plain data, whose places are damaged; the test's own differs in values alone."""
    return msgspec.to_builtins(make_advice(result_of(simulate(), MODEL)))


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    return msgspec.to_builtins(advice_of(models.mlp(tmp_path_factory.mktemp("m") / "m.xml")))


def put_to_use(valid, edits, folder):
    """Do with a file what an application and `tuner export` do."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(edited(valid, edits)))
    with worked_or_refused():
        tuner.load(path, on_mismatch="hint")
    with worked_or_refused():
        advice = tuner.load(path)
        assert repr(advice)
        assert advice._repr_html_()
        for export in EXPORTS.values():
            assert export(advice).text
        assert advice.pick(device="CPU")
        if advice.batch * max(advice.requests, 1) > MOST_IN_FLIGHT:
            return
        compiled = advice.compile()
        shapes = {name: record.shape for name, record in advice.model.inputs.items()}
        sample = {
            name: np.zeros(shape, np.float32) for name, shape in shapes.items() if math.prod(shape) < 1e6
        }
        assert len(list(advice.infer_many(compiled, itertools.repeat(sample, 3)))) == 3


@quickly
@given(edits=st.deferred(lambda: edits_of(pattern())))
@example(edits=[(("model", "batch_axes", "x"), "remove", None)])
@example(edits=[(("search", "seconds"), "set", float("inf"))])
@example(edits=[(("best", "properties"), "set", {"NUM_STREAMS": True})])
@example(edits=[(("best", "properties"), "set", {"DEVICE_PROPERTIES": {}})])
@example(edits=[(("model", "inputs", "x", "shape"), "set", [1 << 62, 1 << 62])])
@example(edits=[(("model", "inputs", "x", "shape", 0), "set", 1 << 62)])
def test_damaged_advice_works_or_is_refused(valid, tmp_path, edits):
    put_to_use(valid, edits, tmp_path)


@pytest.mark.slow
@at_length
@given(edits=st.deferred(lambda: edits_of(pattern())))
def test_damaged_advice_works_or_is_refused_at_length(valid, tmp_path, edits):
    put_to_use(valid, edits, tmp_path)


@quickly
@given(data=st.data())
def test_advice_with_damaged_bytes_works_or_is_refused(valid, tmp_path, data):
    whole = yaml.safe_dump(valid).encode()
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole)))
        end = start + data.draw(st.sampled_from([0, 0, 1, 2, 8, 200]))
        whole = (
            whole[:start] + data.draw(st.binary(max_size=6) | st.text(max_size=6).map(_encoded)) + whole[end:]
        )
    (tmp_path / "config.yaml").write_bytes(whole)
    with worked_or_refused():
        tuner.load(tmp_path / "config.yaml")


def _encoded(text):
    return text.encode("utf-8", "surrogatepass")
