"""Single requests of coroutines, gathered into batches."""

import asyncio

import msgspec
import numpy as np
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tests.runtime.samples import samples_of, truth
from tuner.advice.question_records import QuestionRecord
from tuner.domain.load import Load
from tuner.domain.question import Question
from tuner.errors import AdviceError, InferenceError, UsageError


def test_single_requests_of_many_coroutines_are_gathered_into_batches(mlp):
    advice, filled = advice_of(mlp, batch=4, requests=2), []
    samples = samples_of(40)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            infer = runner._infer
            runner._infer = lambda seat, items: filled.append(len(items)) or infer(seat, items)
            return await asyncio.gather(*(runner.infer(sample) for sample in samples))

    for answer, expected in zip(asyncio.run(serve()), truth(mlp, samples), strict=True):
        np.testing.assert_allclose(answer, expected, rtol=0.05, atol=0.05)
    assert filled == [4] * 10


def test_a_runner_waits_as_long_as_was_found_for_a_load(mlp):
    advice = advice_of(mlp, batch=4)
    compiled = advice.compile()
    assert advice.runner(compiled)._max_wait_s == 0.002
    found = msgspec.structs.replace(advice, best=msgspec.structs.replace(advice.best, max_wait_ms=35.0))
    assert found.runner(compiled)._max_wait_s == 0.035
    assert found.runner(compiled, max_wait_ms=0)._max_wait_s == 0.0
    loaded = msgspec.structs.replace(advice, question=QuestionRecord.of(Question("cpu", load=Load(9.0))))
    assert loaded.runner(compiled)._max_wait_s == 0.0


def test_a_lone_request_waits_no_longer_than_its_limit(mlp):
    advice = advice_of(mlp, batch=64, requests=1)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=1) as runner:
            return await runner.infer(samples_of(1)[0])

    assert asyncio.run(serve()).shape == (16,)


def test_a_runner_tells_each_caller_its_own_failure_and_goes_on(tmp_path):
    advice = advice_of(models.reshape_as_asked(tmp_path / "m.xml"), batch=1, requests=2)

    async def serve():
        async with advice.runner(advice.compile()) as runner:
            asked = [np.array(shape, np.int64) for shape in ([4, 4], [5, 5], [2, 8])]
            x = np.zeros((1, 16), np.float32)
            with pytest.raises(AdviceError, match="Sample 0 has 1 arrays"):
                await runner.infer(x)
            return await asyncio.gather(
                *(runner.infer((x, shape)) for shape in asked), return_exceptions=True
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
            waiting = [asyncio.ensure_future(runner.infer(sample)) for sample in samples_of(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
        return await asyncio.gather(*waiting, return_exceptions=True)

    first, gone, last = asyncio.run(serve())
    assert first.shape == last.shape == (16,)
    assert isinstance(gone, asyncio.CancelledError)


def test_each_of_those_gathered_suffers_for_itself_only(tmp_path):
    """A batch that cannot be put together, or fails, is inferred sample by sample."""
    advice = advice_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"), batch=4, requests=1)
    x, y = samples_of(4), samples_of(4, seed=1)
    scales = [np.float32(scale) for scale in (1, 1, 1, 2)]

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=10_000) as runner:
            return await asyncio.gather(*(runner.infer(sample) for sample in zip(x, y, scales, strict=True)))

    for (total, _), first, second, scale in zip(asyncio.run(serve()), x, y, scales, strict=True):
        np.testing.assert_allclose(total, scale * (first + second), rtol=0.02, atol=0.05)


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


def test_a_runner_takes_a_time_to_wait(mlp):
    advice = advice_of(mlp)
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="is not a time; give milliseconds"):
            advice.runner(advice.compile(), max_wait_ms=wrong)
