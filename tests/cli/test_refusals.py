"""What the command refuses: one sentence, the documented exit code, and nothing is written."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from tests import models
from tests.cli.command import complain, run
from tuner.cli.app import main
from tuner.probe.devices import describe


@pytest.fixture
def model(tmp_path):
    return models.mlp(tmp_path / "m.xml")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--budget", "0s"], "--budget '0s' is not a duration; give for example 90s or 5m, at least 1s."),
        (["--budget", "-5"], "--budget '-5' is not a duration"),
        (["--budget", "abc"], "--budget 'abc' is not a duration"),
        (["--trials", "0"], "0 is not in the range x>=1"),
        (["--seed", "4294967296"], "4294967296 is not in the range 0<=x<=4294967295"),
        (["--seed", "-1"], "-1 is not in the range 0<=x<=4294967295"),
        (
            ["--streams", "0"],
            "--streams '0' is not a list of counts from 1 to 1048576; give for example 1,2,8 or 1-64 or hint.",
        ),
        (["--streams", "4096"], "--streams asks for 4096, but CPU runs 1 to"),
        (["--batch", "x"], "--batch 'x' is not a list of counts"),
        (["--requests", "1.5"], "--requests '1.5' is not a list of counts"),
        (["--input", "nothing"], "--input 'nothing' is not of the form NAME=FILE"),
        (["--input", "x=none.npy"], "--input x=none.npy: no such file"),
        (["--input", "y=none.npy"], "--input names 'y', but the model's inputs are: x."),
        (["--shape", "x[a]"], "--shape 'x[a]' is not a shape; give for example NAME[1,3,224,224]."),
        (["--shape", "y[1,16]"], "--shape names the input 'y', but the model's inputs are: x."),
        (["--plugins", "x.xml"], "--plugins 'x.xml' cannot be read (No such file or directory)"),
        (["--plugins", __file__], "is not accepted by OpenVINO as a plugins file"),
        (["--device", "MULTI:"], "--device 'MULTI:' combines no devices; name two or more"),
        (["--device", "MULTI:CPU"], "--device 'MULTI:CPU' combines only one device; give CPU"),
        (["--device", "AUTO:-CPU"], "--device 'AUTO:-CPU' leaves CPU out; name the devices to use instead."),
        (["--device", "BATCH:"], "--device 'BATCH:' must name the device to batch for"),
        (["--device", "CPU", "--device", "CPU"], "--device 'CPU' is given twice"),
        (["--batching", "maybe"], "'maybe' is not one of 'explicit', 'auto', 'both'"),
        (["--objective", "joy"], "'joy' is not one of 'throughput', 'latency', 'cpu'"),
        (["--objective", "latency", "--batching", "auto"], "--batching 'auto' gathers those of several"),
        (
            ["--max-latency", "20"],
            "--max-latency '20' has no unit; the units are us, ms, s: give for example",
        ),
        (["--max-latency", "p95:20ms"], "begins with 'p95', which is no percentile; give p50, p90, p99 or"),
        (
            ["--max-latency", "p50:9ms", "--max-latency", "5ms"],
            "--max-latency has 'p50 latency <= 9 ms' beside",
        ),
        (["--max-memory", "2"], "--max-memory '2' has no unit; the units are MB, GB, MiB, GiB"),
        (["--min-throughput", "0"], "--min-throughput '0' is not a number of items per second above 0"),
        (
            ["--precision", "f8"],
            "--precision 'f8' is not a list of f32, bf16, f16, hint (the hint's own) or",
        ),
        (["--precision", "f32,"], "--precision 'f32,' is not a list of"),
        (["--max-error", "1%"], "--max-error '1%' limits the difference from f32, which is measured where"),
        (["--precision", "--max-error", "0"], "--max-error '0' is not a share of the largest value, above 0"),
        (["--precision", "f32", "--max-error", "150%"], "--max-error '150%' is not a share of the largest"),
        (["--precision", "f32", "--max-error", "-1%"], "--max-error '-1%' is not a share of the largest"),
        (["--precision", "f32", "--max-error", "little"], "give for example 1% or 0.01."),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(capsys, model, tmp_path, arguments, sentence):
    code, message = complain(capsys, "search", model, "--output", tmp_path / "out", *arguments)
    assert code == 2
    assert sentence in message
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_used_is_one_sentence_and_exit_code_3(capsys, model, tmp_path):
    corrupt = tmp_path / "corrupt.xml"
    corrupt.write_text("<net")
    corrupt.with_suffix(".bin").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for arguments, sentence in [
        ([tmp_path / "none.xml"], "No model at"),
        ([""], "The model's path is empty"),
        ([tmp_path / "empty"], "is a folder without a model"),
        ([corrupt], "is not a model that OpenVINO"),
        ([model, "--shape", "x[1,17]"], "does not take the shape x[1, 17]"),
    ]:
        code, message = complain(capsys, "search", *arguments, "--output", tmp_path / "out")
        assert (code, sentence in message) == (3, True), message
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("capabilities", "asked", "code", "sentence"),
    [
        (
            ("FP32", "BF16"),
            "f16",
            2,
            "--precision asks for f16, but CPU has f32, bf16 here; give one of these.",
        ),
        (
            ("BF16",),
            "bf16",
            3,
            "The outputs in f32, with which all others are compared, cannot be computed (no device",
        ),
    ],
)
def test_precisions_are_those_that_the_device_names(
    capsys, model, tmp_path, monkeypatch, capabilities, asked, code, sentence
):
    processor = replace(describe("CPU"), capabilities=capabilities)
    monkeypatch.setattr("tuner.commands.measuring.list_devices", lambda _: (processor,))
    refused = complain(capsys, "search", model, "-q", "--output", tmp_path / "out", "--precision", asked)
    assert refused[0] == code
    assert sentence in refused[1]
    assert not (tmp_path / "out").exists()


def test_an_input_file_of_the_wrong_shape_is_refused(capsys, model, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((1, 17), np.float32))
    code, message = complain(
        capsys, "search", model, "--input", f"x={tmp_path / 'x.npy'}", "--output", tmp_path / "out"
    )
    assert code == 3
    assert "the array has shape [1, 17], but one sample of 'x' has shape [1, 16]" in message


def test_a_model_that_never_runs_is_refused(tmp_path):
    x = models.parameter([1, 4])
    crashing = ops.reshape(
        x, ops.convert(ops.reduce_sum(x, ops.constant([0]), False), "i64"), special_zero=False
    )
    path = tmp_path / "m.xml"
    ov.save_model(ov.Model([ops.result(crashing)], [x], "m"), path)
    done = run("search", path, "--budget", "10s", "--output", tmp_path / "out")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "config.yaml").exists()


def test_an_output_that_is_a_file_is_refused(capsys, model, tmp_path):
    (tmp_path / "file").write_text("")
    code = main(["search", str(model), "--output", str(tmp_path / "file"), "-q"])
    assert code == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a directory that even root cannot write to")
def test_an_output_that_cannot_be_written_is_refused(capsys, model):
    code = main(["search", str(model), "--output", "/proc/out", "-q"])
    assert code == 2
    assert "'/proc/out' cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_and_a_reader_that_left_are_no_traceback():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tuner", "devices"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tuner", "devices"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (4, "")


def test_shapes_may_be_given_one_by_one_or_together(capsys, model, tmp_path):
    for shapes in (["--shape", "x[1,16]", "--shape", "y[1]"], ["--shape", "x[1,16],y[1]"]):
        code, message = complain(capsys, "search", model, *shapes, "--output", tmp_path / "out")
        assert (code, "names the input 'y'" in message) == (2, True)


def test_an_unknown_command_is_refused(capsys):
    code, message = complain(capsys, "serch")
    assert code == 2
    assert "No such command" in message
