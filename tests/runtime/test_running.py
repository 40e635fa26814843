"""Single samples in, single answers out, on real compiled models."""

import asyncio
import itertools

import msgspec
import numpy as np
import openvino as ov
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tuner.errors import AdviceError, InferenceError, UsageError


@pytest.fixture
def mlp(tmp_path):
    return models.mlp(tmp_path / "m.xml")


def samples_of(count, shape=(16,), seed=0):
    return list(np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32))


def truth(path, samples):
    compiled = ov.Core().compile_model(path, "CPU")
    return [compiled(one[None])[0][0] for one in samples]


@pytest.mark.parametrize("count", [0, 1, 5, 8, 33])
@pytest.mark.parametrize(("batch", "requests"), [(1, 1), (1, 3), (4, 2), (16, 3)])
def test_answers_are_those_of_each_sample_alone_in_order(mlp, batch, requests, count):
    advice = advice_of(mlp, batch=batch, requests=requests)
    samples = samples_of(count)
    answers = list(advice.infer_many(advice.compile(), iter(samples)))
    assert len(answers) == count
    for answer, expected in zip(answers, truth(mlp, samples), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=0.05, atol=0.05)


def test_without_order_every_answer_comes_once(mlp):
    advice = advice_of(mlp, batch=2, requests=4)
    samples = samples_of(41)
    answers = list(advice.infer_many(advice.compile(), samples, ordered=False))
    expected = truth(mlp, samples)
    nearest = [min(range(41), key=lambda at: np.abs(expected[at] - one).max()) for one in answers]
    assert sorted(nearest) == list(range(41))


@pytest.mark.parametrize("form", [lambda x: x, lambda x: (x,), lambda x: {"x": x}, lambda x: x.tolist()])
def test_a_sample_is_an_array_a_tuple_or_a_dict_with_or_without_its_axis(mlp, form):
    advice = advice_of(mlp, batch=4, requests=2)
    compiled, samples = advice.compile(), samples_of(3)
    plain = list(advice.infer_many(compiled, map(form, samples)))
    assert [one.shape for one in plain] == [(16,)] * 3
    with_axis = list(advice.infer_many(compiled, (form(one[None]) for one in samples)))
    assert [one.shape for one in with_axis] == [(1, 16)] * 3
    np.testing.assert_array_equal(np.concatenate(with_axis), np.stack(plain))


def test_an_answer_of_several_outputs_is_a_tuple_and_one_without_a_batch_axis_stays_whole(tmp_path):
    path = models.two_inputs_and_a_scalar(tmp_path / "m.xml")
    advice = advice_of(path, batch=4, requests=2)
    x, y = samples_of(6), samples_of(6, seed=1)
    scale = np.float32(2)
    told = list(advice.infer_many(advice.compile(), zip(x, y, [scale] * 6, strict=True)))
    for (total, priors), one, other in zip(told, x, y, strict=True):
        np.testing.assert_allclose(total, 2 * (one + other), rtol=0.02, atol=0.02)
        assert priors.shape == (3, 4)


def test_samples_that_share_a_batch_must_agree_on_an_input_without_an_axis(tmp_path):
    advice = advice_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"), batch=4, requests=2)
    samples = ((one, one, np.float32(number)) for number, one in enumerate(samples_of(4)))
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


def test_no_sample_is_read_before_a_request_is_free_for_it(mlp):
    advice, read = advice_of(mlp, batch=2, requests=3), itertools.count()
    answers = advice.infer_many(advice.compile(), (one for one in samples_of(100) if next(read) >= 0))
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


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (np.zeros(17, np.float32), r"Sample 5 has shape \[17\] for input 'x', not \[16\] or \[1, 16\]"),
        (np.zeros(16, "U3"), "Sample 5 has <U3 for input 'x', which takes f32; convert it first"),
        ((np.zeros(16), np.zeros(16)), r"Sample 5 has 2 arrays; the model has 1 inputs \(x\)"),
        ({"y": np.zeros(16)}, "Sample 5 has the inputs y; the model has x"),
    ],
)
def test_a_sample_that_does_not_fit_is_told_after_the_answers_before_it(mlp, bad, sentence):
    advice = advice_of(mlp, batch=4, requests=2)
    answers = advice.infer_many(advice.compile(), [*samples_of(5), bad, *samples_of(3)])
    told = [next(answers) for _ in range(5)]
    assert len(told) == 5
    with pytest.raises(AdviceError, match=sentence):
        next(answers)


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
    path = models.reshape_as_told(tmp_path / "m.xml")
    advice = advice_of(path, batch=1, requests=2)
    fine, impossible = np.array([4, 4], np.int64), np.array([5, 5], np.int64)
    samples = [(np.zeros((1, 16), np.float32), fine if at != 7 else impossible) for at in range(12)]
    answers = advice.infer_many(advice.compile(), samples, ordered=ordered)
    with pytest.raises(InferenceError, match=r"^Sample 7 could not be inferred \(") as caught:
        list(answers)
    assert caught.value.samples == range(7, 8)


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
    for one, other in zip(shared, advice.infer_many(compiled, samples), strict=True):
        np.testing.assert_array_equal(one, other)


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


