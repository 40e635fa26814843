"""Applications under faults: no deadlock, no answer lost, doubled or given to another sample."""

import asyncio
import contextlib
import gc
import itertools
import random
import threading
from functools import cache

import numpy as np
import psutil
import pytest

from tests import models
from tests.advice.advice_of import advice_of
from tests.faults.carrying import carrying, number_of, numbers_of, sample
from tests.faults.interrupting import CancelledAt, interrupted_at
from tests.faults.virtual_clock import VirtualClock
from tuner.errors import AdviceError, InferenceError

LATE_MS = 10_000
"""A time to wait for others that ends on a virtual clock only: batches start full, or on closing."""


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """Advice for the model that carries numbers, and the model compiled, for a batch and requests."""

    @cache
    def of(batch, requests):
        advice = carrying(tmp_path_factory.mktemp("m"), batch, requests)
        return advice, advice.compile()

    return of


def held():
    """What a process holds: its threads and its open files."""
    gc.collect()
    return threading.active_count(), psutil.Process().num_fds()


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("count", [20_000, pytest.param(500_000, marks=pytest.mark.slow)])
def test_many_samples_come_back_once_each_and_memory_stays(carried, count, ordered):
    advice, compiled = carried(7, 3)
    process, sizes = psutil.Process(), []
    given = np.stack(sample(np.arange(count, dtype=np.int32)), axis=1)
    answers = advice.infer_many(compiled, iter(given), ordered=ordered)
    seen, chunk = np.zeros(count, int), count // 20
    for at in range(20):
        numbers = numbers_of(np.stack(list(itertools.islice(answers, chunk))))
        if ordered:
            np.testing.assert_array_equal(numbers, np.arange(at * chunk, (at + 1) * chunk))
        seen[numbers] += 1
        sizes.append((process.memory_info().rss, process.num_threads(), process.num_fds()))
    assert next(answers, None) is None
    np.testing.assert_array_equal(seen, 1)
    memory, threads, files = zip(*sizes[4:], strict=True)
    assert max(memory) - memory[0] < 16 * 2**20
    assert len(set(threads)) == len(set(files)) == 1


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("error", [OSError, RuntimeError, MemoryError, KeyboardInterrupt, SystemExit])
def test_samples_may_raise_anywhere(carried, error, ordered):
    """An exception comes after all answers before it, an interruption at once."""

    def samples(end):
        yield from map(sample, range(end))
        raise error("the camera is gone")

    advice, compiled = carried(3, 2)
    for end in range(20):
        numbers, answers = [], advice.infer_many(compiled, samples(end), ordered=ordered)
        with pytest.raises(error, match="the camera is gone"):
            numbers.extend(map(number_of, answers))
        if issubclass(error, Exception):
            assert sorted(numbers) == list(range(end))
        assert len(set(numbers)) == len(numbers)
    assert [number_of(answer) for answer in advice.infer_many(compiled, map(sample, range(9)))] == [*range(9)]


@pytest.mark.parametrize("stop", ["close", "throw", "drop"])
@pytest.mark.parametrize("ordered", [True, False])
def test_a_consumer_may_stop_anywhere(carried, stop, ordered):
    advice, compiled = carried(3, 2)
    before = held()
    for count in range(20):
        answers = advice.infer_many(compiled, map(sample, itertools.count()), ordered=ordered)
        numbers = [number_of(answer) for answer in itertools.islice(answers, count)]
        if ordered:
            assert numbers == list(range(count))
        assert len(set(numbers)) == count
        if stop == "close":
            answers.close()
        elif stop == "throw":
            with pytest.raises(ValueError, match="enough"):
                answers.throw(ValueError("enough"))
        del answers
    assert held() == before
    assert [number_of(answer) for answer in advice.infer_many(compiled, map(sample, range(9)))] == [*range(9)]


@pytest.mark.parametrize("ordered", [True, False])
def test_ctrl_c_may_come_at_every_line(carried, ordered):
    """What was answered is right, and the model can be used again."""
    advice, compiled = carried(3, 2)

    def job():
        for answer in advice.infer_many(compiled, map(sample, range(10)), ordered=ordered):
            numbers.append(number_of(answer))

    before = held()
    for place in itertools.count(0, 3):
        numbers: list[int] = []
        if not interrupted_at(place, "runtime", job):
            break
        assert numbers == list(range(len(numbers))) if ordered else len(set(numbers)) == len(numbers)
    assert place > 300
    assert sorted(numbers) == list(range(10))
    assert held() == before


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("requests", [1, 3])
def test_a_device_that_is_lost_midway_costs_no_answer_before(tmp_path, requests, ordered):
    """From one sample on nothing can be inferred any more.

    Each impossible shape is another: the CPU plugin lets an inference pass whose shape failed just before.
    """
    advice = advice_of(models.reshape_as_asked(tmp_path / "m.xml"), batch=1, requests=requests)
    compiled = advice.compile()
    for lost in range(12):
        shapes = [[4, 4] if number < lost else [5, 5 + number] for number in range(30)]
        samples = [
            (np.full((1, 16), number, np.float32), np.array(shape)) for number, shape in enumerate(shapes)
        ]
        numbers, answers = [], advice.infer_many(compiled, samples, ordered=ordered)
        with pytest.raises(InferenceError, match=f"^Sample {lost} could not be inferred"):
            numbers.extend(int(answer[0, 0]) for answer in answers)
        assert sorted(numbers) == list(range(lost))


def serve(carried, job, max_wait_ms=LATE_MS):
    """Run a job with a runner on an event loop with a virtual clock; afterwards nothing may be in use."""
    advice, compiled = carried
    runner = advice.runner(compiled, max_wait_ms=max_wait_ms)
    requests = len(runner._idle)

    async def whole():
        async with runner:
            return await job(runner)

    loop = VirtualClock(lambda: bool(runner._running))
    try:
        answer = loop.run_until_complete(whole())
    finally:
        loop.close()
    assert len(runner._idle) == requests
    assert not runner._running
    assert not runner._waiting
    return answer


