"""Searches over a second real device, made from the CPU plugin (`tests/emu.py`)."""

import json
import subprocess
import sys

import pytest

import tuner
from tests import emu, models
from tuner.probe.demo import write_demo_model

pytestmark = pytest.mark.skipif(emu.missing() is not None, reason=emu.missing() or "")


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Build devices, and return what runs a command where they are there."""
    folder = tmp_path_factory.mktemp("emu")

    def with_devices(devices):
        plugins, environment = emu.build(folder / "-".join(devices), devices)

        def run(*arguments):
            command = [sys.executable, "-m", "tuner", *map(str, arguments), "--plugins", str(plugins)]
            return subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=300, env=environment
            )

        return run

    return with_devices


def test_devices_of_a_plugins_file_are_listed(second):
    done = second({"EMU": {}})("devices", "--json")
    told = {one["name"]: one for one in json.loads(done.stdout)["devices"]}
    assert set(told) == {"CPU", "EMU"}
    assert told["EMU"]["streams"] == told["CPU"]["streams"]


def test_two_devices_of_a_thread_each_are_nearly_twice_as_fast_together(second, tmp_path, onnx_light):
    """With as many requests as OpenVINO asks for they are not: the search has to find that out."""
    pair, out = {"EMU": emu.ONE_THREAD, "EMV": emu.ONE_THREAD}, tmp_path / "out"
    done = second(pair)("search", onnx_light("squeezenet"), "--device", "AUTO:EMU,EMV", "--batch", "1",
                        "--budget", "100s", "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    advice = tuner.load(out / "config.yaml")
    assert advice.verdict != "faster" or advice.best.device.startswith("AUTO:")
    *alone, together = advice.devices
    assert together.speedup.ratio > 1.3 * max(one.speedup.ratio for one in alone)
    assert 0.65 < together.share_of_sum < 1.3
    assert f"{100 * together.share_of_sum:.0f} % of the sum of its devices" in done.stdout


def test_devices_that_share_a_core_reach_about_half_of_their_sum(second, tmp_path, onnx_light):
    pinned, out = {"EMU": emu.ONE_PINNED, "EMV": emu.ONE_PINNED}, tmp_path / "out"
    done = second(pinned)("search", onnx_light("squeezenet"), "--device", "AUTO:EMU,EMV", "--batch", "1",
                          "--budget", "40s", "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    *_, together = tuner.load(out / "config.yaml").devices
    assert together.device.startswith("AUTO:")
    assert together.share_of_sum < 0.75


def test_three_devices_are_searched_alone_and_together(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    done = second({"EMU": {}, "EMV": {}})(
        "search", model, "--budget", "15s", "--trials", "3", "--output", out
    )
    assert done.returncode == 0, done.stderr
    assert [one.device for one in tuner.load(out / "config.yaml").devices] == [
        "EMU", "EMV", "CPU", "AUTO:EMU,EMV,CPU", "MULTI:EMU,EMV,CPU",
    ]  # fmt: skip


def test_automatic_batching_is_tried_beside_explicit_batches(second, tmp_path):
    model, out = write_demo_model(tmp_path / "demo.xml"), tmp_path / "out"
    done = second({"EMU": {}})("search", model, "--device", "CPU", "--batching", "both", "--batch", "1,16",
                               "--budget", "20s", "--trials", "6", "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    devices = [one.device for one in tuner.load(out / "config.yaml").devices]
    assert devices[0] == "CPU"
    assert devices[1].startswith("BATCH:CPU")
    assert "of an explicit batch's gain" in done.stdout


def test_a_stateful_model_is_searched_on_each_device_and_not_on_both(second, tmp_path):
    model, out = models.stateful(tmp_path / "m.xml"), tmp_path / "out"
    done = second({"EMU": {}})("search", model, "--device", "AUTO:EMU,CPU", "--budget", "10s", "--trials", "2",
                               "--output", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {one.device for one in tuner.load(out / "config.yaml").devices} == {"EMU", "CPU"}
    assert "out    AUTO:EMU,CPU: " in done.stderr
