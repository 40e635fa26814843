"""The spaces of devices that no test machine has."""

from dataclasses import replace
from pathlib import Path

import openvino
import pytest

from tests.described import BROKEN, GPU, MULTI, NPU, NPU_WITHOUT_DRIVER, ODD, DescribedCore, described
from tests.lanes.simulated import SimulatedDevice, SimulatedHost
from tests.publishing.properties_reference import NOT_SEARCHED, NOT_SEARCHED_ALONE, SEARCHED
from tests.simulation import simulate_host
from tuner.domain.combination import combination_space
from tuner.domain.device_space import device_space
from tuner.domain.precision import PRECISIONS
from tuner.domain.space import HINT, Bounds, DeviceFacts
from tuner.domain.target import target_of
from tuner.errors import DeviceError
from tuner.probe import devices

DESCRIBED_RELEASE = pytest.mark.skipif(
    tuple(map(int, openvino.__version__.split(".")[:2])) < (2026, 4),
    reason="tests/described.py describes the plugins of OpenVINO 2026.4 (pip install 'openvino>=2026.4')",
)

PROCESSORS = frozenset({"NUM_STREAMS", "INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"})


@pytest.fixture
def facts_of(monkeypatch):
    core = DescribedCore(GPU=GPU, NPU=NPU, ODD=ODD, MULTI=MULTI)
    monkeypatch.setattr(devices, "core", lambda plugins=None: core)
    return lambda name: devices.facts(devices.describe(name))


def space_of(facts, **bounds):
    return device_space(facts, 1, True, Bounds(**bounds), hint_requests=4)


def test_a_gpu_has_streams_queues_and_automatic_batching(facts_of):
    axes = space_of(facts_of("GPU")).axes
    assert axes["streams"] == (HINT, 1, 2)
    assert set(axes) == {"streams", "batch", "requests_per_stream"}


def test_a_gpus_switches_are_tried_late_and_do_not_multiply_its_space(facts_of):
    space = space_of(facts_of("GPU"))
    assert len(space) == 63
    assert set(space.late) == {
        "auto_batching", "queue_throttle", "queue_priority", "host_task_priority", "winograd", "loop_unrolling",
    }  # fmt: skip
    assert space.late["queue_throttle"] == ("default", "low", "high")


def test_variants_of_a_point_differ_in_one_switch(facts_of):
    space = space_of(facts_of("GPU"))
    hint = {"streams": HINT, "batch": 1, "requests_per_stream": 2}
    assert [set(variant.items()) - set(hint.items()) for variant in space.variants(hint)] == [
        {("auto_batching", "off")},
        {("queue_throttle", "low")},
        {("queue_throttle", "high")},
        {("queue_priority", "high")},
        {("host_task_priority", "high")},
        {("winograd", "off")},
        {("loop_unrolling", "off")},
        {("requests_per_stream", 3)},
    ]
    explicit = {"streams": 2, "batch": 1, "requests_per_stream": 2}
    assert not any("auto_batching" in variant for variant in space.variants(explicit))  # streams turn it off
    variants = space.variants({**explicit, "winograd": "off"})
    assert [variant["winograd"] for variant in variants].count("default") == 1

    assert not any("auto_batching" in variant for variant in space.variants({**hint, "batch": 4}))


def test_a_gpus_choices_become_its_properties(facts_of):
    point = {"streams": 2, "batch": 4, "requests_per_stream": 2}
    switches = {"queue_priority": "high", "queue_throttle": "low", "auto_batching": "off"}
    found = space_of(facts_of("GPU")).configuration({**point, **switches})
    assert found.plain_properties == {
        "NUM_STREAMS": 2,
        "GPU_QUEUE_PRIORITY": "HIGH",
        "GPU_QUEUE_THROTTLE": "LOW",
        "ALLOW_AUTO_BATCHING": False,
    }
    assert (found.device, found.batch, found.requests) == ("GPU", 4, 4)


def test_an_npu_chooses_its_streams_and_has_requests_and_turbo(facts_of):
    axes = space_of(facts_of("NPU")).axes
    assert axes["streams"] == (HINT,)
    assert axes["requests_per_stream"] == (1, 2)  # of 4, up to the 8 that it reports
    assert space_of(facts_of("NPU")).late["turbo"] == ("default", "on")
    assert space_of(facts_of("NPU"), streams=(1, 2)).axes["streams"] == (HINT,)


