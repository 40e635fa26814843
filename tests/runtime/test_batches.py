"""Samples put together in batches, and answers taken apart, on real compiled models."""

import msgspec
import numpy as np
import openvino as ov
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tests.runtime.samples import samples_of, truth
from tuner.errors import AdviceError


@pytest.mark.parametrize("count", [0, 1, 5, 8, 33])
@pytest.mark.parametrize(("batch", "requests"), [(1, 1), (1, 3), (4, 2), (16, 3)])
def test_answers_are_those_of_each_sample_alone_in_order(mlp, batch, requests, count):
    advice = advice_of(mlp, batch=batch, requests=requests)
    samples = samples_of(count)
    answers = list(advice.infer_many(advice.compile(), iter(samples)))
    assert len(answers) == count
    for answer, expected in zip(answers, truth(mlp, samples), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=0.05, atol=0.05)


def test_an_answer_of_several_outputs_is_a_tuple_and_one_without_a_batch_axis_stays_whole(tmp_path):
    path = models.two_inputs_and_a_scalar(tmp_path / "m.xml")
    advice = advice_of(path, batch=4, requests=2)
    x, y = samples_of(6), samples_of(6, seed=1)
    scale = np.float32(2)
    answers = list(advice.infer_many(advice.compile(), zip(x, y, [scale] * 6, strict=True)))
    for (total, priors), first, second in zip(answers, x, y, strict=True):
        np.testing.assert_allclose(total, 2 * (first + second), rtol=0.02, atol=0.02)
        assert priors.shape == (3, 4)


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4)])
def test_an_output_with_several_rows_for_each_sample_is_cut_into_those_of_each(tmp_path, batch, shape):
    advice = advice_of(models.three_rows(tmp_path / "m.xml"), batch=batch, requests=2)
    samples = [np.full(shape, number, np.float32) for number in range(7)]
    answers = list(advice.infer_many(advice.compile(), samples))
    assert len(answers) == 7
    for number, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, np.full((3, 4), number))


def test_advice_whose_batch_axes_were_lost_does_not_fit_the_model(mlp):
    advice = advice_of(mlp, batch=4)
    advice = msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, batch_axes={}))
    with pytest.raises(AdviceError, match=r"has the batch axes \[0\] for the outputs, which do not fit"):
        advice.infer_many(advice.compile(), [])


def test_samples_that_share_a_batch_must_agree_on_an_input_without_an_axis(tmp_path):
    advice = advice_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"), batch=4, requests=2)
    samples = ((sample, sample, np.float32(number)) for number, sample in enumerate(samples_of(4)))
    with pytest.raises(AdviceError, match="'scale' has no batch axis, but samples that share a batch differ"):
        list(advice.infer_many(advice.compile(), samples))


def test_a_batch_axis_that_is_not_the_first_is_filled_and_cut(tmp_path):
    path = models.mlp(tmp_path / "m.xml", shape=(7, 1, 16), layout="?N?")
    advice = advice_of(path, batch=3, requests=2)
    assert list(advice.compile().inputs[0].shape) == [7, 3, 16]
    samples = samples_of(5, (7, 16))
    alone = ov.Core().compile_model(path, "CPU")
    answers = list(advice.infer_many(advice.compile(), samples))
    for answer, sample in zip(answers, samples, strict=True):
        np.testing.assert_allclose(answer, alone(sample[:, None])[0][:, 0], rtol=0.05, atol=0.05)


def test_a_model_compiled_for_another_batch_is_refused(mlp):
    compiled = advice_of(mlp, batch=4).compile()
    with pytest.raises(
        AdviceError, match=r"inputs are \[4, 16\], the advice is for \[8, 16\]; compile it with"
    ):
        advice_of(mlp, batch=8).infer_many(compiled, [])


def test_samples_may_be_read_where_they_are(mlp):
    advice = advice_of(mlp, batch=1, requests=3)
    samples = [*samples_of(5), np.arange(16.0), np.asfortranarray(np.ones((1, 16), np.float32))[:, ::1]]
    compiled = advice.compile()
    shared = list(advice.infer_many(compiled, samples, share_inputs=True))
    for answer, copied in zip(shared, advice.infer_many(compiled, samples), strict=True):
        np.testing.assert_array_equal(answer, copied)


def test_samples_that_cannot_be_written_to_are_shared_by_copying(mlp):
    advice, (sample,) = advice_of(mlp, batch=1), samples_of(1)
    sample.flags.writeable = False
    compiled = advice.compile()
    (shared,) = advice.infer_many(compiled, [sample], share_inputs=True)
    np.testing.assert_array_equal(shared, next(advice.infer_many(compiled, [sample])))


def test_a_model_that_keeps_a_state_is_refused(tmp_path):
    advice = advice_of(models.stateful(tmp_path / "m.xml"), batch=1)
    with pytest.raises(AdviceError, match="keeps a state from one inference to the next"):
        advice.infer_many(advice.compile(), [])


def test_an_advice_with_wrong_output_axes_is_refused(mlp):
    advice = advice_of(mlp)
    for axes in ([5], [0, 0]):
        wrong = msgspec.structs.replace(advice, model=msgspec.structs.replace(advice.model, output_axes=axes))
        with pytest.raises(AdviceError, match="which do not fit the compiled model"):
            wrong.infer_many(advice.compile(), [])
