"""One contract for every lane, and what only real lanes can show."""

import os
import signal

import pytest

from tests import models, recordings
from tests.described import GPU, NPU, described
from tests.lanes.machine import MachineDevice, MachineLanes
from tests.lanes.replayed import Landscape, ReplayedLanes, read
from tests.lanes.servers import MACHINES
from tests.lanes.simulated import SimulatedDevice, SimulatedHost, SimulatedLanes
from tests.lanes.workloads import WORKLOADS
from tuner.domain.configuration import Configuration
from tuner.domain.load import LEAST_ITEMS, Load
from tuner.errors import Interrupted, LaneError
from tuner.measure import worker
from tuner.measure.answers import difference, prove_batching
from tuner.measure.lane import ASK_DEVICE, LoadError
from tuner.measure.open_loop import LEAD_SHARE
from tuner.measure.process import ProcessLanes
from tuner.measure.worker import Engine, LanePlan, cycle_rate
from tuner.probe.inputs import make_pool
from tuner.probe.model import read_model

pytestmark = pytest.mark.alone

THROUGHPUT = {"PERFORMANCE_HINT": "THROUGHPUT"}


def lanes_of(path, **options):
    reading = read_model(path)
    model = (*reading.batched, reading.unbatched)[0]
    return ProcessLanes(model, make_pool(model, {}, 0), **options)


def pid_of(lane):
    return lane._process.pid


class LaneContract:
    """What every kind of lane keeps; each kind has a class that inherits it and has the fixture `lanes`."""

    device = "CPU"

    @pytest.fixture
    def opened(self, lanes):
        lane = lanes.open(Configuration.of(self.device, THROUGHPUT, 4, 3))
        yield lane
        lane.close()

    def test_it_reports_what_was_compiled(self, opened):
        effective = opened.facts.effective
        assert (effective.batch, effective.requests) == (4, 3)
        assert effective.devices == (self.device,)
        assert effective.streams >= 1
        assert opened.facts.optimal_requests >= 1
        assert opened.facts.compile_s > 0

    def test_it_asks_the_device_for_requests(self, lanes):
        lane = lanes.open(Configuration.of(self.device, THROUGHPUT, 1, ASK_DEVICE))
        assert lane.facts.effective.requests == lane.facts.optimal_requests
        lane.close()

    def test_too_many_streams_are_reduced_and_reported(self, lanes):
        lane = lanes.open(Configuration.of(self.device, {"NUM_STREAMS": 999}, 1, 1))
        assert lane.facts.effective.streams < 999
        lane.close()

    def test_a_window_has_a_rate_latencies_and_memory(self, opened):
        window = opened.window(0.02)
        assert window.rate_fps > 0
        assert min(window.latencies_ms) > 0
        assert window.seconds > 0
        assert window.memory_mb > 1

    def test_items_that_arrive_are_served_as_they_come(self, opened):
        if not hasattr(opened, "open_loop"):
            pytest.skip("what was recorded does not tell how long an item takes")
        window = opened.open_loop(Load(20.0).arrivals(0))
        assert len(window.latencies_ms) == LEAST_ITEMS * (1 - LEAD_SHARE)
        assert min(window.latencies_ms) > 0
        assert window.late_ms >= 0
        assert 5.0 < window.rate_fps < 40.0  # of ten items
        assert window.memory_mb > 1

    def test_a_lane_that_cannot_follow_says_so_and_goes_on(self, opened):
        if not hasattr(opened, "open_loop"):
            pytest.skip("what was recorded does not tell how long an item takes")
        with pytest.raises(LoadError, match=r"cannot follow 5e\+06 items/s: it serves \d"):
            opened.open_loop(Load(5e6).arrivals(0, 0.05))
        assert opened.window(0.02).rate_fps > 0
        assert len(opened.open_loop(Load(200.0).arrivals(0, 0.1)).latencies_ms) == 16

    def test_answers_are_the_same_every_time(self, opened):
        first = opened.answers()
        assert len(first) >= 2
        assert difference(first, opened.answers()) == 0.0

    def test_a_closed_lane_is_dead_and_raises(self, opened):
        assert opened.alive()
        opened.close()
        opened.close()
        assert not opened.alive()
        with pytest.raises(LaneError):
            opened.window(0.02)

    def test_what_does_not_compile_is_a_lane_error_of_one_line(self, lanes):
        with pytest.raises(LaneError) as caught:
            lanes.open(Configuration.of(self.device, {"NO_SUCH_PROPERTY": 1}, 1, 1))
        assert str(caught.value)
        assert "\n" not in str(caught.value)

    def test_several_open_at_once_and_each_failure_has_its_own_place(self, lanes):
        asked = [Configuration.of(self.device, {"NO_SUCH_PROPERTY": 1}, 1, 1)]
        asked += [Configuration.of(self.device, THROUGHPUT, batch, 2) for batch in (1, 4)]
        failed, *opened = lanes.open_all(asked)
        assert isinstance(failed, LaneError)
        assert [lane.facts.effective.batch for lane in opened] == [1, 4]
        assert all(lane.window(0.02).rate_fps > 0 for lane in opened)
        for lane in opened:
            lane.close()


