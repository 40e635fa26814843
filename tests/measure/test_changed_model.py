"""A model that changes on disk while lanes run it: nothing counts that was measured since."""

import shutil
from contextlib import closing

import optuna
import pytest

import tuner
from tests import models
from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.simulation import MemoryStore, simulate
from tuner.domain.configuration import Configuration
from tuner.errors import LaneError, ModelError
from tuner.measure.process import ProcessLanes
from tuner.probe.inputs import make_pool
from tuner.probe.model import read_model
from tuner.tuning.progress import TrialBegan

HINT = Configuration.of("CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}, 1, 2)
CHANGED = r"changed on disk while it was measured"


class Disk:
    """A model and another one of the same shapes that takes its place."""

    def __init__(self, folder):
        self.path, self.kept = models.wide(folder / "m.xml", 64), folder / "kept.bin"
        shutil.copy(self.weights, self.kept)

    @property
    def weights(self):
        return self.path.with_suffix(".bin")

    def change(self):
        self.weights.write_bytes(self.kept.read_bytes()[::-1])

    def remove(self):
        self.weights.unlink()

    def truncate(self):
        self.weights.write_bytes(b"")

    def put_back(self):
        shutil.copy(self.kept, self.weights)


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


@pytest.fixture
def lanes(disk):
    reading = read_model(disk.path)
    (model,) = reading.batched
    return ProcessLanes(model, make_pool(model, {}, 0), files=reading.files)


@pytest.mark.alone
@pytest.mark.parametrize("fault", ["change", "remove", "truncate"])
def test_no_lane_opens_until_the_model_is_put_back(disk, lanes, fault):
    getattr(disk, fault)()
    for opening in (lambda: lanes.open(HINT), lambda: lanes.open_all([HINT, HINT])):
        with pytest.raises(ModelError, match=CHANGED):
            opening()
    disk.put_back()
    with closing(lanes.open(HINT)) as lane:
        assert lane.window(0.02).rate_fps > 0


@pytest.mark.alone
@pytest.mark.parametrize("command", ["window", "answers"])
def test_a_lane_that_runs_ends_when_its_model_changes(disk, lanes, command):
    with closing(lanes.open(HINT)) as lane:
        disk.change()
        with pytest.raises(ModelError, match=CHANGED):
            lane.window(0.02) if command == "window" else lane.answers()
        assert not lane.alive()


@pytest.mark.alone
@pytest.mark.parametrize("fault", ["change", "remove"])
def test_a_lane_that_read_while_the_model_was_another_one_does_not_count(disk, lanes, monkeypatch, fault):
    start, started = lanes._start, []

    def change_and_start(configuration, again=False):
        lane = start(configuration, again)
        getattr(disk, fault)()
        disk.put_back()
        started.append(lane)
        return lane

    monkeypatch.setattr(lanes, "_start", change_and_start)
    with pytest.raises(ModelError, match="was touched while a lane read it, twice in a row"):
        lanes.open(HINT)
    assert len(started) == 2
    with pytest.raises(ModelError, match="was touched while a lane read it, twice in a row"):
        lanes.open_all([HINT, HINT])
    assert not any(lane.alive() for lane in started)
    monkeypatch.setattr(lanes, "_start", start)
    lanes.open(HINT).close()


@pytest.mark.alone
@pytest.mark.parametrize("at_once", [1, 2])
def test_a_lane_whose_model_is_touched_while_it_reads_is_opened_again(disk, lanes, monkeypatch, at_once):
    start, started = lanes._start, []

    def start_and_touch(configuration, again=False):
        lane = start(configuration, again)
        started.append(lane)
        disk.weights.chmod(0o640)
        if not again:
            disk.weights.touch()
        return lane

    monkeypatch.setattr(lanes, "_start", start_and_touch)
    opened = lanes.open_all([HINT] * at_once)
    assert [lane.alive() for lane in started] == [False] * at_once + [True] * at_once
    for lane in opened:
        assert lane.window(0.02).rate_fps > 0
        lane.close()


@pytest.mark.alone
def test_a_failure_is_blamed_on_the_model_that_changed(disk, lanes):
    with closing(lanes.open(HINT)) as lane:
        disk.remove()
        lane._process.kill()
        with pytest.raises(ModelError, match=CHANGED):
            lane.window(0.02)
    disk.put_back()
    with closing(lanes.open(HINT)) as lane:
        lane._process.kill()
        with pytest.raises(LaneError, match="ended by SIGKILL"):
            lane.window(0.02)


class ChangingLanes(SimulatedLanes):
    """Simulated lanes whose model changes at a moment."""

    changes_at_s = 0.0

    def spend(self, seconds):
        super().spend(seconds)
        if self.time_s > self.changes_at_s:
            raise ModelError("changed")


@pytest.mark.parametrize("changes_at_s", [5, 20, 50])
def test_a_search_ends_and_keeps_the_trials_before_and_nothing_else(changes_at_s):
    lanes, store = ChangingLanes(SimulatedDevice(base_fps=1000)), MemoryStore()
    lanes.changes_at_s = changes_at_s
    with pytest.raises(ModelError):
        simulate(lanes=lanes, store=store)
    assert len(store.kept) > 1
    assert all(trial.state != "failed" for trial in store.kept)
    assert not any(lane.alive() for lane in lanes.lanes)


@pytest.mark.alone
@pytest.mark.slow
def test_a_real_search_ends_and_its_study_holds_the_trials_before(disk, tmp_path):
    began, out = [], tmp_path / "out"

    def change_in_the_second_trial(event):
        if isinstance(event, TrialBegan):
            began.append(event)
            if len(began) == 2:
                disk.change()

    with pytest.raises(ModelError, match=CHANGED):
        tuner.search(disk.path, budget=30, output=out, observer=change_in_the_second_trial)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{out / 'study.db'}")
    states = [trial.user_attrs["trial"]["state"] for trial in study.trials]
    study._storage.remove_session()
    assert len(states) == 2
    assert "failed" not in states
