"""Cores as users write them."""

import pytest

from tuner.domain.units import cores_of, cpuset_of
from tuner.errors import UsageError


@pytest.mark.parametrize(("text", "cores"), [("1.5", 1.5), ("2", 2.0), (0.1, 0.1), (" 4 ", 4.0)])
def test_cpu_time(text, cores):
    assert cores_of(text) == cores


@pytest.mark.parametrize("text", ["", "0", "0.05", "-1", "two", "inf", "nan", "1,5"])
def test_what_is_no_cpu_time(text):
    with pytest.raises(
        UsageError, match=r"cpus='.*' is not a number of cores; give for example 1.5, at least 0.1"
    ):
        cores_of(text)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("0", (0,)), ("0-2", (0, 1, 2)), ("4, 0-1", (0, 1, 4)), ([2, 0], (0, 2)), ("1,1", (1,))],
)
def test_sets_of_cores(text, cores):
    assert cpuset_of(text) == cores


@pytest.mark.parametrize("text", ["", "a", "2-1", "1-", "-1", "0,,1", []])
def test_what_is_no_set_of_cores(text):
    with pytest.raises(
        UsageError, match=r"cpuset='.*' is not a list of cores; give for example 0-3 or 0,2,4"
    ):
        cpuset_of(text)
