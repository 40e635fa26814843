import copy
import json
import math
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tuner
from tests.advice.advice_of import result_of
from tests.lanes.simulated import QUIET, SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.simulation import MODEL, simulate, simulate_host
from tuner.advice.advice import Advice, json_schema
from tuner.advice.loader import read
from tuner.advice.writer import make_advice, write_advice
from tuner.domain.result import Result


def searched(**options) -> Result:
    return result_of(simulate(**options), MODEL)


def load(path) -> Advice:
    (advice,) = read(path)
    return advice


@pytest.fixture(scope="module")
def advice() -> Advice:
    return make_advice(searched(device=SimulatedDevice(base_fps=2000)))


def test_advice_comes_back_as_it_was_written(advice, tmp_path):
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == advice
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_advice_for_several_devices_comes_back_with_each_devices_settings(tmp_path):
    crowded = SimulatedDevice(base_fps=1000, one_stream=1.3, more_requests=1.0)
    found = simulate_host(SimulatedHost({"CPU": crowded, "EMU": crowded}), "AUTO:EMU,CPU")
    advice = make_advice(result_of(found, MODEL))
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == advice
    assert advice.verdict == "faster"
    assert advice.best.properties["PERFORMANCE_HINT"] == "CUMULATIVE_THROUGHPUT"
    assert any(own.get("NUM_STREAMS") == 1 for own in advice.best.properties["DEVICE_PROPERTIES"].values())
    shares = {standing.device.partition(":")[0]: standing.share_of_sum for standing in advice.devices}
    assert shares == {"EMU": None, "CPU": None, "AUTO": pytest.approx(0.9, abs=0.1)}
    text = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert ["share_of_sum" in device for device in text["devices"]] == [False, False, True]


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
    assert all(math.isfinite(point.measured.latency_ms.p99) for point in advice.front)


def test_keep_hint_deploys_the_hint_itself():
    flat = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)
    advice = make_advice(searched(lanes=SimulatedLanes(flat, QUIET), budget_s=240))
    assert advice.verdict == "keep_hint"
    assert advice.best.properties == {"PERFORMANCE_HINT": "THROUGHPUT"}
    assert (advice.speedup.ratio, advice.speedup.low, advice.speedup.high) == (1.0, 1.0, 1.0)


def test_an_open_answer_names_the_closest_with_its_interval_beside_the_hint(tmp_path):
    flat = SimulatedDevice(batch_gain=1.0, one_stream=1.0, more_requests=1.0, base_fps=1000)
    advice = make_advice(searched(device=flat, budget_s=60))
    write_advice(advice, tmp_path / "config.yaml")
    assert advice.verdict == "inconclusive"
    assert advice.best.configuration == advice.baseline.configuration
    closest = load(tmp_path / "config.yaml").closest.speedup
    assert 0.9 < closest.low < closest.ratio < closest.high < 1.1
    assert closest.sittings >= 5


def test_an_interrupted_search_writes_the_hint_as_inconclusive(tmp_path):
    lanes = SimulatedLanes(SimulatedDevice(base_fps=2000), stop_at_s=25)
    advice = make_advice(searched(lanes=lanes))
    write_advice(advice, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml").verdict == "inconclusive"
    hint = advice.baseline.configuration
    assert advice.best.configuration == advice.drop_in.configuration == hint
    assert (advice.speedup.ratio, advice.drop_in.speedup.ratio) == (1.0, 1.0)
    assert advice.devices[0].batch > 1
    assert load(tmp_path / "config.yaml").closest == advice.closest
    assert advice.closest.batch > 1
    assert advice.closest.speedup.ratio > 1


def test_the_front_trades_throughput_for_latency(advice):
    latencies = [point.measured.latency_ms.p99 for point in advice.front]
    ratios = [point.speedup.ratio for point in advice.front]
    assert latencies == sorted(latencies, reverse=True)
    assert ratios == sorted(ratios, reverse=True)
    assert len(advice.front) >= 2


def test_figures_of_the_front_compare_though_the_host_drifted(advice):
    hint_fps = advice.baseline.measured.throughput_fps
    for point in advice.front:
        assert point.measured.throughput_fps == pytest.approx(point.speedup.ratio * hint_fps, rel=1e-3)
        in_flight = point.batch * point.requests
        assert point.measured.latency_ms.p50 == pytest.approx(
            1e3 * in_flight / point.measured.throughput_fps, rel=0.2
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
    data = copy.deepcopy(msgspec.to_builtins(advice))
    data["model"] |= {"name": name, "path": path, "inputs": {name: {"shape": shape, "type": "f32"}}}
    data["model"]["batch_axes"] = {name: len(shape) - 1} if shape else {}
    data["model"]["output_axes"] = [0]
    data["speedup"] |= {"ratio": ratio, "high": high}
    data["best"]["properties"] = {name: value}
    odd = msgspec.convert(data, Advice)
    write_advice(odd, tmp_path / "config.yaml")
    assert load(tmp_path / "config.yaml") == odd
