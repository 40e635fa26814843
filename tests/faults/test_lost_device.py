"""A device that is lost in the middle, and comes back."""

import subprocess
import sys

import pytest

from tests.faults import losable

SCRIPT = """
import asyncio, ctypes, sys
from pathlib import Path

from tests.faults.carrying import carrying, number_of, sample
from tuner.errors import InferenceError

device, advice = ctypes.CDLL(sys.argv[1]), carrying(Path(sys.argv[2]), batch=7, requests=3)
compiled = advice.compile()


def stream(count, ordered):
    "The numbers of the answers, and the samples that the failure names."
    numbers = []
    try:
        for answer in advice.infer_many(compiled, map(sample, range(count)), ordered=ordered):
            numbers.append(number_of(answer))
    except InferenceError as error:
        assert "the device is gone" in str(error), error
        return numbers, error.samples
    return numbers, None


async def serve(inferences):
    "How many callers got their answer; the others must hear of themselves."
    async with advice.runner(compiled, max_wait_ms=1) as runner:
        device.lose_after(inferences)
        asked = [runner.infer(sample(number)) for number in range(60)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        device.lose_after(-1)
        assert number_of(await runner.infer(sample(99))) == 99
    for number, answer in enumerate(answers):
        if isinstance(answer, InferenceError):
            assert answer.samples == range(number, number + 1)
        else:
            assert number_of(answer) == number
    return sum(not isinstance(answer, InferenceError) for answer in answers)


for inferences in range(20):
    for ordered in (True, False):
        device.lose_after(inferences)
        numbers, failed = stream(300, ordered)
        assert failed is not None and len(set(numbers)) == len(numbers) == len(set(numbers) - {*failed})
        if ordered:
            assert numbers == [*range(failed.start)], (numbers, failed)
        else:
            assert len(numbers) == 7 * inferences, (numbers, failed)
        device.lose_after(-1)
        assert sorted(stream(50, ordered)[0]) == [*range(50)]
    # a batch holds one caller to seven, as they came in time; 60 callers are at least nine batches
    assert min(inferences, 9) <= asyncio.run(serve(inferences)) <= min(7 * inferences, 60)
print("survived")
"""


@pytest.mark.slow
@pytest.mark.skipif(losable.missing() is not None, reason=losable.missing() or "")
def test_a_lost_device_costs_only_what_it_did_not_infer(tmp_path):
    library, environment = losable.build(tmp_path)
    command = [sys.executable, "-c", SCRIPT, library, tmp_path]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.stdout == "survived\n", run.stdout + run.stderr
