from dataclasses import replace

import numpy as np
import pytest

from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedLanes
from tuner.domain.configuration import Configuration
from tuner.errors import DeviceError
from tuner.measure.lane import LaneFacts, Reference
from tuner.measure.reference import agreement_of, reference_of


def outputs(*arrays):
    """Return a sample of one output for each array."""
    return tuple((np.asarray(array, dtype=np.float32),) for array in arrays)


class FixedLane:
    """A lane with the given answers."""

    def __init__(self, answers, precision="bf16"):
        effective = SimulatedDevice().effective(Configuration.of("CPU", {}, 1, 1))
        effective = replace(effective, precision=precision)
        self.facts = LaneFacts(effective, 1, 0.1, 0.1)
        self._answers = answers

    def answers(self):
        return self._answers


def agreement(reference, answers, axes=(0,)):
    lanes = SimulatedLanes()
    lanes.reference = Reference(reference, axes)
    return agreement_of(lanes, FixedLane(answers))


def test_error_cosine_and_top1_are_those_of_known_outputs():
    found = agreement(outputs([[3.0, 4.0]], [[1.0, 0.0]]), outputs([[3.0, 3.9]], [[0.0, 1.0]]))
    assert found.max_error == 1.0  # the second sample is all wrong
    assert found.cosine == 0.0
    assert (found.same_top1, found.samples) == (1, 2)
    assert found.precision == "bf16"
    small = agreement(outputs([[3.0, 4.0]]), outputs([[3.0, 3.9]]))
    assert small.max_error == pytest.approx(0.1 / 4)
    assert small.cosine == pytest.approx((9 + 15.6) / (5 * np.hypot(3, 3.9)))


def test_the_same_outputs_agree_entirely():
    found = agreement(outputs([[0.0, 0.0]]), outputs([[0.0, 0.0]]))
    assert (found.max_error, found.cosine, found.same_top1) == (0.0, 1.0, 1)


@pytest.mark.parametrize(
    "shape", [(1, 3, 4), (1, 1), (2, 3, 3, 3)], ids=["many rows", "a single value", "an image"]
)
def test_without_an_axis_of_classes_there_is_no_top1(shape):
    assert agreement(outputs(np.ones(shape)), outputs(np.ones(shape))).same_top1 is None


def test_every_row_of_a_model_with_a_batch_of_its_own_is_a_sample():
    found = agreement(outputs([[1.0, 2.0], [2.0, 1.0]]), outputs([[1.0, 2.0], [1.0, 2.0]]))
    assert (found.same_top1, found.samples) == (1, 2)


def test_an_output_without_a_batch_axis_may_have_classes():
    assert agreement(outputs([1.0, 2.0]), outputs([1.0, 3.0]), axes=(None,)).same_top1 == 1


def test_numbers_that_are_none_differ_by_all():
    found = agreement(outputs([[1.0, 2.0]]), outputs([[np.nan, 2.0]]))
    assert found.max_error == np.inf
    assert found.cosine == 0.0


class Unable(SimulatedDevice):
    """A device that computes in bf16 whatever it is asked for."""

    def effective(self, configuration):
        return replace(SimulatedDevice.effective(self, configuration), precision="bf16")


def test_the_reference_is_computed_once_on_the_first_device_that_computes_in_f32():
    lanes = SimulatedLanes(SimulatedDevice(), QUIET)
    found = reference_of(lanes, ["CPU", "GPU"], 1, (0,))
    assert len(found.answers) == 2
    assert [str(opened.properties) for opened in lanes.opened] == ["(('INFERENCE_PRECISION_HINT', 'f32'),)"]
    assert not lanes.lanes[0].alive()


def test_a_device_that_stays_in_another_precision_is_no_reference():
    lanes = SimulatedLanes(Unable(), QUIET)
    with pytest.raises(
        DeviceError, match=r"cannot be computed \(CPU: it computes in bf16 where f32 is asked for\)"
    ):
        reference_of(lanes, ["CPU"], 1, (0,))
    assert len(lanes.opened) == 2  # also in the mode for accuracy


def test_where_nothing_compiles_in_f32_one_sentence_says_why():
    lanes = SimulatedLanes(SimulatedDevice(broken=lambda _: "no kernel"), QUIET)
    with pytest.raises(
        DeviceError, match=r"with which all others are compared, cannot be computed \(CPU: no kernel\)\.$"
    ):
        reference_of(lanes, ["CPU"], 1, (0,))
    with pytest.raises(DeviceError, match="no device takes f32"):
        reference_of(lanes, [], 1, (0,))


def test_without_a_reference_nothing_is_compared():
    assert agreement_of(SimulatedLanes(), FixedLane(None)) is None
