import math

import pytest

from tuner.domain.agreement import Agreement, percent, what_changed

BF16 = Agreement("bf16", 0.018426, 0.99987, 63, 64)
F32 = Agreement("f32", 0.0, 1.0, 64, 64)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (0.003, "0.3 %"),
        (0.018426, "1.8 %"),
        (0.0, "0 %"),
        (2e-7, "below 0.001 %"),
        (1.5, "150 %"),
        (math.inf, "inf %"),
    ],
)
def test_errors_are_percentages_of_two_digits(error, words):
    assert percent(error) == words


def test_a_change_of_precision_is_said_with_what_the_outputs_of_both_sides_are_worth():
    assert what_changed(F32, BF16) == (
        "bf16 -> f32: max error 0 % of the largest value, cosine 1.00000, top-1 the same for 64 of 64 samples "
        "(with the hint: max error 1.8 % of the largest value, cosine 0.99987, top-1 the same for 63 of 64 samples)"
    )


def test_where_precision_stays_it_is_said_what_it_costs():
    assert what_changed(BF16, BF16).startswith("bf16, as with the hint: max error 1.8 %")


def test_outputs_without_classes_have_no_top1():
    assert (
        str(Agreement("f16", 0.003, 1.0, None, 8)) == "max error 0.3 % of the largest value, cosine 1.00000"
    )
