"""Searches on the GPU, as a user starts them."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests import gpu, models
from tests.cli.test_devices import read_advice
from tuner.domain.target import target_of


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "tuner", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def tried(done):
    return [trial for trial in json.loads(done.stdout)["tried"] if trial["state"] != "duplicate"]


@pytest.fixture
def path(tmp_path):
    return models.scaling(tmp_path / "m.xml")


def test_devices_lists_it_with_its_ranges():
    listed = {device["name"]: device for device in json.loads(command("devices", "--json").stdout)["devices"]}
    assert set(listed) == {"CPU", "GPU"}
    assert listed["GPU"]["streams"] == [1, 2]
    assert listed["GPU"]["requests"] == [1, 2]


def test_explicit_streams_are_measured(path, tmp_path):
    done = command("search", path, "--device", "GPU", "--streams", "1,2", "--batch", "1,64", "--budget", "9s",
                   "--output", tmp_path / "out", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    explicit = [trial for trial in tried(done) if "stream" in trial["configuration"]]
    assert {trial["state"] for trial in explicit} <= {"measured", "pruned"}
    assert explicit
    advice = read_advice(tmp_path / "out")
    assert (advice.verdict, advice.best.batch) == ("faster", 64)
    assert "GPU.0" in advice.compile(path).get_property("EXECUTION_DEVICES")


def test_a_combination_is_searched_on_both_devices(path, tmp_path):
    done = command("search", path, "--device", "MULTI:GPU,CPU", "--streams", "1,2", "--batch", "1,64", "--budget", "30s",
                   "--output", tmp_path / "out", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    together = [trial for trial in tried(done) if trial["configuration"].startswith("MULTI:")]
    both = [trial for trial in together if re.search(r"GPU [12] stream", trial["configuration"])]
    assert both
    assert {trial["state"] for trial in both} <= {"measured", "pruned"}
    devices = [target_of(each.device).kind or each.device for each in read_advice(tmp_path / "out").devices]
    assert devices == ["GPU", "CPU", "MULTI"]


@pytest.mark.parametrize("devices", [("GPU",), ("GPU", "CPU")])
def test_a_gpu_that_vanishes_in_mid_search_ends_in_one_sentence(path, tmp_path, devices):
    """In a process of its own: its fork server must know the file from its start."""
    environment = {**os.environ, gpu.GONE: str(tmp_path / "gone")}
    words = [sys.executable, "-m", "tests.gpu.inside.unplug", path, tmp_path / "out", *devices]
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    states = [state for device, state in printed["states"] if device == "GPU"]
    assert states.count("failed") == 3
    assert "GPU" in printed["reasons"][-1]
    assert any(warning.startswith("GPU was given up: ") for warning in printed["warnings"])
    if devices == ("GPU",):
        assert printed["verdict"] == "inconclusive"
        assert printed["best"]
    else:
        assert printed["states"][-1][0] == "CPU"
        assert printed["device"] == "CPU"


def test_a_gpu_that_is_not_there_is_refused_with_those_that_are(path, tmp_path):
    done = command("search", path, "--device", "GPU.1", "--output", tmp_path / "out")
    assert done.returncode == 3
    assert "There is no device 'GPU.1' here; --device takes one of: CPU, GPU" in done.stderr


def test_streams_beyond_its_range_are_refused(path, tmp_path):
    done = command("search", path, "--device", "GPU", "--streams", "8", "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "--streams asks for 8, but GPU runs 1 to 2 streams here" in done.stderr
