"""What is taken as a sample, and what is refused."""

import numpy as np
import openvino as ov
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tests.runtime.samples import samples_of
from tuner.errors import AdviceError


@pytest.mark.parametrize("form", [lambda x: x, lambda x: (x,), lambda x: {"x": x}, lambda x: x.tolist()])
def test_a_sample_is_an_array_a_tuple_or_a_dict_with_or_without_its_axis(mlp, form):
    advice = advice_of(mlp, batch=4, requests=2)
    compiled, samples = advice.compile(), samples_of(3)
    plain = list(advice.infer_many(compiled, map(form, samples)))
    assert [answer.shape for answer in plain] == [(16,)] * 3
    with_axis = list(advice.infer_many(compiled, (form(sample[None]) for sample in samples)))
    assert [answer.shape for answer in with_axis] == [(1, 16)] * 3
    np.testing.assert_array_equal(np.concatenate(with_axis), np.stack(plain))


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (np.zeros(17, np.float32), r"Sample 5 has shape \[17\] for input 'x', not \[16\] or \[1, 16\]"),
        (np.zeros(16, "U3"), "Sample 5 has <U3 for input 'x', which takes f32; convert it first"),
        ((np.zeros(16), np.zeros(16)), r"Sample 5 has 2 arrays; the model has 1 inputs \(x\)"),
        ({"y": np.zeros(16)}, "Sample 5 has the inputs y; the model has x"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused_after_the_answers_before_it(mlp, bad, sentence):
    advice = advice_of(mlp, batch=4, requests=2)
    answers = advice.infer_many(advice.compile(), [*samples_of(5), bad, *samples_of(3)])
    before = [next(answers) for _ in range(5)]
    assert len(before) == 5
    with pytest.raises(AdviceError, match=sentence):
        next(answers)


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        ({0: np.zeros(16)}, "Sample 0 has the inputs 0; the model has x"),
        ([[1.0, 2.0], [3.0]], "Sample 0 has no array for input 'x'"),
    ],
)
def test_what_is_no_sample_at_all_is_refused_with_its_index(mlp, sample, sentence):
    advice = advice_of(mlp)
    with pytest.raises(AdviceError, match=sentence):
        list(advice.infer_many(advice.compile(), [sample]))


def test_numbers_that_do_not_fit_their_type_are_refused(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml", kind=ov.Type.i8))
    compiled = advice.compile()
    assert len(list(advice.infer_many(compiled, [np.full(16, 100)]))) == 1
    with pytest.raises(AdviceError, match="Sample 0 has int64 for input 'x', which takes i8"):
        list(advice.infer_many(compiled, [np.full(16, 300)]))
