"""A study in a file with a copy on a server that fails: the server is a double here, see test_servers.py."""

import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace

import optuna
import pytest

from tests.advice.advice_of import HOST, RUN, result_of, with_outcome
from tests.lanes.simulated import SimulatedDevice
from tests.simulation import MODEL, simulate
from tuner.domain.history import History, unfinished
from tuner.domain.result import Setting
from tuner.domain.space import Bounds
from tuner.errors import StorageError
from tuner.study import mirror, shared
from tuner.study.mirror import MirroredStudy
from tuner.study.reading import read_results
from tuner.study.rows import answer_of, trials_of
from tuner.study.shared import SharedStudy, Unreached, identity, name_of

URL = "postgresql://me:s3cr3t@h/db"


@pytest.fixture(scope="module")
def result():
    return result_of(simulate(SimulatedDevice(base_fps=2000), trials=6), MODEL)


class Server:
    """What `open_server` returns: a storage in a file, which may be gone or answer late."""

    def __init__(self, path):
        self.path, self.gone, self.loses_answers = path, False, False
        self.answers, self.writes = threading.Event(), 0
        self.answers.set()

    def open(self, _where):
        storage = optuna.storages.RDBStorage(f"sqlite:///{self.path}")
        create = storage._create_new_trial

        def created(study_id, template_trial):
            self.answers.wait()
            if self.gone:
                raise Unreached
            self.writes += 1
            trial = create(study_id, template_trial)
            if self.loses_answers:
                raise Unreached
            return trial

        storage._create_new_trial = created
        return storage

    def study(self):
        (found,) = optuna.get_all_study_summaries(f"sqlite:///{self.path}")
        return optuna.load_study(study_name=found.study_name, storage=f"sqlite:///{self.path}")

    def trials(self):
        return trials_of(self.study(), optuna.storages.RDBStorage(f"sqlite:///{self.path}"))


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A file with Optuna's tables, whose making takes longer than the rest."""
    path = tmp_path_factory.mktemp("tables") / "tables.db"
    optuna.storages.RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def server(tmp_path, tables, monkeypatch):
    for name in ("tables.db", "server.db"):
        shutil.copy(tables, tmp_path / name)
    found = Server(tmp_path / "server.db")
    monkeypatch.setattr(shared, "open_server", found.open)
    monkeypatch.setattr(mirror, "LOST_SHARE", 1e9)  # tries again with the next trial
    yield found
    found.answers.set()


@contextmanager
def opened(folder, told=None, model=MODEL, bounds=None):
    folder.mkdir(exist_ok=True)
    if not (folder / "study.db").exists():
        shutil.copy(folder.parent / "tables.db", folder / "study.db")
    told = [] if told is None else told
    study = MirroredStudy(URL, told.append, folder / "study.db", model, HOST, "CPU")
    study.begin(Setting(model, HOST, ("CPU",), RUN, bounds or Bounds()))
    try:
        yield study
    finally:
        study.close()


def test_what_a_file_gets_the_server_gets(server, tmp_path, result):
    told = []
    with opened(tmp_path / "a", told) as study:
        for number, trial in enumerate(result.trials, 1):
            study.save(trial)
            assert len(server.trials()) == number
        assert study.closing_notices() == []
        study.finish(result)
    assert server.trials() == list(result.trials)
    answer = answer_of(server.study())
    assert (answer.outcome, answer.final, told) == (result.outcome, result.final, [])


def test_a_search_goes_on_without_the_server_and_says_so_once(server, tmp_path, result):
    told = []
    with opened(tmp_path / "a", told) as study:
        for trial in result.trials:
            server.gone = 3 <= trial.number < 6
            study.save(trial)
    assert study is not None
    assert server.trials() == list(result.trials)
    (notice,) = told
    assert notice.code == "storage"
    assert "does not take what is found" in notice.text
    assert str(tmp_path / "a" / "study.db") in notice.text
    assert "s3cr3t" not in notice.text


