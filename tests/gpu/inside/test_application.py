"""Advice for the GPU inside applications and other programs."""

import asyncio
import json
import shlex
import shutil
import subprocess
import sys

import numpy as np
import openvino as ov
import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of
from tests.advice.test_export import SCRIPTS, build, exported, run
from tuner.advice.writer import write_advice
from tuner.errors import DeviceError

DEPLOYMENTS = {
    "GPU": {"NUM_STREAMS": 2},
    "MULTI:GPU,CPU": {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "DEVICE_PROPERTIES": {
            "GPU": {"NUM_STREAMS": 1, "GPU_QUEUE_PRIORITY": "HIGH"},
            "CPU": {"NUM_STREAMS": 1},
        },
    },
    "AUTO:GPU,CPU": {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT"},
    "BATCH:GPU(4)": {"PERFORMANCE_HINT": "THROUGHPUT", "AUTO_BATCH_TIMEOUT": 10},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return models.scaling(tmp_path_factory.mktemp("m") / "m.xml")


@pytest.fixture(params=DEPLOYMENTS)
def advice(request, path, tmp_path):
    """Advice as it comes back from its file, where values are plain."""
    batch = 1 if request.param.startswith("BATCH") else 4
    made = advice_of(path, DEPLOYMENTS[request.param], batch, 6, device=request.param)
    write_advice(made, tmp_path / "config.yaml")
    return tuner.load(tmp_path / "config.yaml")


def samples(count):
    return [np.full((1, 16), index, np.float32) for index in range(count)]


def truth(path, given):
    compiled = ov.Core().compile_model(str(path), "CPU")
    return [compiled(sample)[0] for sample in given]


def test_the_file_holds_plain_numbers_and_the_advice_gives_texts(advice):
    plain = json.dumps(advice.best.properties)
    assert ('"NUM_STREAMS": 2' in plain) == (advice.device == "GPU")
    assert '"2"' not in plain
    if advice.device == "GPU":
        assert advice.properties == {"NUM_STREAMS": "2"}


def test_compile_runs_it_where_it_was_measured(advice):
    devices = set(advice.compile().get_property("EXECUTION_DEVICES"))
    assert devices == ({"GPU.0", "CPU"} if "CPU" in advice.device else {"GPU.0"})


def test_plain_data_compiles_without_the_project(advice, path):
    core = ov.Core()
    compiled = core.compile_model(core.read_model(path), advice.device, advice.properties)
    assert "GPU.0" in compiled.get_property("EXECUTION_DEVICES")


def test_infer_many_answers_in_order_like_the_processor(advice, path):
    given = samples(23)
    answers = list(advice.infer_many(advice.compile(), iter(given)))
    np.testing.assert_allclose(answers, truth(path, given), rtol=0.05, atol=0.5)


def test_the_runner_answers_every_request_like_the_processor(advice, path):
    given = samples(23)

    async def serve():
        async with advice.runner(advice.compile(), max_wait_ms=5) as runner:
            return await asyncio.gather(*(runner.infer(sample) for sample in given))

    np.testing.assert_allclose(asyncio.run(serve()), truth(path, given), rtol=0.05, atol=0.5)


def test_an_iteration_that_is_given_up_ends(advice):
    """The compiled model goes with the generator: requests in flight must not wait for it."""
    answers = advice.infer_many(advice.compile(), iter(samples(40)))
    next(answers)
    answers.close()


def test_the_python_program_runs_as_it_is(advice, tmp_path):
    program, _ = exported(advice, "python", tmp_path)
    assert float(run([sys.executable, program, advice.model.path, 0.3]).stdout.split()[0]) > 0


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++ (apt-get install g++)")
def test_the_cpp_program_runs_as_it_is(path, tmp_path):
    advice = advice_of(path, DEPLOYMENTS["MULTI:GPU,CPU"], 4, 6, device="MULTI:GPU,CPU")
    source, _ = exported(advice, "cpp", tmp_path)
    assert float(run([build(source), path, 0.3]).stdout.split()[0]) > 0


def test_benchmark_app_runs_it_with_the_same_streams(advice, tmp_path):
    _, line = exported(advice, "benchmark_app", tmp_path)
    words = shlex.split(line)
    done = run([SCRIPTS / words[0], *words[1:-1], 1])
    assert "Throughput:" in done.stdout
    if advice.device == "GPU":
        assert "NUM_STREAMS: 2" in done.stdout
    else:
        assert "GPU" in done.stdout


def test_the_model_server_gets_texts(advice):
    from tuner.advice.export import EXPORTS

    (model,) = json.loads(EXPORTS["ovms"](advice).text)["model_config_list"]
    assert all(isinstance(value, str) for value in model["config"]["plugin_config"].values())


def test_verify_measures_it_here(path, tmp_path):
    config = tmp_path / "config.yaml"
    write_advice(advice_of(path, {"NUM_STREAMS": 2}, 4, 4, device="GPU"), config)
    command = [
        sys.executable,
        "-m",
        "tuner",
        "verify",
        config,
        "--budget",
        "15s",
        "--min-ratio",
        "0.01",
        "--json",
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ratio"] > 0


def test_a_setting_that_makes_a_combination_lose_the_gpu_is_named(path):
    own = {"GPU": {"NUM_STREAMS": "many"}, "CPU": {"NUM_STREAMS": 1}}
    advice = advice_of(path, {"DEVICE_PROPERTIES": own}, batch=1, device="MULTI:GPU,CPU")
    with pytest.raises(DeviceError, match=r"'GPU' refuses NUM_STREAMS=many, so .* out of MULTI:GPU,CPU"):
        advice.compile(path)
