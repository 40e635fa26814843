"""What is written on the command line: it is read, or refused in one sentence with an exit code of its own."""

import re

import numpy as np
import openvino as ov
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tuner.commands.search
from tests import models
from tests.faults.refusing import worked_or_refused
from tuner.cli import app
from tuner.domain.target import target_of
from tuner.domain.units import counts_of, seconds_of, shapes_of
from tuner.errors import UsageError
from tuner.probe.model import read_model

many = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

DIGITS = st.one_of(
    st.integers(-2, 70).map(str),
    st.sampled_from(["9" * 5000, "0" * 5000 + "1", "18446744073709551616", "٣", "1e3", "0x10", "1_000", "1.5", "inf"]),
)  # fmt: skip
PIECES = st.one_of(
    DIGITS,
    st.sampled_from([*",-:[]()=. \t\n\0'\"", "--", "x", "hint", "CPU", "GPU.1", "MULTI:", "AUTO:", "BATCH:", "s", "m", "h"]),
    st.text(max_size=3),
)  # fmt: skip
TEXT = st.lists(PIECES, max_size=8).map("".join)
SHAPE = st.tuples(st.sampled_from(["", "x", "nope"]), st.lists(DIGITS, max_size=5)).map(
    lambda shape: f"{shape[0]}[{','.join(shape[1])}]"
)
VALUES = {
    "--budget": st.tuples(DIGITS, st.sampled_from(["", "s", "m", "h"])).map("".join),
    "--device": TEXT,
    "--streams": TEXT,
    "--batch": st.lists(st.lists(DIGITS, min_size=1, max_size=2).map("-".join), max_size=4).map(",".join),
    "--requests": TEXT,
    "--shape": SHAPE | TEXT,
    "--seed": DIGITS,
    "--trials": DIGITS,
    "--input": TEXT,
    "--output": TEXT,
    "--batching": TEXT,
}
OPTION = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name] | TEXT))


@many
@given(text=TEXT | SHAPE)
@example(text="9" * 5000)
@example(text=f"1-{'9' * 5000}")
@example(text=f"x[{'9' * 5000}]")
def test_a_text_is_read_or_refused(text):
    for read in (seconds_of, shapes_of, target_of, lambda text: counts_of(text, "--batch", "hint")):
        with worked_or_refused(one_line=False):
            read(text)


@many
@given(given_options=st.lists(OPTION, max_size=4))
def test_a_command_line_is_read_or_refused(monkeypatch, capsys, given_options):
    asked = {}

    def search(model, **options):
        asked.update(options)
        raise UsageError("Read.")

    monkeypatch.setattr(tuner.commands.search, "search", search)
    arguments = [
        part.replace("\0", "") for option in given_options for part in option
    ]  # no argument can hold it
    assert app.main(["search", "m.xml", "--quiet", *arguments]) == UsageError.exit_code
    shown = capsys.readouterr().err
    assert re.fullmatch(r"tuner: [^\n]+\n", shown)
    assert bool(asked) == (shown == "tuner: Read.\n")


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    x = models.parameter([-1, -1], ov.Type.f32)
    return models.save(folder / "m.xml", [models.ops.result(models.ops.relu(x))], [x])


@settings(many, max_examples=100)
@given(shapes=st.dictionaries(
    st.sampled_from(["", "x", "nope"]),
    st.lists(st.integers(1, 9) | st.sampled_from([-1, 0, np.int64(3), 1 << 31, 1 << 62, 1 << 63, 10**30, 1.5, "1", None]), max_size=4),
))  # fmt: skip
@example(shapes={"x": []})
@example(shapes={"": [10**30, 1]})
@example(shapes={"": [1 << 62, 1 << 62]})
def test_a_model_takes_a_shape_or_refuses_it(dynamic, shapes):
    with worked_or_refused():
        read_model(dynamic, {name: tuple(shape) for name, shape in shapes.items()})
