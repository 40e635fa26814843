"""Real lanes on the GPU, alone and beside the processor."""

from types import SimpleNamespace

import numpy as np
import openvino as ov
import pytest

from tests import models
from tests.measure.test_lanes import LaneContract, lanes_of
from tuner.domain.configuration import Configuration
from tuner.domain.history import History
from tuner.domain.question import THROUGHPUT
from tuner.errors import LaneError
from tuner.measure import time_limits
from tuner.measure.answers import difference, prove_batching, tolerance
from tuner.measure.blobs import Blobs
from tuner.measure.lane import ASK_DEVICE, DeviceLeftOut, require_all_devices
from tuner.measure.time_limits import Limits
from tuner.tuning.budget import Budget
from tuner.tuning.strategy import Strategy
from tuner.tuning.trials import TrialRunner

HINT = {"PERFORMANCE_HINT": "THROUGHPUT"}
BOTH = {
    "MULTI:GPU,CPU": {**HINT, "DEVICE_PROPERTIES": {"GPU": {"NUM_STREAMS": 2}, "CPU": {"NUM_STREAMS": 1}}},
    "AUTO:GPU,CPU": {
        "PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT",
        "DEVICE_PROPERTIES": {"GPU": {"NUM_STREAMS": 2}, "CPU": {"NUM_STREAMS": 1}},
    },
}


class TestGpuLanes(LaneContract):
    device = "GPU.0"

    @pytest.fixture
    def lanes(self, tmp_path):
        return lanes_of(models.scaling(tmp_path / "m.xml"))

    def test_too_many_streams_are_reduced_and_reported(self, lanes):
        lane = lanes.open(Configuration.of(self.device, {"NUM_STREAMS": 3}, 1, 1))
        assert lane.facts.effective.streams == 3  # beyond the range that it reports: a GPU reduces none
        lane.close()


@pytest.mark.parametrize("device", BOTH)
def test_explicit_streams_of_each_device_run_on_both(tmp_path, device):
    lanes = lanes_of(models.scaling(tmp_path / "m.xml"))
    lane = lanes.open(Configuration.of(device, BOTH[device], 1, 6))
    require_all_devices(Configuration.of(device, BOTH[device], 1, 6), lane)
    effective = lane.facts.effective
    assert effective.devices == ("GPU.0", "CPU")
    assert str(effective).startswith("GPU.0 2 streams + CPU 1 stream, ")
    assert lane.window(0.05).rate_fps > 0
    lane.close()


@pytest.mark.parametrize("device", [*BOTH, "MULTI:GPU(4),CPU(2)", "MULTI:CPU(4),GPU(2)", "AUTO:CPU,GPU"])
def test_both_devices_take_requests(tmp_path, device):
    """Which of them inferred is told by the kernels in a request's profile."""
    properties = BOTH[f"{device.partition(':')[0]}:GPU,CPU"]
    texts = Configuration.of(device, properties, 1, 6).compile_properties
    graph = ov.Core().read_model(models.mlp(tmp_path / "m.xml"))
    compiled = ov.Core().compile_model(graph, device, {**texts, "PERF_COUNT": "YES"})
    assert set(compiled.get_property("EXECUTION_DEVICES")) == {"GPU.0", "CPU"}
    queue, ran = ov.AsyncInferQueue(compiled, 6), set()
    for _ in range(500):
        for _ in range(6):
            queue.start_async({0: np.ones((1, 16), np.float32)})
        queue.wait_all()
        kernels = [" ".join(kernel.exec_type for kernel in request.profiling_info) for request in queue]
        ran |= {"GPU" if "_gpu_" in each else "CPU" for each in kernels}
        if ran == {"GPU", "CPU"}:
            break
    assert ran == {"GPU", "CPU"}