async def steps(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def session(runner):
    async with runner:
        return await several(runner)


async def several(runner):
    return await asyncio.gather(*(runner.infer(sample(number)) for number in range(7)))


async def impatient(runner):
    answers = []
    for number in range(7):
        with contextlib.suppress(asyncio.TimeoutError):
            answers.append(await asyncio.wait_for(runner.infer(sample(number)), LATE_MS / 2e3))
    return answers


async def one_by_one(runner):
    return [await runner.infer(sample(number)) for number in range(7)]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("job", [session, several, impatient, one_by_one])
def test_a_task_may_be_cancelled_at_each_of_its_awaits(carried, job, batch):
    """Whoever else waits for the runner gets an answer all the same."""
    advice, compiled = carried(batch, 2)

    async def cancel_at(runner, place):
        others = [asyncio.ensure_future(runner.infer(sample(number))) for number in range(100, 105)]
        await steps(1)
        task = CancelledAt(job(runner), place)
        (outcome,) = await asyncio.gather(asyncio.ensure_future(task), return_exceptions=True)
        await runner.close()
        assert [number_of(answer) for answer in await asyncio.gather(*others)] == [*range(100, 105)]
        if not task.reached:
            numbers = [number_of(answer) for answer in outcome]
            assert numbers == [*range(7)] if job is not impatient else set(numbers) <= {*range(7)}
            return False
        assert isinstance(outcome, asyncio.CancelledError)
        return True

    for place in itertools.count():
        runner = advice.runner(compiled, max_wait_ms=LATE_MS)
        loop = VirtualClock(lambda runner=runner: bool(runner._running))
        reached = loop.run_until_complete(cancel_at(runner, place))
        loop.close()
        assert (len(runner._idle), len(runner._running), len(runner._waiting)) == (2, 0, 0)
        if not reached:
            break
    assert place >= (7 if job in {impatient, one_by_one} else 1)


@pytest.mark.parametrize("batch", [1, 3])
def test_callers_may_be_cancelled_at_every_step(carried, batch):

    async def job(runner):
        for step, gone in itertools.product(range(8), range(4)):
            waiting = [asyncio.ensure_future(runner.infer(sample(number))) for number in range(4)]
            await steps(step)
            waiting[gone].cancel()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            for number, answer in enumerate(answers):
                if number != gone or not isinstance(answer, asyncio.CancelledError):
                    assert number_of(answer) == number

    serve(carried(batch, 1), job)


def test_closing_may_be_cancelled_at_every_step(carried):
    """Whoever waits gets an answer all the same."""

    async def job(runner, step):
        waiting = [asyncio.ensure_future(runner.infer(sample(number))) for number in range(8)]
        await steps(1)
        closing = asyncio.ensure_future(runner.close())
        await steps(step)
        closing.cancel()
        assert [number_of(answer) for answer in await asyncio.gather(*waiting)] == [*range(8)]

    before = None
    for step in range(1, 9):
        serve(carried(3, 1), lambda runner, step=step: job(runner, step))
        before = before or held()
    assert held() == before


@pytest.mark.parametrize("calls", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_a_thousand_coroutines_get_their_own_answers_for_an_hour(carried, calls):
    """A third of the callers have little patience; time is virtual."""
    given_up = []

    async def caller(runner, name):
        draw = random.Random(name)
        for call in range(calls):
            await asyncio.sleep(draw.uniform(0, 2 * 3600 / calls))
            number = name * calls + call
            patience_s = 0.001 if draw.random() < 1 / 3 else None
            try:
                answer = await asyncio.wait_for(runner.infer(sample(number)), patience_s)
            except asyncio.TimeoutError:
                given_up.append(number)
            else:
                assert number_of(answer) == number

    async def job(runner):
        await asyncio.gather(*(caller(runner, name) for name in range(1000)))
        return asyncio.get_running_loop().time()

    assert serve(carried(8, 3), job, max_wait_ms=2) > 3600
    assert 0 < len(given_up) < 1000 * calls / 2


def test_event_loops_follow_each_other_on_one_runner(carried):
    """Each leaves callers and batches behind when it is closed."""
    advice, compiled = carried(2, 2)
    runner = advice.runner(compiled, max_wait_ms=LATE_MS)

    async def leave():
        waiting = [asyncio.ensure_future(runner.infer(sample(number))) for number in range(7)]
        await steps(1)
        assert runner._running
        return waiting

    async def use():
        return await asyncio.gather(*(runner.infer(sample(number)) for number in range(20)))

    before = None
    for _ in range(100):
        asyncio.run(leave())
        assert [number_of(answer) for answer in asyncio.run(use())] == [*range(20)]
        before = before or held()
    assert held() == before
    asyncio.run(runner.close())
    assert len(runner._idle) == 2


def test_a_runner_in_use_on_one_event_loop_refuses_another(carried):
    advice, compiled = carried(4, 2)
    runner = advice.runner(compiled, max_wait_ms=LATE_MS)

    async def first():
        waiting = [asyncio.ensure_future(runner.infer(sample(number))) for number in range(3)]
        await steps(1)
        for job in (runner.infer(sample(9)), runner.close(), runner.__aenter__()):
            with pytest.raises(AdviceError, match=r"^The runner belongs to another event loop; make"):
                await asyncio.to_thread(asyncio.run, job)
        await runner.close()
        return [number_of(answer) for answer in await asyncio.gather(*waiting)]

    assert asyncio.run(first()) == [0, 1, 2]
