import copy
import json
import math
import warnings
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import openvino as ov
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tuner
from tests import models
from tests.advice.advice_of import advice_of, told
from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.simulation import MODEL, simulate, simulate_host
from tuner.advice.advice import Advice, json_schema
from tuner.advice.loader import read
from tuner.advice.writer import make_advice, write_advice
from tuner.domain.result import Result
from tuner.errors import AdviceError, DeviceError, ModelError
from tuner.probe.model_files import digest


def result_of(model=MODEL, **options) -> Result:
    return told(simulate(**options), model)


def load(path) -> Advice:
    (advice,) = read(path)
    return advice


@pytest.fixture(scope="module")
def advice() -> Advice:
    return make_advice(result_of(device=SimulatedDevice(base_fps=2000)))


def test_advice_comes_back_as_it_was_written(advice, tmp_path):
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == advice
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_advice_for_several_devices_comes_back_with_each_devices_settings(tmp_path):
    crowded = SimulatedDevice(base_fps=1000, one_stream=1.3, more_requests=1.0)
    found = simulate_host(SimulatedHost({"CPU": crowded, "EMU": crowded}), "AUTO:EMU,CPU")
    advice = make_advice(told(found, MODEL))
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == advice
    assert advice.verdict == "faster"
    assert advice.best.properties["PERFORMANCE_HINT"] == "CUMULATIVE_THROUGHPUT"
    assert {"NUM_STREAMS": 1} in advice.best.properties["DEVICE_PROPERTIES"].values()
    shares = {one.device.partition(":")[0]: one.share_of_sum for one in advice.devices}
    assert shares == {"EMU": None, "CPU": None, "AUTO": pytest.approx(0.9, abs=0.1)}
    text = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert ["share_of_sum" in one for one in text["devices"]] == [False, False, True]


def test_the_fields_of_schema_1_are_in_the_documented_order(advice):
    assert list(msgspec.to_builtins(advice)) == [
        "schema", "model", "best", "drop_in", "verdict", "speedup", "measured", "baseline",
        "devices", "front", "host", "search",
    ]  # fmt: skip
    assert list(msgspec.to_builtins(advice.best)) == ["device", "properties", "batch", "requests"]


def test_what_is_written_follows_the_shipped_schema(advice, tmp_path):
    schema = json.loads((Path(tuner.__file__).parent / "advice" / "advice.schema.json").read_text())
    jsonschema.validate(msgspec.to_builtins(advice), schema)
    broken = msgspec.to_builtins(advice)
    broken["best"]["batch"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_the_shipped_schema_is_that_of_the_types():
    shipped = (Path(tuner.__file__).parent / "advice" / "advice.schema.json").read_bytes()
    assert ordered(json.loads(shipped)) == ordered(json.loads(json_schema()))


def ordered(schema):
    """The same schema with its alternatives in one order, which differs between versions of msgspec."""
    if isinstance(schema, dict):
        return {
            key: sorted(map(ordered, part), key=json.dumps) if key == "anyOf" else ordered(part)
            for key, part in schema.items()
        }
    return schema


def test_a_faster_verdict_deploys_its_winner_with_its_figures(advice):
    assert advice.verdict == "faster"
    assert advice.best.batch > 1
    assert advice.speedup.ratio > 1.3
    assert advice.measured.throughput_fps > advice.baseline.measured.throughput_fps
    assert advice.drop_in.batch == 1
    assert advice.devices[0].batch == advice.best.batch
    assert all(math.isfinite(one.measured.latency_ms.p99) for one in advice.front)


def test_keep_hint_deploys_the_hint_itself():
    flat = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)
    advice = make_advice(result_of(lanes=SimulatedLanes(flat, QUIET)))
    assert advice.verdict == "keep_hint"
    assert advice.best.properties == {"PERFORMANCE_HINT": "THROUGHPUT"}
    assert (advice.speedup.ratio, advice.speedup.low, advice.speedup.high) == (1.0, 1.0, 1.0)


def test_an_interrupted_search_writes_its_best_as_inconclusive(tmp_path):
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000), stop_at_s=25)
    advice = make_advice(result_of(lanes=lanes))
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml").verdict == "inconclusive"
    assert advice.best.batch > 1


def test_the_front_trades_throughput_for_latency(advice):
    latencies = [one.measured.latency_ms.p99 for one in advice.front]
    ratios = [one.speedup.ratio for one in advice.front]
    assert latencies == sorted(latencies, reverse=True)
    assert ratios == sorted(ratios, reverse=True)
    assert len(advice.front) >= 2


def test_figures_of_the_front_compare_though_the_host_drifted(advice):
    hint_fps = advice.baseline.measured.throughput_fps
    for one in advice.front:
        assert one.measured.throughput_fps == pytest.approx(one.speedup.ratio * hint_fps, rel=1e-3)
        in_flight = one.batch * one.requests
        assert one.measured.latency_ms.p50 == pytest.approx(
            1e3 * in_flight / one.measured.throughput_fps, rel=0.2
        )


