"""Many samples in, answers out, with several requests in flight."""

import itertools

import msgspec
import numpy as np
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tests.runtime.samples import samples_of, truth
from tuner.errors import InferenceError


def test_without_order_every_answer_comes_once(mlp):
    advice = advice_of(mlp, batch=2, requests=4)
    samples = samples_of(41)
    answers = list(advice.infer_many(advice.compile(), samples, ordered=False))
    expected = truth(mlp, samples)
    nearest = [min(range(41), key=lambda at: np.abs(expected[at] - answer).max()) for answer in answers]
    assert sorted(nearest) == list(range(41))


def test_no_sample_is_read_before_a_request_is_free_for_it(mlp):
    advice, read = advice_of(mlp, batch=2, requests=3), itertools.count()
    answers = advice.infer_many(advice.compile(), (sample for sample in samples_of(100) if next(read) >= 0))
    next(answers)
    assert next(read) <= 2 * 3 + 2
    for _ in range(9):
        next(answers)
    assert next(read) <= 10 + 2 * (4 * 3 + 1)
    answers.close()


def test_a_consumer_that_stops_early_leaves_nothing_running(mlp):
    advice = advice_of(mlp, batch=2, requests=4)
    compiled = advice.compile()
    answers = advice.infer_many(compiled, itertools.repeat(samples_of(1)[0]))
    next(answers)
    answers.close()
    assert len(list(advice.infer_many(compiled, samples_of(9)))) == 9


def test_an_error_of_the_samples_own_comes_after_the_answers_before_it(mlp):
    def samples():
        yield from samples_of(5)
        raise OSError("the camera is gone")

    advice = advice_of(mlp, batch=4, requests=2)
    answers = advice.infer_many(advice.compile(), samples())
    assert len([next(answers) for _ in range(5)]) == 5
    with pytest.raises(OSError, match="the camera is gone"):
        next(answers)


@pytest.mark.parametrize("ordered", [True, False])
def test_an_inference_that_fails_names_its_sample(tmp_path, ordered):
    path = models.reshape_as_asked(tmp_path / "m.xml")
    advice = advice_of(path, batch=1, requests=2)
    fine, impossible = np.array([4, 4], np.int64), np.array([5, 5], np.int64)
    samples = [(np.zeros((1, 16), np.float32), fine if at != 7 else impossible) for at in range(12)]
    answers = advice.infer_many(advice.compile(), samples, ordered=ordered)
    with pytest.raises(InferenceError, match=r"^Sample 7 could not be inferred \(") as caught:
        list(answers)
    assert caught.value.samples == range(7, 8)


def test_a_sample_may_be_changed_once_it_is_given(mlp):
    """As by a camera that has one buffer."""
    advice, buffer = advice_of(mlp, batch=2, requests=3), np.zeros(16, np.float32)

    def frames():
        for number in range(9):
            buffer[:] = number
            yield buffer

    answers = list(advice.infer_many(advice.compile(), frames()))
    apart = truth(mlp, [np.full(16, number, np.float32) for number in range(9)])
    for answer, expected in zip(answers, apart, strict=True):
        np.testing.assert_allclose(answer, expected, rtol=0.05, atol=0.1)


def test_no_number_of_requests_leaves_it_to_the_device(mlp):
    advice = advice_of(mlp, batch=1)
    asking = msgspec.structs.replace(advice, best=msgspec.structs.replace(advice.best, requests=0))
    assert len(list(asking.infer_many(asking.compile(), samples_of(7)))) == 7


def test_answers_that_are_ready_are_given_before_the_next_sample_is_read(mlp):
    """As of a camera: each sample comes once the answer before it is there."""
    advice, ahead = advice_of(mlp, batch=1, requests=4), []
    compiled = advice.compile()

    def camera():
        for sample in samples_of(6):
            yield sample
            for request in pipeline._queue:
                request.wait()

    from tuner.runtime.pipeline import Pipeline

    pipeline = Pipeline(compiled, advice._batcher(compiled), 4)
    for number, _ in enumerate(pipeline.run(camera(), True)):
        ahead.append(pipeline._begun - number)
    assert max(ahead) <= 2
