import numpy as np
import pytest

from tuner.measure.answers import difference, tolerance


def answers(*outputs):
    return (tuple(np.asarray(output) for output in outputs),)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 1.9], 0.05),
        ([np.nan, 1.0], [np.nan, 1.0], 0.0),
        ([np.inf, 1.0], [np.inf, 1.0], 0.0),
        ([np.nan, 1.0], [1.0, 1.0], np.inf),
        ([0.0, 0.0], [0.0, 1.0], np.inf),
        ([1.0], [1.0, 1.0], np.inf),
        ([1, 2, 3, 4], [1, 2, 3, 5], 0.25),
        ([True], [False], 1.0),
        ([], [], 0.0),
    ],
)
def test_the_difference_is_relative_to_the_largest_value(ours, theirs, expected):
    assert difference(answers(ours), answers(theirs)) == pytest.approx(expected)


def test_the_worst_output_counts():
    ours = answers([1.0], [1.0])
    assert difference(ours, answers([1.0], [1.5])) == 0.5


def test_what_counts_as_the_same_answer_is_tight_for_f32_and_fits_the_rounding_of_bf16():
    assert tolerance("f32") == 1e-3
    assert 2**-8 < tolerance("bf16") < 0.1


def test_the_coarsest_precision_sets_the_tolerance():
    assert tolerance("f32", "f32") < tolerance("f32", "bf16")
    assert tolerance("f32", None) == tolerance("bf16")