def test_an_unknown_plugin_gets_what_its_properties_allow(facts_of):
    assert set(space_of(facts_of("ODD")).axes) == {"streams", "batch", "requests_per_stream"}
    assert space_of(facts_of("ODD")).axes["streams"] == (HINT,)


def test_ranges_are_those_that_a_device_reports(facts_of):
    assert devices.describe("NPU").requests == (1, 8)
    assert devices.describe("GPU").streams == (1, 2)
    assert devices.describe("ODD").streams is None
    assert devices.describe("GPU").precision == "f16"


def test_a_processor_beside_a_gpu_leaves_a_core_for_feeding_it(facts_of):
    gpu, target = facts_of("GPU"), target_of("MULTI:GPU,CPU")
    cpu = DeviceFacts("CPU", 8, PROCESSORS, logical_cores=8, physical_cores=8)
    space = combination_space(
        target, [gpu, cpu], devices.schedules(target), 1, True, Bounds(), {"GPU": 4, "CPU": 8}
    )
    capped = [dict(own) for own in space.settings["CPU"].values() if "INFERENCE_NUM_THREADS" in dict(own)]
    assert {own["INFERENCE_NUM_THREADS"] for own in capped} == {7}
    assert not any(own["ENABLE_CPU_PINNING"] for own in capped)
    assert space.late["policy"] == ("default", "ROUND_ROBIN")
    assert space.late["first"] == ("GPU", "CPU")


def test_a_combinations_point_sets_each_device_and_shares_the_requests(facts_of):
    gpu, target = facts_of("GPU"), target_of("MULTI:GPU,NPU")
    space = combination_space(
        target, [gpu, facts_of("NPU")], ("ROUND_ROBIN",), 1, True, Bounds(), {"GPU": 4, "NPU": 4}
    )
    point = {"GPU": "2 streams", "NPU": HINT, "batch": 1, "requests_per_stream": 2}
    found = space.configuration({**point, "first": "NPU", "policy": "ROUND_ROBIN", "share": 2})
    assert found.device == "MULTI:NPU(8),GPU(4)"
    assert found.plain_properties == {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "DEVICE_PROPERTIES": {"GPU": {"NUM_STREAMS": 2}},
        "SCHEDULE_POLICY": "ROUND_ROBIN",
    }
    assert found.requests == 12
    switched = space.configuration({**point, "GPU queue_priority": "high", "NPU turbo": "on"})
    assert switched.plain_properties["DEVICE_PROPERTIES"] == {
        "GPU": {"NUM_STREAMS": 2, "GPU_QUEUE_PRIORITY": "HIGH"},
        "NPU": {"NPU_TURBO": True},
    }
    plain = space.configuration({**point, "GPU": HINT, "first": "GPU"})
    assert plain.uses_hint
    assert plain.requests == 16


@pytest.mark.parametrize("streams", [(3,), (5, 7), ("hint", 2)])
def test_bounds_on_streams_leave_every_device_of_a_combination_a_choice(facts_of, streams):
    cpu = DeviceFacts("CPU", 8, PROCESSORS, logical_cores=8, physical_cores=8)
    members, hints = [facts_of("NPU"), cpu], {"NPU": 4, "CPU": 8}
    space = combination_space(target_of("AUTO:NPU,CPU"), members, (), 1, True, Bounds(streams=streams), hints)
    assert space.axes["NPU"] == (HINT,)
    counts = {dict(own).get("NUM_STREAMS", HINT) for own in space.settings["CPU"].values()}
    assert counts == set(streams)


def test_a_device_that_is_not_there_is_named_with_those_that_are(facts_of):
    with pytest.raises(
        DeviceError, match=r"There is no device 'GPU\.1' here; device= takes one of: GPU, NPU, ODD"
    ):
        devices.describe("GPU.1")


def test_a_device_that_reports_nothing_is_left_with_its_hint(monkeypatch):
    monkeypatch.setattr(devices, "core", lambda plugins=None: DescribedCore(BROKEN=BROKEN))
    (device,) = devices.list_devices()
    assert (device.full_name, device.streams, device.writable) == ("BROKEN", None, frozenset())
    assert space_of(devices.facts(device)).axes["streams"] == (HINT,)


