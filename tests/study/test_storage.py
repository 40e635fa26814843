import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Barrier

import optuna
import pytest

from tests.lanes.simulated import SimulatedDevice, SimulatedHost
from tests.simulation import MODEL, simulate, simulate_host
from tuner.domain.host import Host
from tuner.errors import StorageError
from tuner.study.storage import Study

HOST = Host("A CPU", 2, 1000, "Linux", "2026.4.1", {"CPU": "A CPU"})


@pytest.fixture(scope="module")
def trials():
    def broken(configuration):
        return "out of memory" if configuration.batch == 32 else None

    found = list(simulate(SimulatedDevice(base_fps=2000, broken=broken), budget_s=120, grows=False).trials)
    assert {trial.state for trial in found} == {"measured", "pruned", "failed", "duplicate"}
    assert any(trial.speedup and math.isinf(trial.speedup.high) for trial in found)
    assert any(trial.unsteady for trial in found)
    return found


@pytest.fixture
def study(tmp_path):
    opened = []

    def open_study(model=MODEL, host=HOST):
        opened.append(Study(tmp_path / "study.db", model, host, "CPU"))
        return opened[-1]

    yield open_study
    for lane in opened:
        lane.close()


def test_trials_come_back_as_they_were(study, trials):
    first = study()
    for trial in trials:
        first.save(trial)
    assert study().trials() == trials


def test_trials_on_several_devices_come_back_as_they_were(study):
    plain = SimulatedDevice(base_fps=1000)
    found = simulate_host(SimulatedHost({"CPU": plain, "EMU": plain}), "MULTI:EMU,CPU")
    assert any("DEVICE_PROPERTIES" in trial.configuration.plain_properties for trial in found.trials)
    first = study()
    for trial in found.trials:
        first.save(trial)
    assert study().trials() == list(found.trials)


def test_optuna_itself_reads_the_study(study, trials, tmp_path):
    first = study()
    for trial in trials:
        first.save(trial)
    loaded = optuna.load_study(study_name="m on CPU", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert len(loaded.trials) == len(trials)
    assert loaded.trials[0].params["streams"] == 0
    best = max(
        (trial for trial in trials if trial.state == "measured"), key=lambda trial: trial.speedup.ratio
    )
    assert loaded.best_value == pytest.approx(best.speedup.ratio)
    assert loaded.best_params["batch"] == best.configuration.batch
    failed = [trial for trial in loaded.trials if trial.state is optuna.trial.TrialState.FAIL]
    assert {trial.user_attrs["reason"] for trial in failed} == {"out of memory"}
    loaded._storage.remove_session()


@pytest.mark.parametrize(
    ("model", "host", "difference"),
    [
        (
            replace(MODEL, sha256="1" * 64, name="other"),
            HOST,
            "model was '0000000000000000', is '1111111111111111'",
        ),
        (MODEL, replace(HOST, cpu="Another"), "cpu was 'A CPU, 2 cores', is 'Another, 2 cores'"),
        (MODEL, replace(HOST, openvino="2027.0.0"), "openvino was '2026.4.1', is '2027.0.0'"),
    ],
)
def test_a_study_of_something_else_is_refused_and_another_directory_offered(study, model, host, difference):
    study()
    with pytest.raises(StorageError, match=rf"belongs to another search \({difference}\).*output="):
        study(model, host)


def test_a_file_that_is_no_study_is_refused_and_left_alone(study, tmp_path):
    (tmp_path / "study.db").write_text("not a database, but somebody's")
    with pytest.raises(StorageError, match=r"cannot be used as a study .* output="):
        study()
    assert (tmp_path / "study.db").read_text() == "not a database, but somebody's"


def test_a_study_that_somebody_else_began_is_refused(study, tmp_path):
    foreign = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="m on CPU")
    foreign.add_trial(optuna.trial.create_trial(value=1.0))
    foreign._storage.remove_session()
    with pytest.raises(StorageError, match="holds a study that this program did not write"):
        study()


def test_a_study_that_was_killed_as_it_began_goes_on(study, tmp_path):
    begun = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="m on CPU")
    begun._storage.remove_session()
    assert study().trials() == []
    assert study().trials() == []


def test_processes_may_create_the_same_study_at_the_same_moment(tmp_path):
    def create(path):
        ready.wait()
        Study(path, MODEL, HOST, "CPU").close()
        return True

    with ThreadPoolExecutor(4) as pool:
        for number in range(5):
            ready = Barrier(4)
            assert all(pool.map(create, [tmp_path / f"{number}.db"] * 4))


def test_trials_on_other_inputs_are_not_mixed(tmp_path):
    with closing(Study(tmp_path / "study.db", MODEL, HOST, "CPU", "x=a.npy")):
        pass
    with pytest.raises(StorageError, match=r"inputs was 'x=a.npy', is ''"):
        Study(tmp_path / "study.db", MODEL, HOST, "CPU")


def test_a_study_of_an_earlier_format_is_not_gone_on_with(study, monkeypatch):
    monkeypatch.setattr("tuner.study.storage.FORMAT", "1")
    study()
    monkeypatch.undo()
    with pytest.raises(StorageError, match=r"study format was '1', is '2'\).*output="):
        study()


@pytest.mark.parametrize("name", ["a?mode=memory", "b#c", "%41", "ü '\"", "x y"])
def test_a_path_may_hold_whatever_paths_may_hold(tmp_path, trials, name):
    (tmp_path / name).mkdir()
    path = tmp_path / name / "study.db"
    with closing(Study(path, MODEL, HOST, "CPU")) as first:
        first.save(trials[0])
    assert path.is_file()
    with closing(Study(path, MODEL, HOST, "CPU")) as again:
        assert again.trials() == trials[:1]


def test_a_study_that_vanishes_or_is_damaged_meanwhile_is_one_sentence(study, trials, tmp_path):
    first = study()
    first.save(trials[0])
    (tmp_path / "study.db").write_bytes(b"SQLite format 3\0" + b"\7" * 5000)
    for use in (lambda: first.save(trials[1]), first.trials, study):
        with pytest.raises(StorageError, match="cannot be used as a study") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_trials_of_two_searches_at_the_same_time_are_numbered_as_they_came(study, trials):
    for lane in (study(), study()):
        lane.save(trials[0])
    assert [trial.number for trial in study().trials()] == [0, 1]


def test_a_study_belongs_to_the_models_of_its_devices(tmp_path):
    path = tmp_path / "study.db"
    arc, iris = (replace(HOST, devices={**HOST.devices, "GPU.0": name}) for name in ("Arc", "Iris"))
    with closing(Study(path, MODEL, arc, "CPU + GPU.0")) as first:
        owner = first._study.user_attrs["owner"]
    with pytest.raises(StorageError, match=r"devices was 'GPU\.0: Arc', is 'GPU\.0: Iris'"):
        Study(path, MODEL, iris, "CPU + GPU.0")
    with closing(Study(path, MODEL, arc, "CPU + GPU.0")) as again:
        before_they_were_kept = {name: value for name, value in owner.items() if name != "devices"}
        again._study.set_user_attr("owner", before_they_were_kept)
    Study(path, MODEL, iris, "CPU + GPU.0").close()
    for host in (arc, iris):
        Study(tmp_path / "cpu.db", MODEL, host, "CPU").close()