def test_one_and_two_streams_inside_a_combination_are_two_configurations(tmp_path):
    lanes, seen = lanes_of(models.scaling(tmp_path / "m.xml")), set()
    for streams in (1, 2):
        own = {"DEVICE_PROPERTIES": {"GPU": {"NUM_STREAMS": streams}}}
        lane = lanes.open(Configuration.of("MULTI:GPU,CPU", {**HINT, **own}, 1, 6))
        seen.add(lane.facts.effective)
        lane.close()
    assert len(seen) == 2


def test_a_setting_over_which_the_gpu_drops_out_is_named(tmp_path):
    own = {"GPU": {"NUM_STREAMS": "many"}, "CPU": {"NUM_STREAMS": 1}}
    configuration = Configuration.of("MULTI:GPU,CPU", {**HINT, "DEVICE_PROPERTIES": own}, 1, 6)
    lanes = lanes_of(models.scaling(tmp_path / "m.xml"))
    lane = lanes.open(configuration)
    with pytest.raises(DeviceLeftOut, match="leaves GPU out"):
        require_all_devices(configuration, lane)
    lane.close()

    class Baseline:
        lane = SimpleNamespace(alive=lambda: True)

        def reopen_if_dead(self):
            return False

    budget = Budget(60.0, None, lambda: 0.0)
    trial = TrialRunner(lanes, Baseline(), History(), budget, Strategy(), None, THROUGHPUT).run(configuration)
    assert trial.state == "failed"
    assert trial.reason == "OpenVINO leaves GPU out of it for NUM_STREAMS=many; without that, GPU takes part"


def test_auto_is_measured_once_the_gpu_has_taken_over(tmp_path):
    """Under `THROUGHPUT` it answers from the processor at first, which it tells in brackets."""
    configuration = Configuration.of("AUTO:GPU,CPU", HINT, 1, 4)
    lane = lanes_of(models.scaling(tmp_path / "m.xml")).open(configuration)
    require_all_devices(configuration, lane)
    assert lane.facts.effective.devices == ("GPU.0",)
    lane.close()


def test_batching_gathers_on_the_gpu(tmp_path):
    lanes = lanes_of(models.scaling(tmp_path / "m.xml"))
    gathering = {**HINT, "AUTO_BATCH_TIMEOUT": 10}
    lane = lanes.open(Configuration.of("BATCH:GPU(4)", gathering, 1, ASK_DEVICE))
    assert lane.facts.optimal_requests == 16
    assert lane.window(0.05).rate_fps > 0
    lane.close()


@pytest.mark.parametrize(
    ("make", "devices"),
    [
        (models.scaling, {"GPU": {"NUM_STREAMS": 2}, **BOTH, "BATCH:GPU(4)": HINT}),
        (models.mlp, {"GPU": HINT}),
        (models.embedding, {"GPU": HINT}),
        (models.two_inputs_and_a_scalar, {"GPU": HINT}),
    ],
    ids=["scaling", "mlp", "embedding", "two inputs"],
)
def test_answers_are_those_of_the_processor(tmp_path, make, devices):
    lanes, answers = lanes_of(make(tmp_path / "m.xml")), {}
    for device, properties in {"CPU": HINT, **devices}.items():
        lane = lanes.open(Configuration.of(device, properties, 1, 4))
        answers[device] = lane.answers()
        lane.close()
    truth = answers.pop("CPU")
    assert max(difference(truth, outputs) for outputs in answers.values()) < tolerance("f16", "bf16")


def test_a_batch_on_the_gpu_answers_like_single_samples(tmp_path):
    assert prove_batching(lanes_of(models.scaling(tmp_path / "m.xml")), "GPU", precise=True) == (None, True)


