"""Precision as an axis: only where the user opens it, and only what devices say that they have."""

from dataclasses import replace

import pytest

from tuner.domain.combination import combination_space
from tuner.domain.configuration import Configuration
from tuner.domain.device_space import device_space
from tuner.domain.space import Bounds, DeviceFacts
from tuner.domain.target import target_of
from tuner.tuning.guesses import guesses_for

WRITABLE = frozenset({"NUM_STREAMS", "INFERENCE_PRECISION_HINT", "EXECUTION_MODE_HINT"})
CPU = DeviceFacts("CPU", 2, WRITABLE, 2, 2, precisions=("f32", "bf16", "f16"), default_precision="bf16")
GPU = replace(CPU, target="GPU", logical_cores=0, precisions=("f32", "f16"), default_precision="f16")


def space(facts=CPU, precision=None):
    return device_space(facts, 1, True, Bounds(precision=precision), 2)


def test_precision_stays_as_the_hint_sets_it_where_nobody_asks():
    axes = {**space().axes, **space().late}
    assert not {"precision", "execution_mode"} & set(axes)


@pytest.mark.parametrize(
    ("facts", "asked", "choices"),
    [
        (CPU, ("all",), ("default", "f32", "f16")),
        (GPU, ("all",), ("default", "f32")),
        (replace(CPU, default_precision=None), ("all",), ("default", "f32", "bf16", "f16")),
        (CPU, ("f32", "bf16"), ("f32", "bf16")),
        (CPU, ("hint", "f32"), ("default", "f32")),
        (GPU, ("bf16",), ("default",)),
    ],
)
def test_the_choices_are_those_that_are_asked_for_and_that_the_device_has(facts, asked, choices):
    opened = space(facts, asked)
    assert opened.axes["precision"] == choices
    assert opened.late["execution_mode"] == ("default", "accuracy")


def test_a_device_that_takes_no_precision_has_no_such_axis():
    sealed = replace(CPU, writable=frozenset({"NUM_STREAMS"}))
    assert not {"precision", "execution_mode"} & {
        *space(sealed, ("all",)).axes,
        *space(sealed, ("all",)).late,
    }


def test_every_point_comes_back_from_its_configuration():
    opened = space(precision=("all",))
    for point in opened.points():
        assert opened.point(opened.configuration(point)) == point
    found = opened.configuration({**opened.nth(0), "precision": "f16", "execution_mode": "accuracy"})
    assert found.plain_properties["INFERENCE_PRECISION_HINT"] == "f16"
    assert found.plain_properties["EXECUTION_MODE_HINT"] == "ACCURACY"
    assert str(found) == "hint, accuracy mode, f16, batch 1, 2 requests"


def test_each_device_of_a_combination_has_its_own_precision():
    target = target_of("AUTO:GPU,CPU")
    bounds = Bounds(precision=("all",), batch=(1,))
    opened = combination_space(target, [GPU, CPU], (), 1, True, bounds, {"GPU": 2, "CPU": 2})
    assert opened.axes["GPU precision"] == ("default", "f32")
    found = opened.configuration({**opened.nth(0), "CPU precision": "f32"})
    assert found.plain_properties["DEVICE_PROPERTIES"] == {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    for point in opened.points():
        assert opened.point(opened.configuration(point)) == point


@pytest.mark.parametrize(
    ("bounds", "named", "allowed"),
    [
        (None, None, True),
        (None, "f32", False),
        (("all",), "f32", True),
        (("all",), None, True),
        (("f32",), "f32", True),
        (("f32",), None, False),
        (("hint", "f32"), None, True),
        (("hint", "f32"), "bf16", False),
    ],
)
def test_what_an_earlier_run_tried_counts_only_in_a_precision_that_is_allowed_now(bounds, named, allowed):
    properties = {"INFERENCE_PRECISION_HINT": named} if named else {}
    configuration = Configuration.of("CPU", {"NUM_STREAMS": 2, **properties}, 1, 2)
    assert Bounds(precision=bounds).allow(configuration) == allowed
    both = Configuration.of(
        "AUTO:GPU,CPU", {"DEVICE_PROPERTIES": {"GPU": properties, "CPU": properties}}, 1, 2
    )
    assert Bounds(precision=bounds).allow(both) == allowed


def test_the_mode_for_accuracy_is_of_no_run_that_leaves_precision_alone():
    configuration = Configuration.of("CPU", {"EXECUTION_MODE_HINT": "ACCURACY"}, 1, 2)
    assert not Bounds().allow(configuration)
    assert Bounds(precision=("all",)).allow(configuration)


def test_each_further_precision_is_among_the_first_guesses():
    assert [
        guess["precision"] for guess in guesses_for(space(precision=("all",))) if "precision" in guess
    ] == [
        "f32",
        "f16",
    ]
    assert not any("precision" in guess for guess in guesses_for(space()))