class VirtualLaneContract(LaneContract):
    """What lanes without a device keep besides: a clock of their own, which windows move on."""

    def test_a_window_moves_the_clock_on(self, lanes, opened):
        before = lanes.now()
        opened.window(0.02)
        assert lanes.now() > before


class TestSimulatedLanes(VirtualLaneContract):
    @pytest.fixture
    def lanes(self):
        def broken(configuration):
            return "no such property" if "NO_SUCH_PROPERTY" in configuration.plain_properties else None

        return SimulatedLanes(SimulatedDevice(broken=broken))


class TestDescribedGpuLanes(VirtualLaneContract):
    device = "GPU"

    @pytest.fixture
    def lanes(self):
        return SimulatedLanes(SimulatedHost({"GPU": described(GPU)}))


class TestDescribedNpuLanes(VirtualLaneContract):
    device = "NPU"

    @pytest.fixture
    def lanes(self):
        return SimulatedLanes(SimulatedHost({"NPU": described(NPU)}))

    def test_too_many_streams_are_reduced_and_reported(self, lanes):
        with pytest.raises(LaneError, match="Unsupported property NUM_STREAMS"):  # it is read-only there
            super().test_too_many_streams_are_reduced_and_reported(lanes)


class TestMachineLanes(VirtualLaneContract):
    @pytest.fixture
    def lanes(self):
        return MachineLanes(MachineDevice(MACHINES["2 x 32 cores"], WORKLOADS["resnet50"]))


class TestReplayedLanes(VirtualLaneContract):
    @pytest.fixture
    def lanes(self):
        return ReplayedLanes(Landscape(read(recordings.path_of("squeezenet"))))

    def test_too_many_streams_are_reduced_and_reported(self, lanes):
        with pytest.raises(LaneError, match="was not recorded"):
            super().test_too_many_streams_are_reduced_and_reported(lanes)


