import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.domain.target import Member, Target, target_of
from tuner.errors import UsageError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("CPU", Target("", (Member("CPU"),))),
        ("GPU.1", Target("", (Member("GPU.1"),))),
        ("MULTI:GPU,CPU", Target("MULTI", (Member("GPU"), Member("CPU")))),
        ("MULTI:GPU(4),CPU(2)", Target("MULTI", (Member("GPU", 4), Member("CPU", 2)))),
        ("AUTO:GPU.0,CPU", Target("AUTO", (Member("GPU.0"), Member("CPU")))),
        ("BATCH:GPU(8)", Target("BATCH", (Member("GPU", 8),))),
        ("BATCH:GPU", Target("BATCH", (Member("GPU"),))),
        ("AUTO:MY-NPU.1.2,2DEV", Target("AUTO", (Member("MY-NPU.1.2"), Member("2DEV")))),
    ],
)
def test_a_device_string_is_read_in_its_parts_and_written_back(text, target):
    assert target_of(text) == target
    assert str(target) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has '' in the place of a device"),
        ("MULTI", "combines no devices"),
        ("AUTO:", "combines no devices; name two or more, like AUTO:GPU,CPU"),
        ("MULTI:CPU", "combines only one device; give CPU"),
        ("MULTI:CPU,CPU", "names CPU twice"),
        ("MULTI:GPU(2),CPU,GPU(4)", "names GPU twice"),
        ("MULTI:GPU,MULTI:CPU", "puts a virtual device into another"),
        ("MULTI:GPU,AUTO", "puts a virtual device into another"),
        ("AUTO:-CPU", "leaves CPU out; name the devices to use instead"),
        ("AUTO:GPU(4),CPU", "has 'GPU(4)' in the place of a device"),
        ("MULTI:GPU(0),CPU", "has the number 0 for GPU"),
        ("MULTI:GPU,,CPU", "has '' in the place of a device"),
        ("BATCH:", "must name the device to batch for"),
        ("BATCH", "must name the device to batch for"),
        ("BATCH:GPU,CPU", "must name the device to batch for"),
        ("BATCH:GPU(1)", "asks for a batch of 1; give a number of 2 or more"),
        ("BATCH:MULTI:GPU", "puts a virtual device into another"),
        ("HETERO:GPU,CPU", "begins with none of MULTI, AUTO, BATCH"),
        ("CPU(4)", "has 'CPU(4)' in the place of a device"),
        ("G PU", "has 'G PU' in the place of a device"),
    ],
)
def test_a_string_that_names_no_target_is_refused_in_one_sentence(text, message):
    with pytest.raises(UsageError) as refusal:
        target_of(text)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith(f"device='{text}' ")


@given(st.text(alphabet="AUTOMLICPGB:,()-.8 ", max_size=20))
def test_any_text_is_a_target_or_a_refusal(text):
    try:
        target = target_of(text)
    except UsageError:
        return
    assert target_of(str(target)) == target


def test_a_combination_can_be_led_by_another_device_and_share_requests():
    target = target_of("MULTI:GPU,NPU,CPU")
    assert str(target.led_by("CPU")) == "MULTI:CPU,GPU,NPU"
    assert str(target.with_amounts({"GPU": 4, "CPU": 2})) == "MULTI:GPU(4),NPU,CPU(2)"
    assert target.hint == "THROUGHPUT"
    assert target_of("AUTO:GPU,CPU").hint == "CUMULATIVE_THROUGHPUT"
    assert target.covers("MULTI:CPU(2),NPU,GPU")
    assert not target.covers("AUTO:CPU,NPU,GPU")
    assert not target.covers("MULTI:CPU,NPU")
