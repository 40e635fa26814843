"""`verify`, `export` and `merge` as a person or a script meets them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import tuner
from tests import models
from tests.advice.advice_of import advice_of
from tests.cli.command import complain, run
from tuner.advice.loader import read
from tuner.advice.writer import write_advice

pytestmark = pytest.mark.alone


def as_baseline(advice, batch, requests):
    """The same advice, its hint measured on this machine with these."""
    baseline = msgspec.structs.replace(advice.baseline, batch=batch, requests=requests)
    return msgspec.structs.replace(advice, baseline=baseline)


@pytest.fixture
def wide(tmp_path):
    return models.wide(tmp_path / "w.xml")


@pytest.fixture
def gaining(wide, tmp_path):
    """Advice whose batch gains by a factor over the hint."""
    advice = as_baseline(advice_of(wide, {"PERFORMANCE_HINT": "THROUGHPUT"}, 32, 4), 1, 2)
    write_advice(advice, tmp_path / "gaining.yaml")
    return tmp_path / "gaining.yaml"


@pytest.fixture
def losing(wide, tmp_path):
    """Advice for the same model that is far slower than the hint with a batch."""
    advice = as_baseline(advice_of(wide, {"NUM_STREAMS": 1}, 1, 1), 32, 4)
    write_advice(advice, tmp_path / "losing.yaml")
    return tmp_path / "losing.yaml"


def test_advice_whose_gain_is_there_holds(gaining):
    done = run("verify", gaining, "--budget", "3s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("holds: ")
    assert "the hint, +1.0 % is required" in done.stdout
    assert "host     same" in done.stdout


@pytest.mark.slow
def test_advice_whose_gain_is_gone_fails_with_1(losing):
    done = run("verify", losing, "--budget", "3s", "--json", "-q")
    assert done.returncode == 1, done.stderr
    printed = json.loads(done.stdout)
    assert not printed["holds"]
    assert printed["ratio"] < 1
    assert printed["sentence"].startswith("fails: ")
    assert printed["host"] == {"level": "same", "reasons": []}


@pytest.mark.slow
def test_two_files_are_measured_against_each_other(gaining, losing):
    done = run("verify", gaining, losing, "--budget", "3s")
    assert done.returncode == 0, done.stderr
    assert f"times as fast as {losing}" in done.stdout
    assert run("verify", losing, gaining, "--budget", "3s").returncode == 1


@pytest.mark.slow
def test_a_gain_that_is_asked_for_and_not_there_fails_and_what_changed_since_is_told(gaining, tmp_path):
    (advice,) = read(gaining)
    other = msgspec.structs.replace(advice.host, cpu="Another CPU", openvino="2020.1")
    write_advice(msgspec.structs.replace(advice, host=other), tmp_path / "old.yaml")
    done = run("verify", tmp_path / "old.yaml", "--budget", "3s", "--min-ratio", "1000")
    assert done.returncode == 1
    assert "the hint, 1,000 times is required" in done.stdout
    assert "host     different: CPU: Another CPU -> " in done.stdout
    assert "OpenVINO: 2020.1 -> " in done.stdout


def test_advice_that_is_the_hint_itself_needs_no_duel(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"), {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
    write_advice(as_baseline(advice, 1, 2), tmp_path / "config.yaml")
    done = run("verify", tmp_path / "config.yaml")
    assert done.returncode == 0
    assert done.stdout.startswith("the advice is the same as the hint: there is nothing to measure")
    assert run("verify", tmp_path / "config.yaml", "--min-ratio", "1.5").returncode == 1


def test_a_model_with_other_inputs_is_told_before_anything_is_measured(gaining, tmp_path):
    other = models.two_inputs_and_a_scalar(tmp_path / "other.xml")
    done = run("verify", gaining, "--model", other)
    assert done.returncode == 3
    assert "has the inputs x f32, y f32, scale f32, the advice is for x f32" in done.stderr


def test_verify_as_a_function(gaining):
    found = tuner.verify(gaining, budget=3)
    assert found.holds
    assert found.now.ratio > 1.5
    assert (found.against, found.min_ratio) == ("the hint", 1.01)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["verify", "none.yaml"], 2, "'none.yaml' cannot be read"),
        (["verify", "gaining.yaml", "--model", "none.xml"], 2, "which is not at 'none.xml'; give its path"),
        (["verify", "gaining.yaml", "other.yaml"], 2, "compare advice for one model"),
        (["verify", "nowhere.yaml"], 3, "does not run here"),
        (["verify", "broken.yaml", "--budget", "3s"], 3, "The advice could not be measured here: NotFound"),
        (["export", "gaining.yaml", "--to", "csv"], 2, "'csv' is not one of"),
        (["export", "none.yaml", "--to", "json"], 2, "'none.yaml' cannot be read"),
        (["export", "gaining.yaml", "--to", "json", "--output", "no/where.json"], 2, "cannot be written"),
        (["merge", "gaining.yaml", "other.yaml", "-o", "f.yaml"], 2, "merge advice for one model"),
        (["merge", "gaining.yaml", "-o", "no/where.yaml"], 2, "cannot be written"),
        (["merge", "-o", "f.yaml"], 2, "Missing argument"),
    ],
)
def test_bad_input_is_one_sentence_with_its_exit_code(
    capsys, monkeypatch, gaining, tmp_path, arguments, code, sentence
):
    write_advice(advice_of(models.mlp(tmp_path / "other.xml")), tmp_path / "other.yaml")
    (advice,) = read(gaining)
    far = msgspec.structs.replace(advice.baseline, device="GPU.7")
    write_advice(msgspec.structs.replace(advice, baseline=far), tmp_path / "nowhere.yaml")
    gone = msgspec.structs.replace(advice.best, properties={"NO_SUCH_PROPERTY": 1})
    write_advice(msgspec.structs.replace(advice, best=gone), tmp_path / "broken.yaml")
    monkeypatch.chdir(tmp_path)
    exit_code, message = complain(capsys, *arguments)
    assert exit_code == code, message
    assert sentence in message


def test_an_export_for_benchmark_app_is_a_file_and_a_command_that_runs(gaining):
    done = run("export", gaining, "--to", "benchmark_app")
    assert done.returncode == 0
    words = shlex.split(done.stdout)
    assert gaining.with_name("benchmark_app.json").exists()
    tool = Path(sys.executable).with_name(words[0])
    again = subprocess.run([tool, *words[1:-1], "1"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout


def test_an_export_goes_to_standard_output_or_to_a_file(gaining, tmp_path):
    shown = run("export", gaining, "--to", "ovms", "--model", "elsewhere/net.xml")
    assert json.loads(shown.stdout)["model_config_list"][0]["config"]["nireq"] == 4
    assert "note: The server looks for net.xml" in shown.stderr
    kept = run("export", gaining, "--to", "json", "--output", tmp_path / "a.json")
    assert kept.stdout == ""
    assert json.loads((tmp_path / "a.json").read_text())["best"]["batch"] == 32


def test_a_fleet_is_merged_and_loaded(gaining, tmp_path):
    (advice,) = read(gaining)
    write_advice(
        msgspec.structs.replace(advice, host=msgspec.structs.replace(advice.host, cores=64)),
        tmp_path / "big.yaml",
    )
    done = run("merge", tmp_path / "big.yaml", gaining, "-o", tmp_path / "fleet.yaml")
    assert done.returncode == 0, done.stderr
    assert "64 cores: hint, batch 32, 4 requests" in done.stdout
    assert tuner.load(tmp_path / "fleet.yaml") == advice