def test_what_was_written_although_the_answer_was_lost_is_not_written_again(server, tmp_path, result):
    with opened(tmp_path / "a") as study:
        for trial in result.trials[:6]:
            server.loses_answers = trial.number in {2, 3}
            study.save(trial)
    assert server.trials() == list(result.trials[:6])
    assert server.writes == 6


def test_what_a_server_has_lost_is_written_again(server, tmp_path, result):
    """One that ends all at once may lose the last that it has said to have."""
    with opened(tmp_path / "a") as study:
        for trial in result.trials[:4]:
            server.gone = trial.number == 3
            if trial.number == 2:
                before = server.path.read_bytes()
            study.save(trial)
        server.path.write_bytes(before)
        assert len(server.trials()) == 2
        server.gone = False
    assert server.trials() == list(result.trials[:4])


@pytest.mark.parametrize("at_the_end", ["trials", "the answer"])
def test_a_server_that_is_gone_for_good_leaves_the_answer_and_a_command(
    server, tmp_path, result, monkeypatch, at_the_end
):
    told = []
    with opened(tmp_path / "a b", told) as study:
        for trial in result.trials[:4]:
            server.gone = trial.number > 1 and at_the_end == "trials"
            study.save(trial)
        notices = study.closing_notices()
        monkeypatch.setattr(SharedStudy, "keep", lambda *_: raised(Unreached()))
        study.finish(result)
    missing = told[-1].text
    assert [notice in told for notice in notices] == [True] * len(notices)
    assert ("2 trials are not there" if at_the_end == "trials" else "the answer is not there") in missing
    assert f"tuner push '{tmp_path / 'a b'}' --storage 'postgresql://me:***@h/db'" in missing
    assert len(told) == 2
    (kept,) = read_results(str(tmp_path / "a b"))
    assert kept.outcome == result.outcome


def raised(error):
    raise error


def test_a_server_that_hangs_holds_nothing_up(server, tmp_path, result, monkeypatch):
    told = []
    with opened(tmp_path / "a", told) as study:
        study.save(result.trials[0])
        monkeypatch.setattr(mirror, "WAIT_S", 0.05)
        server.answers.clear()
        for trial in result.trials[1:5]:
            study.save(trial)  # returns although nothing answers
        assert len(server.trials()) == 1
        server.answers.set()
        assert study.closing_notices() == []
    assert server.trials() == list(result.trials[:5])
    assert "it takes too long" in told[0].text


def test_a_trial_that_the_server_cannot_take_does_not_keep_the_others_back(server, tmp_path, result):
    create = optuna.Study.add_trial

    def too_long(study, row):
        if row.user_attrs["trial"]["number"] == 1 and "server" in str(study._storage._backend.url):
            raise ValueError("Data too long")
        create(study, row)

    with pytest.MonkeyPatch.context() as patched, opened(tmp_path / "a") as study:
        patched.setattr(optuna.Study, "add_trial", too_long)
        server.gone = True
        for trial in result.trials[:4]:
            study.save(trial)
        server.gone = False
        (notice,) = study.closing_notices()
        assert "1 trial is not there" in notice.text
    assert [trial.configuration for trial in server.trials()] == [
        trial.configuration for trial in result.trials[:4] if trial.number != 1
    ]


def test_a_team_mate_goes_on_with_the_trials_and_the_answer(server, tmp_path, result):
    with opened(tmp_path / "a") as study:
        for trial in result.trials:
            study.save(trial)
        study.finish(result)
    with opened(tmp_path / "b") as study:
        assert study.trials() == list(result.trials)
        unproven = replace(result, final=None, outcome=unfinished(History(result.trials), "stopped"))
        standing = study.standing(unproven)
        assert (standing.verdict, standing.final) == (result.verdict, result.final)
        more = replace(result.trials[1], number=len(result.trials), took_s=99.0)
        study.save(more)
        study.finish(standing)
    assert server.trials() == [*result.trials, more]
    assert answer_of(server.study()).verdict == result.verdict
    with opened(tmp_path / "b") as study:  # what is here and there already is not taken over
        assert len(study.trials()) == len(result.trials) + 1


