from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lanes.simulated import SimulatedDevice
from tests.simulation import space_of
from tuner.domain.space import Bounds
from tuner.domain.steps import stream_counts
from tuner.domain.units import counts_of, seconds_of, shapes_of
from tuner.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1h", 3600), ("45", 45), (30, 30), ("1.5m", 90)]
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["0s", "-5", "abc", "", "5 minutes", "inf", "nan", "1e3s", 0, -1.0, float("nan")]
)
def test_a_duration_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"give for example 90s or 5m"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("1,2,8", (1, 2, 8)),
        ("1,2,3", (1, 2, 3)),
        ("1-4", (1, 2, 4)),
        ("1-16", (1, 2, 4, 8, 16)),
        ("5-5", (5,)),
        ("5-7", (5, 7)),
        ("1-64", (1, 2, 4, 8, 16, 32, 64)),
        ("3-70", (3, 4, 8, 16, 32, 64, 70)),
        ("hint,2", ("hint", 2)),
        ("2,2,1-2", (2, 1)),
    ],
)
def test_counts(text, counts):
    assert counts_of(text, "--streams", word="hint") == counts


def test_a_range_of_streams_has_the_counts_that_share_its_upper_end_evenly():
    assert counts_of("1-6", "--streams", steps=stream_counts) == (1, 2, 3, 4, 6)
    assert counts_of("2-12", "--streams", steps=stream_counts) == (2, 3, 4, 6, 8, 12)
    assert counts_of("5", "--streams", steps=stream_counts) == (5,)


def test_a_range_makes_the_space_no_larger_than_it_is_without():
    whole = len(space_of(SimulatedDevice()))
    for batches in ("1-64", "1-16", "3-60"):
        assert len(space_of(SimulatedDevice(), Bounds(batch=counts_of(batches, "--batch")))) <= whole


@pytest.mark.parametrize("text", ["0", "-1", "a", "", "4-2", "1,,2", "1.5", "hint", "1-9999999999", "9" * 20])
def test_counts_that_are_none_are_refused_by_the_options_name(text):
    with pytest.raises(UsageError, match=r"--batch '.*' is not a list of counts from 1 to 1048576; give"):
        counts_of(text, "--batch")


def test_shapes_are_written_as_in_benchmark_app():
    assert shapes_of("ids[1,128],mask[1, 128]") == {"ids": (1, 128), "mask": (1, 128)}
    assert shapes_of("[1,3,224,224]") == {"": (1, 3, 224, 224)}
    assert shapes_of("gpu_0/data_0[2]") == {"gpu_0/data_0": (2,)}


@pytest.mark.parametrize("text", ["", "ids", "ids[1,128", "ids[a]", "ids[1,-1]", "ids[0,3]", "ids[1]mask[1]"])
def test_shapes_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match="shapes="):
        shapes_of(text)


@given(st.text(max_size=20))
def test_no_text_does_anything_but_parse_or_be_refused(text):
    for read in (seconds_of, shapes_of, lambda text: counts_of(text, "--batch")):
        with suppress(UsageError):
            read(text)