class TestProcessLanes(LaneContract):
    @pytest.fixture
    def lanes(self, tmp_path):
        return lanes_of(models.mlp(tmp_path / "m.xml"))

    def test_the_reason_is_the_line_that_says_what_was_refused(self, lanes):
        with pytest.raises(
            LaneError, match=r"^NotFound: Unsupported property NO_SUCH_PROPERTY by CPU plugin$"
        ):
            lanes.open(Configuration.of("CPU", {"NO_SUCH_PROPERTY": 1}, 1, 1))

    def test_a_killed_lane_names_the_signal(self, opened):
        os.kill(pid_of(opened), signal.SIGKILL)
        with pytest.raises(LaneError, match=r"ended by SIGKILL"):
            opened.window(0.02)
        assert not opened.alive()

    def test_waiting_ends_when_the_user_asks_to_stop(self, tmp_path):
        stop = []
        lanes = lanes_of(models.mlp(tmp_path / "m.xml"), stopped=lambda: bool(stop))
        lane = lanes.open(Configuration.of("CPU", THROUGHPUT, 1, 1))
        stop.append(True)
        with pytest.raises(Interrupted):
            lane.window(60.0)
        assert not lane.alive()

    def test_stopping_while_several_open_leaves_no_process(self, tmp_path, monkeypatch):
        lanes, started = lanes_of(models.mlp(tmp_path / "m.xml"), stopped=lambda: True), []
        start = lanes._start

        def start_and_hang(configuration):
            started.append(start(configuration))
            os.kill(pid_of(started[-1]), signal.SIGSTOP)
            return started[-1]

        monkeypatch.setattr(lanes, "_start", start_and_hang)
        with pytest.raises(Interrupted):
            lanes.open_all([Configuration.of("CPU", THROUGHPUT, 1, 1)] * 3)
        assert len(started) == 3
        assert not any(lane.alive() for lane in started)

    def test_a_lane_ignores_the_terminals_ctrl_c(self, opened):
        os.kill(pid_of(opened), signal.SIGINT)
        assert opened.window(0.02).rate_fps > 0

    def test_every_request_runs_whole_cycles_however_short_the_window(self, tmp_path):
        lane = lanes_of(models.wide(tmp_path / "w.xml")).open(Configuration.of("CPU", THROUGHPUT, 32, 4))
        window = lane.window(0.0)
        assert window.rate_fps > 0
        assert len(window.latencies_ms) >= 4
        lane.close()

    @pytest.mark.slow
    def test_a_single_thread_takes_no_more_cpu_time_for_an_item_than_the_item_takes(self, tmp_path):
        """It takes less where other work runs on the host."""
        one = {**THROUGHPUT, "INFERENCE_NUM_THREADS": 1}
        for batch in (1, 8):
            lane = lanes_of(models.wide(tmp_path / "w.xml")).open(Configuration.of("CPU", one, batch, 1))
            lane.window(0.1)
            window = lane.window(0.2)
            assert 0.3 < window.cpu_ms_per_item * window.rate_fps / 1e3 < 1.3
            lane.close()

    @pytest.mark.parametrize(("batch", "requests"), [(1, 1), (1, 4), (8, 2)])
    def test_rate_and_latency_agree_on_what_is_in_flight(self, tmp_path, batch, requests):
        lane = lanes_of(models.wide(tmp_path / "w.xml")).open(
            Configuration.of("CPU", THROUGHPUT, batch, requests)
        )
        lane.window(0.1)
        window = lane.window(0.3)
        in_flight = window.rate_fps / batch * sum(window.latencies_ms) / len(window.latencies_ms) / 1e3
        assert 0.6 * requests < in_flight < 1.1 * requests
        lane.close()

    def test_a_scalar_and_a_constant_output_run_in_batches(self, tmp_path):
        lanes = lanes_of(models.two_inputs_and_a_scalar(tmp_path / "m.xml"))
        assert prove_batching(lanes, "CPU", precise=True) == (None, True)

    @pytest.mark.parametrize("kind", ["f16", "bf16", "u8", "boolean", "i32", "f64"])
    def test_inputs_of_every_type_are_filled_and_proved(self, tmp_path, kind):
        import openvino as ov

        lanes = lanes_of(models.mlp(tmp_path / "m.xml", kind=getattr(ov.Type, kind)))
        assert prove_batching(lanes, "CPU", precise=True) == (None, True)

    def test_token_ids_stay_inside_their_table(self, tmp_path):
        assert prove_batching(lanes_of(models.embedding(tmp_path / "m.xml")), "CPU", precise=True) == (
            None,
            True,
        )

    def test_a_batch_axis_that_is_not_the_first_is_proved(self, tmp_path):
        path = models.mlp(tmp_path / "m.xml", shape=(7, 4, 16), layout="CN?")
        assert prove_batching(lanes_of(path), "CPU", precise=True) == (None, True)

    def test_an_output_with_several_rows_for_each_sample_is_proved(self, tmp_path):
        assert prove_batching(lanes_of(models.three_rows(tmp_path / "m.xml")), "CPU", precise=True) == (
            None,
            True,
        )

    def test_samples_that_mix_refuse_batch(self, tmp_path):
        refusal, _ = prove_batching(lanes_of(models.mixing(tmp_path / "m.xml")), "CPU", precise=True)
        assert refusal == "two samples give different outputs in one batch than alone"

    def test_a_model_whose_answers_are_constant_is_recognised(self, tmp_path):
        assert prove_batching(lanes_of(models.deaf(tmp_path / "m.xml")), "CPU", precise=True) == (None, False)


