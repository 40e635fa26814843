"""A model with a batch of its own: what it holds is proved, counted, and filled by an application."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tuner.commands.asked import Asked, bounds_of
from tuner.commands.lanes import LanesFor, with_batch_axes
from tuner.domain.configuration import Configuration
from tuner.errors import UsageError
from tuner.probe.devices import describe
from tuner.probe.model import read_model
from tuner.tuning.spaces import refuse_impossible
from tuner.tuning.targets import targets_for


def proved(path: Path):
    """The model as a search takes it, its lanes, and whether its outputs depend on its inputs."""
    reading, device, asked = read_model(path), describe("CPU"), Asked(path, path.parent / "out")
    lanes_for = LanesFor(asked, lambda: False, lambda: 60.0, reading.files)
    model, inputs_matter = with_batch_axes(reading, [device], [device], lanes_for)
    return model, lanes_for(model), inputs_matter


@pytest.mark.alone
@pytest.mark.parametrize("batch", [8, 32])
def test_a_batch_that_cannot_be_changed_is_proved_and_counted(tmp_path, batch):
    model, lanes, inputs_matter = proved(models.fixed_reshape(tmp_path / "m.xml", batch))
    assert (model.batch, model.batch_axes, inputs_matter) == (batch, {"x": 0}, True)
    lane = lanes.open(Configuration.of("CPU", {"NUM_STREAMS": 1}, batch, 1))
    window = lane.window(0.2)
    lane.close()
    inferences_fps = 1e3 / np.mean(window.latencies_ms)
    assert window.rate_fps > 0.25 * batch * inferences_fps


@pytest.mark.alone
@pytest.mark.parametrize("batch", [8, 32])
def test_a_fixed_batch_whose_items_influence_each_other_is_no_batch(tmp_path, batch):
    model, _, _ = proved(models.fixed_reshape(tmp_path / "m.xml", batch, mixing=True))
    assert (model.batch, model.batch_axes) == (1, {})
    assert model.batch_refusal == "a sample gives other outputs beside other samples than beside itself"


@pytest.mark.alone
def test_a_batch_that_can_be_changed_is_searched_from_the_models_own(tmp_path):
    model, _, inputs_matter = proved(models.mlp(tmp_path / "m.xml", shape=(8, 16)))
    assert (model.batch, model.batch_refusal, inputs_matter) == (8, None, True)


def test_the_models_own_batch_may_be_asked_for_and_no_other(tmp_path):
    (model,) = read_model(models.fixed_reshape(tmp_path / "m.xml", 8)).batched
    devices, targets = [describe("CPU")], targets_for(["CPU"], ["CPU"])
    refuse_impossible(bounds_of(None, [8], None), model, devices, targets)
    with pytest.raises(UsageError, match="batch= cannot be searched on this model"):
        refuse_impossible(bounds_of(None, [1, 8], None), model, devices, targets)


def test_an_application_fills_a_fixed_batch_with_single_samples(tmp_path):
    path = models.fixed_reshape(tmp_path / "m.xml", 8)
    advice = advice_of(path, batch=8, requests=2)
    samples = [np.random.default_rng(seed).standard_normal((4, 4), np.float32) for seed in range(19)]
    answers = [*advice.infer_many(advice.compile(), samples)]
    for sample, answer in zip(samples, answers, strict=True):
        np.testing.assert_allclose(answer, np.maximum(sample.reshape(16), 0))
    assert list(ov.Core().read_model(path).inputs[0].shape) == [8, 4, 4]