def test_two_who_search_at_the_same_time_both_keep_their_trials(server, tmp_path, result):
    first, *others = result.trials
    with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b:
        a.save(first)
        b.save(replace(first, took_s=77.0))
        a.save(others[0])
    found = server.trials()
    assert [trial.number for trial in found] == [0, 1, 2]
    assert set(map(identity, found)) == set(map(identity, [first, replace(first, took_s=77.0), others[0]]))
    with opened(tmp_path / "a") as a:
        assert set(map(identity, a.trials())) == set(map(identity, found))
        assert [trial.number for trial in a.trials()] == [0, 1, 2]


def test_an_answer_on_the_server_that_proves_more_is_not_replaced(server, tmp_path, result):
    with opened(tmp_path / "a") as a, opened(tmp_path / "b") as b:
        a.finish(result)
        b.finish(replace(result, final=None, outcome=unfinished(History(result.trials), "stopped")))
    assert answer_of(server.study()).final == result.final
    again = with_outcome(result, run=replace(result.run, date="2026-01-02T00:00:00+00:00"))
    again = replace(again, final=replace(result.final, looks=result.final.looks + 1))
    with opened(tmp_path / "c") as c:
        c.finish(again)
    assert answer_of(server.study()).final == again.final


def test_what_bounds_do_not_allow_is_set_aside_on_the_server_too(server, tmp_path, result):
    with opened(tmp_path / "a") as study:
        study.finish(result)
    with opened(tmp_path / "b", bounds=Bounds(batch=(1,))) as study:
        assert answer_of(server.study()) is None
    with opened(tmp_path / "c") as study:
        assert answer_of(server.study()).verdict == result.verdict


def test_another_model_is_another_study(server, tmp_path, result):
    with opened(tmp_path / "a") as study:
        study.save(result.trials[0])
    with opened(tmp_path / "b", model=replace(MODEL, sha256="1" * 64)) as study:
        assert study.trials() == []
    assert len(optuna.get_all_study_names(f"sqlite:///{server.path}")) == 2


def test_a_study_that_belongs_to_another_search_is_refused(server, tmp_path):
    with opened(tmp_path / "a"):
        pass
    server.study().set_user_attr("owner", {"model": "x"})
    with pytest.raises(
        StorageError, match=r"has a study 'm on CPU \(\w{12}\)' that belongs to another search"
    ):
        MirroredStudy(URL, print, tmp_path / "a" / "study.db", MODEL, HOST, "CPU")


def test_a_server_that_fails_at_the_start_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(SharedStudy, "trials", lambda _: raised(Unreached("refused")))
    with pytest.raises(StorageError, match=r"cannot be used as a storage \(nobody answers there\)"):
        MirroredStudy(URL, print, tmp_path / "study.db", MODEL, HOST, "CPU")
    monkeypatch.setattr(mirror, "START_S", 0.01)
    stopped = threading.Event()
    monkeypatch.setattr(SharedStudy, "trials", lambda _: stopped.wait())
    with pytest.raises(StorageError, match=r"takes longer than 0.01 s"):
        MirroredStudy(URL, print, tmp_path / "study.db", MODEL, HOST, "CPU")
    stopped.set()


def test_a_trial_is_told_from_others_by_what_was_measured(result):
    trial = result.trials[1]
    assert identity(trial) == identity(replace(trial, number=9, reason="same as trial 8"))
    assert identity(trial) != identity(replace(trial, took_s=1.0))
    assert len(set(map(identity, result.trials))) == len(result.trials)


def test_names_on_a_server_are_unique_to_what_is_searched():
    name = name_of("m on CPU", {"model": "1", "question": "throughput"})
    assert name == name_of("m on CPU", {"question": "throughput", "model": "1"})
    assert name != name_of("m on CPU", {"model": "1", "question": "latency"})
    assert len(name_of("m" * 1000, {})) <= 512
    assert len(name_of("\udce9" * 400, {}).encode()) <= 512