def test_requests_hold_different_samples(tmp_path):
    (model,) = read_model(models.mlp(tmp_path / "m.xml")).batched
    plan = LanePlan(model, Configuration.of("CPU", THROUGHPUT, 2, 3), make_pool(model, {}, 0))
    tensors = [request.get_input_tensor().data.copy() for request in Engine(plan)._requests]
    rows = {row.tobytes() for tensor in tensors for row in tensor}
    assert len(rows) == 6


@pytest.mark.parametrize(("requests", "model", "leads"), [(1, "light", 2), (2, "light", 0), (1, "heavy", 1)])
def test_a_lone_request_with_short_cycles_runs_until_the_scheduler_has_settled(
    tmp_path, monkeypatch, requests, model, leads
):
    monkeypatch.setattr(worker, "LONE_LEAD_S", 0.123)
    monkeypatch.setattr(worker, "LONG_CYCLE_S", 0.02 if model == "light" else 0.0)
    (read,) = read_model(models.mlp(tmp_path / "m.xml")).batched
    configuration = Configuration.of("CPU", THROUGHPUT, 1, requests)
    engine = Engine(LanePlan(read, configuration, make_pool(read, {}, 0)))
    ran, spin = [], engine._spin
    monkeypatch.setattr(engine, "_spin", lambda seconds, *copy: ran.append(seconds) or spin(seconds, *copy))
    for _ in range(2):
        engine.window(0.02)
    assert ran.count(0.123) == leads
    assert ran.count(0.02) == 2


def test_lanes_start_by_spawn_where_there_is_no_forkserver(tmp_path):
    lane = lanes_of(models.mlp(tmp_path / "m.xml"), method="spawn").open(
        Configuration.of("CPU", THROUGHPUT, 1, 1)
    )
    assert lane.window(0.02).rate_fps > 0
    lane.close()


def test_a_rate_counts_whole_cycles_and_leaves_the_first_out():
    assert cycle_rate([0.0, 9.0, 9.5, 10.0]) == pytest.approx(2.0)
    assert cycle_rate([0.0, 1.0, 3.0]) == pytest.approx(0.5)


def test_configurations_of_a_virtual_device_differ_although_it_reports_few_properties(tmp_path):
    lanes, effective = lanes_of(models.mlp(tmp_path / "m.xml")), []
    for properties in (THROUGHPUT, {"NUM_STREAMS": 1}, {"NUM_STREAMS": 2}):
        lane = lanes.open(Configuration.of("BATCH:CPU(4)", properties, 1, 8))
        effective.append(lane.facts.effective)
        lane.close()
    assert len(set(effective)) == 3
    assert [each.streams for each in effective] == [2, 1, 2]  # as its device reports them
    assert effective[1].virtual.startswith("BATCH:CPU(4)")


def test_streams_and_threads_that_the_device_reports_are_not_repeated_as_settings(tmp_path):
    lane = lanes_of(models.mlp(tmp_path / "m.xml")).open(Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, 2))
    assert lane.facts.effective.settings == ()
    lane.close()