def test_single_requests_of_many_coroutines_are_gathered_into_batches(mlp):
    advice, filled = advice_of(mlp, batch=4, requests=2), []
    samples = samples_of(40)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            infer = runner._infer
            runner._infer = lambda seat, items: filled.append(len(items)) or infer(seat, items)
            return await asyncio.gather(*(runner.infer(one) for one in samples))

    for answer, expected in zip(asyncio.run(serve()), truth(mlp, samples), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=0.05, atol=0.05)
    assert filled == [4] * 10


def test_a_lone_request_waits_no_longer_than_its_limit(mlp):
    advice = advice_of(mlp, batch=64, requests=1)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=1) as runner:
            return await runner.infer(samples_of(1)[0])

    assert asyncio.run(serve()).shape == (16,)


def test_a_runner_tells_each_caller_its_own_failure_and_goes_on(tmp_path):
    advice = advice_of(models.reshape_as_told(tmp_path / "m.xml"), batch=1, requests=2)

    async def serve():
        async with advice.runner(advice.compile()) as runner:
            asked = [np.array(one, np.int64) for one in ([4, 4], [5, 5], [2, 8])]
            x = np.zeros((1, 16), np.float32)
            with pytest.raises(AdviceError, match="Sample 0 has 1 arrays"):
                await runner.infer(x)
            return await asyncio.gather(
                *(runner.infer((x, one)) for one in asked), return_exceptions=True
            ), runner

    (first, failed, last), runner = asyncio.run(serve())
    assert (first.shape, last.shape) == ((4, 4), (2, 8))
    assert isinstance(failed, InferenceError)
    with pytest.raises(AdviceError, match="The runner is closed"):
        asyncio.run(runner.infer(np.zeros((1, 16))))


def test_a_caller_that_gives_up_leaves_the_others_their_answers(mlp):
    advice = advice_of(mlp, batch=4, requests=1)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            waiting = [asyncio.ensure_future(runner.infer(one)) for one in samples_of(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, gone, last = asyncio.run(serve())
    assert first.shape == last.shape == (16,)
    assert isinstance(gone, asyncio.CancelledError)


def test_each_of_those_gathered_suffers_for_itself_only(tmp_path):
    """A batch that cannot be put together, or fails, is inferred one by one."""
    advice = advice_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"), batch=4, requests=1)
    x, y = samples_of(4), samples_of(4, seed=1)
    scales = [np.float32(one) for one in (1, 1, 1, 2)]

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            return await asyncio.gather(*(runner.infer(one) for one in zip(x, y, scales, strict=True)))

    for (total, _), one, other, scale in zip(asyncio.run(serve()), x, y, scales, strict=True):
        np.testing.assert_allclose(total, scale * (one + other), rtol=0.02, atol=0.05)


def test_a_callers_buffer_may_be_used_again_at_once(mlp):
    advice, buffer = advice_of(mlp, batch=4, requests=1), np.zeros(16, np.float32)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            waiting = []
            for number in range(4):
                buffer[:] = number
                waiting.append(asyncio.ensure_future(runner.infer(buffer)))
                await asyncio.sleep(0)
            return await asyncio.gather(*waiting)

    first, *_, last = asyncio.run(serve())
    assert np.abs(first).max() == 0
    assert np.abs(last).max() > 0


def test_answers_that_are_ready_are_told_before_the_next_sample_is_read(mlp):
    """As of a camera: each sample comes once the answer before it is there."""
    advice, told = advice_of(mlp, batch=1, requests=4), []
    compiled = advice.compile()

    def camera():
        for one in samples_of(6):
            yield one
            for request in pipeline._queue:
                request.wait()

    from tuner.runtime.pipeline import Pipeline

    pipeline = Pipeline(compiled, advice._batcher(compiled), 4)
    for number, _ in enumerate(pipeline.run(camera(), True)):
        told.append(pipeline._begun - number)
    assert max(told) <= 2


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        ({0: np.zeros(16)}, "Sample 0 has the inputs 0; the model has x"),
        ([[1.0, 2.0], [3.0]], "Sample 0 has no array for input 'x'"),
    ],
)
def test_what_is_no_sample_at_all_is_told_with_its_index(mlp, sample, sentence):
    advice = advice_of(mlp)
    with pytest.raises(AdviceError, match=sentence):
        list(advice.infer_many(advice.compile(), [sample]))


def test_numbers_that_do_not_fit_their_type_are_refused(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml", kind=ov.Type.i8))
    compiled = advice.compile()
    assert len(list(advice.infer_many(compiled, [np.full(16, 100)]))) == 1
    with pytest.raises(AdviceError, match="Sample 0 has int64 for input 'x', which takes i8"):
        list(advice.infer_many(compiled, [np.full(16, 300)]))


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


def test_a_runner_takes_a_time_to_wait(mlp):
    advice = advice_of(mlp)
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="is not a time; give milliseconds"):
            advice.runner(advice.compile(), max_wait_ms=wrong)