class WeighingCore(DescribedCore):
    """Reports batch sizes for a given model, as the GPU plugin does."""

    def read_model(self, path):
        return str(path)

    def get_property(self, device, name, arguments=None):
        sizes = {"OPTIMAL_BATCH_SIZE": 16, "MAX_BATCH_SIZE": 40}
        if arguments and name in sizes:
            assert arguments == {"MODEL_PTR": "m.xml"}
            return sizes[name]
        return super().get_property(device, name)


def test_batch_sizes_are_those_that_a_device_reports_for_the_model(monkeypatch):
    monkeypatch.setattr(devices, "core", lambda plugins=None: WeighingCore(GPU=GPU, NPU=NPU))
    facts = devices.facts(devices.describe("GPU"), Path("m.xml"))
    assert (facts.optimal_batch, facts.max_batch) == (16, 40)
    facts = devices.facts(devices.describe("NPU"), Path("m.xml"))
    assert (facts.optimal_batch, facts.max_batch) == (None, None)


@pytest.mark.slow
def test_a_search_asks_described_devices_for_nothing_that_they_refuse(facts_of):
    cpu = DeviceFacts("CPU", 4, PROCESSORS, logical_cores=4, physical_cores=4)
    host = SimulatedHost(
        {
            "GPU": described(GPU, base_fps=4000),
            "NPU": described(NPU, base_fps=3000),
            "CPU": SimulatedDevice(cores=4, base_fps=1000),
        }
    )
    small = {"GPU": facts_of("GPU"), "NPU": facts_of("NPU"), "CPU": cpu}
    facts = {name: replace(each, max_batch=64) for name, each in small.items()}  # leaves time for switches
    found = simulate_host(host, budget_s=1100, facts=facts)
    assert [str(target) for target in found.targets] == [
        "GPU", "NPU", "CPU", "AUTO:GPU,NPU,CPU", "MULTI:GPU,NPU,CPU",
    ]  # fmt: skip
    assert {trial.state for trial in found.trials} <= {"measured", "pruned", "duplicate"}
    own = [trial.configuration.plain_properties.get("DEVICE_PROPERTIES", {}) for trial in found.trials]
    switched = {name for each in own for settings in each.values() for name in settings}
    assert {"GPU_QUEUE_PRIORITY", "GPU_QUEUE_THROTTLE", "NPU_TURBO", "NUM_STREAMS"} <= switched
    assert found.outcome.switches["gpu queue priority high"]


@DESCRIBED_RELEASE
def test_an_npu_without_a_driver_is_described_as_its_plugin_reports_it():
    real = devices.core().get_property("NPU", "SUPPORTED_PROPERTIES")
    assert {name: str(access) for name, access in real.items()} == NPU_WITHOUT_DRIVER


@pytest.mark.parametrize("name", ["CPU", pytest.param("NPU", marks=DESCRIBED_RELEASE)])
def test_every_property_that_a_plugin_lets_write_is_searched_or_has_its_reason(name):
    real = devices.core().get_property(name, "SUPPORTED_PROPERTIES")
    writable = {key for key, access in real.items() if access == "RW"}
    assert unexplained(name, writable) == set()


def unexplained(name, writable):
    """Properties that a device alone is not searched over, on any machine, and that no reason names."""
    cores = {"logical_cores": 16, "physical_cores": 8, "hybrid": True} if name == "CPU" else {}
    facts = DeviceFacts(
        name,
        4,
        frozenset(writable),
        precisions=PRECISIONS,
        **{"logical_cores": 0, "physical_cores": 0, **cores},
    )
    space = device_space(facts, 1, True, Bounds(precision=PRECISIONS), hint_requests=4)
    axes = {**space.axes, **space.late}
    varied = {
        each
        for axis, choices in axes.items()
        for choice in choices
        for each in space.properties_at(axis, choice)
    }
    reasons = {*NOT_SEARCHED, *NOT_SEARCHED_ALONE.get(name, ())}
    return set(writable) - varied - reasons - {"PERFORMANCE_HINT"}


def test_no_property_is_both_searched_and_not():
    assert not SEARCHED & set(NOT_SEARCHED)
