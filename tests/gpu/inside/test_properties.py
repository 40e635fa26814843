"""What the plugin lists, takes, refuses and echoes: everything that the space says of a GPU."""

import openvino as ov
import pytest

from tests import models
from tests.described import GPU as DESCRIBED
from tests.probe.test_described_devices import unexplained
from tuner.domain.device_space import device_space
from tuner.domain.space import HINT, Bounds
from tuner.domain.switches import SWITCHES
from tuner.errors import DeviceError, reason
from tuner.measure.process import ProcessLanes
from tuner.measure.readback import read_back
from tuner.probe import devices
from tuner.probe.inputs import make_pool
from tuner.probe.model import read_model

ON_GPUS = {
    "auto_batching",
    "queue_throttle",
    "queue_priority",
    "host_task_priority",
    "winograd",
    "loop_unrolling",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return models.scaling(tmp_path_factory.mktemp("m") / "m.xml")


@pytest.fixture(scope="module")
def space(path):
    return device_space(devices.facts(devices.describe("GPU"), path), 1, True, Bounds(), hint_requests=4)


@pytest.fixture(scope="module")
def lanes(path):
    (model,) = read_model(path).batched
    return ProcessLanes(model, make_pool(model, {}, 0))


def listed(access):
    listed = devices.core().get_property("GPU", "SUPPORTED_PROPERTIES")
    return {name for name, how in listed.items() if how == access}


def test_every_property_that_can_be_written_is_searched_or_has_its_reason():
    assert unexplained("GPU", listed("RW")) == set()


def test_the_described_gpu_lists_what_the_plugin_lists():
    real = devices.core().get_property("GPU", "SUPPORTED_PROPERTIES")
    assert {name: access for name, (access, _) in DESCRIBED.items()}.items() <= real.items()


def test_processors_properties_are_not_a_gpus():
    absent = {"INFERENCE_NUM_THREADS", "ENABLE_HYPER_THREADING", "SCHEDULING_CORE_TYPE"}
    assert not absent & (listed("RW") | listed("RO"))


def test_ranges_and_batch_sizes_are_read(path):
    facts = devices.facts(devices.describe("GPU"), path)
    assert (facts.max_streams, facts.max_requests) == (2, 2)
    assert facts.max_batch > 64
    assert devices.describe("GPU").precision == "f16"
    assert facts.logical_cores == 0


def test_a_whole_number_of_streams_is_refused_and_a_text_is_taken(path):
    core = ov.Core()
    with pytest.raises(RuntimeError) as caught:
        core.compile_model(str(path), "GPU", {"NUM_STREAMS": 2})
    assert reason(caught.value) == "Invalid value: 2 for property: NUM_STREAMS"
    assert core.compile_model(str(path), "GPU", {"NUM_STREAMS": "2"}).get_property("NUM_STREAMS") == 2


def test_the_space_is_one_that_a_budget_can_search(space):
    assert len(space) == 63
    assert set(space.late) == ON_GPUS
    assert space.axes["streams"] == (HINT, 1, 2)


@pytest.mark.parametrize("streams", [HINT, 1, 2])
def test_streams_are_those_that_were_asked_for(space, lanes, streams):
    lane = lanes.open(space.configuration({"streams": streams, "batch": 1, "requests_per_stream": 1}))
    effective = lane.facts.effective
    assert effective.streams == (2 if streams == HINT else streams)
    assert effective.devices == ("GPU.0",)
    assert effective.precision == "f16"
    assert (("AUTO_BATCH_TIMEOUT", "1000") in effective.settings) == (streams == HINT)
    assert lane.window(0.02).rate_fps > 0
    lane.close()


@pytest.mark.parametrize("axis", sorted(ON_GPUS))
def test_every_switch_compiles_and_is_read_back(space, path, axis):
    core, graph = ov.Core(), ov.Core().read_model(path)
    point = {"streams": HINT, "batch": 4, "requests_per_stream": 1}
    plain = space.configuration(point)
    before = read_back(core.compile_model(graph, "GPU", plain.compile_properties), plain, 4)
    for choice in space.late[axis][1:]:
        configuration = space.configuration({**point, axis: choice})
        compiled = core.compile_model(graph, "GPU", configuration.compile_properties)
        after = read_back(compiled, configuration, 4)
        if axis == "auto_batching":  # not echoed: what tells is that nothing gathers
            assert dict(before.settings).keys() - dict(after.settings).keys() == {"AUTO_BATCH_TIMEOUT"}
            continue
        name = SWITCHES[axis].property
        assert dict(after.settings)[name] == configuration.compile_properties[name]
        default = core.get_property("GPU", name)
        assert str(getattr(default, "name", default)) != str(SWITCHES[axis].values[choice])
        assert after != before


def test_the_priority_of_a_model_is_that_of_its_queue(path):
    compiled = ov.Core().compile_model(str(path), "GPU", {"MODEL_PRIORITY": "HIGH"})
    assert compiled.get_property("GPU_QUEUE_PRIORITY").name == "HIGH"


def test_a_property_that_is_refused_is_named_with_its_value(path, lanes, space):
    from tests.advice.advice_of import advice_of

    wrong = advice_of(path, {"GPU_QUEUE_PRIORITY": "HIGHEST"}, device="GPU")
    with pytest.raises(DeviceError, match=r"Invalid value: HIGHEST for property: GPU_QUEUE_PRIORITY"):
        wrong.compile(path)
    unknown = advice_of(path, {"INFERENCE_NUM_THREADS": 1}, device="GPU")
    with pytest.raises(DeviceError, match="does not know the property 'INFERENCE_NUM_THREADS'"):
        unknown.compile(path)
