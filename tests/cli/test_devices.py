"""Searches over a second real device, made from the CPU plugin (`tests/emu.py`)."""

import json
import subprocess
import sys
from functools import partial

import pytest

from tests import emu, models
from tuner.advice.loader import read
from tuner.domain.target import target_of
from tuner.probe.demo import write_demo_model
from tuner.study.reading import read_results

pytestmark = [pytest.mark.alone, pytest.mark.skipif(emu.missing() is not None, reason=emu.missing() or "")]


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Build devices, and return what runs a command where they are there."""
    folder = tmp_path_factory.mktemp("emu")

    def with_devices(devices):
        plugins, environment = emu.build(folder / "-".join(devices), devices)

        def run(*arguments, module="tuner"):
            command = [sys.executable, "-m", module, *map(str, arguments), "--plugins", str(plugins)]
            return subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=300, env=environment
            )

        return run

    return with_devices


def read_advice(out):
    """Read the advice as it is: the plugins are not there in this process."""
    (advice,) = read(out / "config.yaml")
    return advice


def test_devices_of_a_plugins_file_are_listed(second):
    done = second({"EMU": {}})("devices", "--json")
    listed = {device["name"]: device for device in json.loads(done.stdout)["devices"]}
    assert set(listed) == {"CPU", "EMU"}
    assert listed["EMU"]["streams"] == listed["CPU"]["streams"]


@pytest.mark.slow
def test_devices_pinned_to_the_same_core_are_unpinned(second, tmp_path):
    """Left to their hints, two of them together wait for one core; how much faster they are without depends on the host."""
    pinned, out = {"EMU": emu.ONE_PINNED, "EMV": emu.ONE_PINNED}, tmp_path / "out"
    done = second(pinned)("search", models.convolutions(tmp_path / "m.xml"), "--device", "AUTO:EMU,EMV", "--batch", "1",
                          "--streams", "1", "--budget", "40s", "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (result,) = read_results(str(out))
    together = [trial for trial in result.trials if trial.configuration.device.startswith("AUTO:")]
    hint = next(trial for trial in together if trial.configuration.uses_hint)
    assert {member.pinned for member in hint.effective.members} == {True}
    unpinned = [trial for trial in together if "unpinned" in str(trial.configuration) and trial.measured]
    assert any({member.pinned for member in trial.effective.members} == {False} for trial in unpinned)


@pytest.mark.slow
def test_three_devices_are_searched_alone_and_together(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    done = second({"EMU": {}, "EMV": {}})(
        "search", model, "--budget", "14s", "--trials", "3", "--output", out
    )
    assert done.returncode == 0, done.stderr
    devices = read_advice(out).devices
    targets = [target_of(each.device) for each in devices]
    assert [(target.kind, *sorted(target.devices)) for target in targets] == [
        ("", "EMU"), ("", "EMV"), ("", "CPU"), ("AUTO", "CPU", "EMU", "EMV"), ("MULTI", "CPU", "EMU", "EMV"),
    ]  # fmt: skip
    shares = [f"{100 * each.share_of_sum:.0f} % of the sum of its devices" for each in devices[3:]]
    assert all(share in done.stdout for share in shares)


@pytest.mark.slow
def test_automatic_batching_is_tried_beside_explicit_batches(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    done = second({"EMU": {}})("search", model, "--device", "CPU", "--batching", "both", "--batch", "1,16",
                               "--budget", "12s", "--trials", "6", "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    devices = [each.device for each in read_advice(out).devices]
    assert devices[0] == "CPU"
    assert devices[1].startswith("BATCH:CPU")
    assert "of an explicit batch's gain" in done.stdout


@pytest.mark.slow
def test_a_stateful_model_is_searched_on_each_device_and_not_on_both(second, tmp_path):
    model, out = models.stateful(tmp_path / "m.xml"), tmp_path / "out"
    done = second({"EMU": {}})("search", model, "--device", "AUTO:EMU,CPU", "--budget", "4s", "--trials", "2",
                               "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {each.device for each in read_advice(out).devices} == {"EMU", "CPU"}
    assert "out    AUTO:EMU,CPU: " in done.stderr


def test_both_kinds_of_combination_run_on_both_devices_and_lose_one_that_fails(second, tmp_path):
    """Real lanes in a process of their own, where the second device is."""
    model = write_demo_model(tmp_path / "demo.xml")
    done = second({"EMU": {}})(model, module="tests.cli.open_lanes")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for kind in ("MULTI", "AUTO"):
        assert sorted(name.partition(".")[0] for name in found[kind]["devices"]) == ["CPU", "EMU"]
        assert sorted(found[kind]["streams"]) == [1, 2]
        assert "EMU" in found[f"{kind}, a member fails"]["error"]


@pytest.mark.slow
def test_another_plugins_file_is_another_study(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    search = ["search", model, "--device", "EMU", "--budget", "2s", "--trials", "1", "--output", out]
    assert "known from earlier runs" not in second({"EMU": {}})(*search).stderr
    assert "known from earlier runs" in second({"EMU": {}})(*search).stderr
    assert "known from earlier runs" not in second({"EMU": emu.ONE_THREAD})(*search).stderr


@pytest.mark.slow
def test_automatic_batching_of_a_given_size_is_searched(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    done = second({"EMU": {}})("search", model, "--device", "BATCH:CPU(8)", "--budget", "7s", "--trials", "4",
                               "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {each.device for each in read_advice(out).devices} == {"CPU", "BATCH:CPU(8)"}


OF_A_BATCH = partial(models.mlp, shape=(8, 16))
DYNAMIC = partial(models.embedding, shape=(1, -1))
slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("make", "shape", "sentence"),
    [
        slow(models.stateful, [], "BATCH:CPU(4): ", id="stateful"),
        slow(OF_A_BATCH, [], "BATCH:CPU(4): OpenVINO gathers no requests", id="of a batch"),
        slow(DYNAMIC, ["--shape", "ids[1,8]"], None, id="dynamic, with a shape"),
        pytest.param(DYNAMIC, [], "--shape 'ids[1,128]'", id="dynamic"),
    ],
)
def test_what_automatic_batching_cannot_gather_is_named(second, tmp_path, make, shape, sentence):
    done = second({"EMU": {}})("search", make(tmp_path / "m.xml"), *shape, "--device", "BATCH:CPU(4)",
                               "--budget", "6s", "--trials", "2", "--output", tmp_path / "out")  # fmt: skip
    assert "Traceback" not in done.stderr
    if sentence is None:
        assert any(each.device.startswith("BATCH:") for each in read_advice(tmp_path / "out").devices)
    else:
        assert sentence in done.stderr


def test_bounds_that_leave_nothing_to_gather_are_refused(second, tmp_path):
    model = write_demo_model(tmp_path / "demo.xml")
    done = second({"EMU": {}})("search", model, "--device", "CPU", "--batching", "both", "--batch", "1")
    assert done.returncode == 2
    assert "--batch allows no batch of 2 or more" in done.stderr
