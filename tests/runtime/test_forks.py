"""A process that is forked after a model was compiled has none of its threads."""

import subprocess
import sys

import pytest

SCRIPT = """
import asyncio, os, signal, sys
from pathlib import Path

import numpy as np

from tests import models
from tests.advice.advice_of import advice_of

advice = advice_of(models.wide(Path(sys.argv[1])), batch=8, requests=2)
compiled, samples = advice.compile(), [np.ones(1024, np.float32)] * 64
answers, runner = advice.infer_many(compiled, samples), advice.runner(compiled)

async def infer(runner):
    return await runner.infer(samples[0])

def drop():
    global answers
    answers.close()
    answers = None

def in_a_child(what, job):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends it if it hangs
        try:
            print(what, job(), flush=True)
        except Exception as error:
            print(what, type(error).__name__, error, flush=True)
        os._exit(0)
    print(what, "ended with", os.waitpid(child, 0)[1], flush=True)

next(answers)
in_a_child("drop", drop)
in_a_child("go on", lambda: len(list(answers)))
in_a_child("new", lambda: advice.infer_many(compiled, samples))
in_a_child("infer", lambda: asyncio.run(infer(runner)))
in_a_child("close", lambda: asyncio.run(runner.close()))
in_a_child("runner", lambda: advice.runner(compiled))
in_a_child("own", lambda: len(list(advice.infer_many(advice.compile(), samples))))
print("parent", len(list(answers)), asyncio.run(infer(runner)).shape)
asyncio.run(runner.close())
"""

REFUSED = (
    "AdviceError The model was compiled before this process was forked, and its threads did not come along; "
    "compile it in the process that uses it."
)


@pytest.mark.skipif(sys.platform != "linux", reason="forks as on Linux")
def test_a_forked_process_is_told_to_compile_the_model_itself(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, tmp_path / "m.xml"]
    run = subprocess.run(command, capture_output=True, text=True)
    lines = run.stdout.splitlines()
    expected = {"drop": "None", "own": "64", **dict.fromkeys(("new", "infer", "close", "runner"), REFUSED)}
    for what, end in expected.items():
        assert f"{what} {end}" in lines, run.stdout + run.stderr
        assert f"{what} ended with 0" in lines
    assert f"go on {REFUSED}" in lines
    assert "go on ended with 0" in lines
    assert lines[-1] == "parent 63 (1024,)"