class TestBlobs:
    @pytest.fixture
    def blobs(self):
        blobs = Blobs(frozenset({"GPU"}))
        yield blobs
        blobs.close()

    @pytest.fixture
    def lanes(self, tmp_path, blobs):
        return lanes_of(models.mlp(tmp_path / "m.xml"), blobs=blobs)

    def opened(self, lanes, device, properties, requests=4):
        lane = lanes.open(Configuration.of(device, properties, 1, requests))
        lane.window(0.02)
        lane.close()
        return lane.facts

    @pytest.mark.parametrize("properties", [HINT, {"NUM_STREAMS": 2}, {**HINT, "GPU_QUEUE_PRIORITY": "HIGH"}])
    def test_a_lane_opened_again_is_loaded_and_the_same(self, lanes, properties):
        first, again = (self.opened(lanes, "GPU", properties) for _ in range(2))
        assert again.compile_s < 0.5 * first.compile_s
        assert (again.effective, again.optimal_requests) == (first.effective, first.optimal_requests)
        assert first.reopen_s < first.compile_s
        assert again.memory_mb == first.memory_mb

    def test_the_hint_alone_would_come_back_with_other_streams(self, tmp_path):
        """Why what is loaded has to be checked: OpenVINO does not keep the hint's streams in a blob."""
        path, streams = models.scaling(tmp_path / "m.xml"), []
        for _ in range(2):
            core = ov.Core()
            core.set_property({"CACHE_DIR": str(tmp_path / "blobs")})
            compiled = core.compile_model(core.read_model(path), "GPU", HINT)
            streams.append(compiled.get_property("NUM_STREAMS"))
        assert streams == [2, 1]

    def test_other_streams_are_loaded_from_the_same_blob(self, lanes):
        first = self.opened(lanes, "GPU", {"NUM_STREAMS": 1})
        second = self.opened(lanes, "GPU", {"NUM_STREAMS": 2})
        assert second.compile_s < 0.5 * first.compile_s
        assert (first.effective.streams, second.effective.streams) == (1, 2)
        assert (first.optimal_requests, second.optimal_requests) == (1, 2)

    @pytest.mark.parametrize("device", ["MULTI:GPU,CPU", "AUTO:GPU,CPU"])
    def test_a_combination_under_its_hint_is_loaded_and_the_same(self, lanes, device):
        hint = {"PERFORMANCE_HINT": "CUMULATIVE_THROUGHPUT" if device.startswith("AUTO") else "THROUGHPUT"}
        self.opened(lanes, "GPU", HINT)
        first, again = (self.opened(lanes, device, hint, 6) for _ in range(2))
        assert again.compile_s < 0.5 * first.compile_s
        assert (again.effective, again.optimal_requests) == (first.effective, first.optimal_requests)

    def test_nothing_is_kept_of_processors_and_nothing_is_left_behind(self, lanes, blobs):
        self.opened(lanes, "CPU", HINT)
        assert blobs.of(Configuration.of("CPU", HINT, 1, 1)) is None
        self.opened(lanes, "GPU", HINT)
        root = blobs._root
        assert any(root.rglob("*.blob"))
        blobs.close()
        assert not root.exists()

    def test_old_blobs_make_room(self, tmp_path):
        blobs = Blobs(frozenset({"GPU"}), most_bytes=1)
        lanes = lanes_of(models.scaling(tmp_path / "m.xml"), blobs=blobs)
        first = self.opened(lanes, "GPU", HINT)
        second = self.opened(lanes, "GPU", HINT)  # compiled again: there was no room for the blob
        assert second.effective == first.effective
        assert len(list(blobs._root.iterdir())) == 1
        blobs.close()


def test_compiling_has_a_limit_of_its_own_and_is_blamed_itself(tmp_path, monkeypatch):
    lanes = lanes_of(models.mlp(tmp_path / "m.xml"), limits=Limits(0.2, lambda: 0.2))
    lane = lanes.open(Configuration.of("GPU", HINT, 1, 2))
    assert lane.facts.compile_s > 0.2
    lane.close()
    monkeypatch.setattr(time_limits, "COMPILE_S", 0.2)
    short = lanes_of(models.mlp(tmp_path / "m.xml"), limits=Limits(0.2))
    with pytest.raises(LaneError, match=r"the model did not compile within 0\.2 s; give a larger budget"):
        short.open(Configuration.of("GPU", HINT, 1, 2))