def test_a_failed_write_leaves_the_old_file_and_no_other(advice, tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text("old")

    def full(_handle):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_advice(advice, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
FIGURE = st.floats(0, 1e12, allow_nan=False)


@example(name="a\x85b\u2028c", path="\x85", ratio=1.0, high=None, value="\u2029", shape=[])
@given(
    name=TEXT,
    path=TEXT,
    ratio=FIGURE,
    high=st.none() | FIGURE,
    value=st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | FIGURE,
    shape=st.lists(st.integers(0, 2**31)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_names_and_figures_survive_the_round_trip(
    advice, tmp_path, name, path, ratio, high, value, shape
):
    told = copy.deepcopy(msgspec.to_builtins(advice))
    told["model"] |= {"name": name, "path": path, "inputs": {name: {"shape": shape, "type": "f32"}}}
    told["model"]["batch_axes"] = {name: len(shape) - 1} if shape else {}
    told["model"]["output_axes"] = [0]
    told["speedup"] |= {"ratio": ratio, "high": high}
    told["best"]["properties"] = {name: value}
    odd = msgspec.convert(told, Advice)
    write_advice(odd, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == odd


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.pop("best"), "missing required field `best`"),
        (lambda told: told["best"].update(batch="8"), r"Expected `int`, got `str` - at `\$.best.batch`"),
        (
            lambda told: told["best"].update(bath=8),
            "unknown field `bath` - at `\\$.best`, the nearest one is `batch`",
        ),
        (lambda told: told.update(schema=2), "has schema 2, this version reads 1; upgrade openvino-tuner"),
        (lambda told: told.update(schema=0), "Invalid enum value 0"),
        (lambda told: told.update(verdict="maybe"), "Invalid enum value 'maybe'"),
        (lambda told: told["best"].update(batch=0), r"Expected `int` >= 1 - at `\$.best.batch`"),
        (lambda told: told["best"].update(requests=-1), "Expected `int` >= 1"),
        (lambda told: told["speedup"].update(ratio=float("nan")), "Expected `float` >= 0"),
        (lambda told: told["best"].update(requests=10**9), "Expected `int` <= 1048576"),
        (
            lambda told: told["best"].update(device="MULTI:CPU"),
            "the device 'MULTI:CPU' combines only one device",
        ),
        (lambda told: told["model"].update(batch_axes={"nope": 0}), "not an axis of an input"),
    ],
)
def test_advice_that_is_not_valid_is_refused_with_its_place(advice, tmp_path, change, sentence):
    told = msgspec.to_builtins(advice)
    change(told)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(told))
    with pytest.raises(AdviceError, match=sentence) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "hello", "- 1", "{", "a: b: c", "\0", "!!python/object:os.system {}", "[" * 5000]
)
def test_a_file_that_is_no_advice_is_refused(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(AdviceError, match=r"config\.yaml' is not"):
        load(path)


def test_a_missing_file_and_a_binary_one_are_refused(tmp_path):
    with pytest.raises(AdviceError, match=r"cannot be read \(No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(AdviceError, match="is not valid YAML"):
        load(tmp_path / "config.yaml")


def test_compile_applies_batch_and_properties(tmp_path):
    path = models.mlp(tmp_path / "m.xml")
    compiled = advice_of(path).compile()
    assert list(compiled.inputs[0].shape) == [4, 16]
    assert compiled.get_property("NUM_STREAMS") == 1
    queue = ov.AsyncInferQueue(compiled, 2)
    queue.start_async(np.zeros((4, 16), np.float32))
    queue.wait_all()
    assert queue[0].get_output_tensor().shape == [4, 16]


def test_compile_takes_the_applications_own_path_and_core(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    moved = tmp_path / "moved.xml"
    (tmp_path / "m.xml").rename(moved)
    (tmp_path / "m.bin").rename(tmp_path / "moved.bin")
    assert advice.compile(moved, ov.Core()) is not None
    with pytest.raises(AdviceError, match=r"for the model 'm', which is not at .*; give its path"):
        advice.compile()


def test_a_model_that_changed_is_warned_about(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advice.compile()
    models.mlp(tmp_path / "other.xml", shape=(-1, 16))
    assert digest(tmp_path / "other.xml") != advice.model.sha256
    with pytest.warns(UserWarning, match="is not the file that this advice was measured with"):
        advice.compile(tmp_path / "other.xml")


@pytest.mark.filterwarnings("ignore:.*is not the file")
@pytest.mark.parametrize(
    ("properties", "device", "error", "sentence"),
    [
        (
            {"NUM_STREAM": 1},
            "CPU",
            DeviceError,
            "'CPU' does not know the property 'NUM_STREAM'; the nearest name is NUM_STREAMS",
        ),
        ({"NUM_STREAMS": "many"}, "CPU", DeviceError, "'CPU' refuses the configuration"),
        ({}, "GPU.9", DeviceError, "There is no device 'GPU.9' here, only: CPU"),
        ({}, "MULTI:CPU,NOPE", DeviceError, "OpenVINO leaves 'NOPE' out of MULTI:CPU,NOPE here"),
    ],
)
def test_what_the_device_refuses_is_told(tmp_path, properties, device, error, sentence):
    advice = advice_of(models.mlp(tmp_path / "m.xml"), properties)
    told = msgspec.to_builtins(advice)
    told["best"]["device"] = device
    with pytest.raises(error, match=sentence):
        msgspec.convert(told, Advice).compile()


@pytest.mark.filterwarnings("ignore:.*is not the file")
def test_a_model_that_does_not_take_the_batch_is_told(tmp_path):
    advice = advice_of(models.mlp(tmp_path / "m.xml"))
    other = models.fixed_reshape(tmp_path / "other.xml")
    with pytest.raises(ModelError, match="cannot be given batch 4"):
        advice.compile(other)
