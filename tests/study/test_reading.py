"""Saved studies as results: ended, running, killed, in any storage."""

import os
import sqlite3
import subprocess
import sys
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
from tuner.study.importance import importance
from tuner.study.opening import shown
from tuner.study.reading import read_results
from tuner.study.server import PATIENCE
from tuner.study.storage import Study


@pytest.fixture(scope="module")
def result():
    found = result_of(simulate(SimulatedDevice(base_fps=2000)), MODEL)
    return with_outcome(found, importance=importance(found.trials))


def saved(path, result, trials=None, ended=True, target="CPU"):
    """Write a study as a search does, up to some trial."""
    study = Study(path, MODEL, HOST, target)
    study.begin(Setting(MODEL, HOST, (target,), replace(RUN, trials=0, seconds=0.0)))
    for trial in result.trials[:trials]:
        study.save(trial)
    if ended:
        study.finish(result)
    study.close()
    return path


def test_a_search_that_ended_comes_back_as_it_was(tmp_path, result):
    saved(tmp_path / "study.db", result)
    for where in (tmp_path, tmp_path / "study.db", f"sqlite:///{tmp_path / 'study.db'}"):
        (found,) = read_results(str(where))
        assert found == replace(result, trials=list(result.trials))
        assert [standing.best for standing in found.targets] == [standing.best for standing in result.targets]


@pytest.mark.parametrize("trials", [1, 4])
def test_a_search_that_runs_or_was_killed_shows_what_is_known(tmp_path, result, trials):
    saved(tmp_path / "study.db", result, trials, ended=False)
    (found,) = read_results(str(tmp_path))
    assert len(found.trials) == trials
    assert found.verdict.kind == "inconclusive"
    assert "has not ended" in found.verdict.why
    assert found.final is None
    assert not found.outcome.interrupted
    assert found.run.trials == trials


def going_on(path, host=HOST, bounds=None):
    """Begin another run of a study, as if it were killed then."""
    study = Study(path, MODEL, host, "CPU")
    study.begin(Setting(MODEL, host, ("CPU",), RUN, bounds or Bounds()))
    return study


def test_a_proven_answer_stands_while_a_later_run_goes_on_and_if_it_is_killed(tmp_path, result):
    assert result.verdict.kind == "faster"
    path = saved(tmp_path / "study.db", result)
    for _ in range(2):
        study = going_on(path)
        study.save(replace(result.trials[-1], number=len(study.trials())))
        study.close()
    (found,) = read_results(str(tmp_path))
    assert (found.verdict, found.final, found.run) == (result.verdict, result.final, result.run)
    assert len(found.trials) == len(result.trials) + 2
    (notice,) = found.outcome.notices
    assert notice.text == "The answer is from the run of 2026-01-01 00:00: a later run has not ended."


def test_a_later_run_that_proves_less_leaves_the_answer(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    study = going_on(path)
    short = replace(result, final=None, outcome=unfinished(History(result.trials), "stopped by the user"))
    kept = study.standing(short)
    study.finish(kept)
    study.close()
    (found,) = read_results(str(tmp_path))
    assert (found.outcome, found.final, found.trials) == (kept.outcome, kept.final, list(kept.trials))
    assert (found.verdict, found.final, found.run) == (result.verdict, result.final, result.run)
    assert "the latest run proves less" in found.outcome.notices[-1].text


@pytest.mark.parametrize("ended", [True, False])
def test_a_run_within_bounds_sets_a_proven_answer_aside_that_is_beyond_them(tmp_path, result, ended):
    path = saved(tmp_path / "study.db", result)
    unproven = replace(result, final=None, outcome=unfinished(History(result.trials), "stopped by the user"))
    for _ in range(2):
        study = going_on(path, bounds=Bounds(batch=(1,)))
        if ended:
            study.finish(study.standing(unproven))
        study.close()
    (found,) = read_results(str(tmp_path))
    assert (found.verdict.kind, found.final) == ("inconclusive", None)
    study = going_on(path)
    assert study.standing(unproven).verdict == result.verdict
    study.close()


def test_a_later_run_that_proves_as_much_takes_the_place_of_the_answer(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    study = going_on(path)
    again = with_outcome(result, run=replace(result.run, date="2026-01-02T00:00:00+00:00"))
    assert study.standing(again) == again
    study.finish(again)
    study.close()
    (found,) = read_results(str(tmp_path))
    assert found.run == again.run


def test_an_answer_of_a_host_that_has_changed_does_not_stand(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    going_on(path, replace(HOST, drivers={"CPU": "5"})).close()
    (found,) = read_results(str(tmp_path))
    assert found.verdict.kind == "inconclusive"
    assert found.final is None


def test_under_another_quota_of_cpu_time_it_is_another_study(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    with pytest.raises(StorageError, match=r"quota was 'none', is '0.5 cores'\); choose another directory"):
        going_on(path, replace(HOST, cgroup_cores=0.5))
    going_on(path, replace(HOST, cgroup_cores=HOST.cores + 1)).close()  # no limit


def test_every_search_in_a_file_is_read(tmp_path, result):
    saved(tmp_path / "study.db", result)
    saved(tmp_path / "study.db", result, target="AUTO:EMU,CPU")
    assert len(read_results(str(tmp_path))) == 2


def test_reading_changes_nothing(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    before = path.read_bytes()
    path.chmod(0o444)
    read_results(str(path))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_study_is_refused_in_one_sentence(tmp_path, result):
    (tmp_path / "text.db").write_text("hello")
    (tmp_path / "empty").mkdir()
    sqlite3.connect(tmp_path / "other.db").execute("create table t (x)")
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'foreign.db'}")
    study._storage.remove_session()
    saved(tmp_path / "begun.db", result, 0, ended=False)
    for name in ("text.db", "empty", "other.db", "foreign.db", "begun.db", "none.db"):
        with pytest.raises(StorageError) as caught:
            read_results(str(tmp_path / name))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match="cannot be opened as a study"):
        read_results("nosuch://host/db")


@pytest.mark.parametrize(
    "url",
    [
        "nosuch://user:s3cr3t@host/db",
        "nosuch://user:s3cr3t%40/x@host:port/db",
        "postgresql://user:s3cr3t@127.0.0.1:1/db",
        "postgresql+psycopg://me@corp:s3cr3t@127.0.0.1:1/db",
        "postgresql://user:pa@ss:s3cr3t@127.0.0.1/db",
        "postgresql://user:s3cr\ns3cr3t@127.0.0.1/db",
        "postgresql://user/x:s3cr3t@127.0.0.1/db",
        "postgresql:/user:s3cr3t@127.0.0.1/db",
        "user:s3cr3t@127.0.0.1/db",
        "mysql://127.0.0.1:1/db?user=me&password=s3cr3t",
        "postgresql://127.0.0.1:1/db?options=-c%20x%3Ds3cr3t",
        "mssql+pyodbc:///?odbc_connect=PWD%3Ds3cr3t",
        "sqlite:///nowhere.db?token=s3cr3t",
        "://:s3cr3t@",
        "postgresql://user:pa@s3cr3t@127.0.0.1/db",
        "postgresql:/h/db?password=s3cr3t",
        "postgres:u:s3cr3t@h",
        "mysql://u:s3cr3t",
        "postgresql://h:s3cr3t/db",
        "postgresql://127.0.0.1:1/db;password=s3cr3t",
        "postgresql://127.0.0.1:1/db password=s3cr3t",
        "mssql+pyodbc://?odbc_connect=PWD=s3cr3t@x",
        "host=h password=s3cr3t dbname=x",
    ],
)
def test_a_password_in_a_storage_url_is_shown_to_nobody(url):
    assert "s3cr3t" not in shown(url)
    with pytest.raises(StorageError) as caught:
        read_results(url)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_name_without_secrets_is_shown_as_it_is(tmp_path):
    named = tmp_path / "a:b@c"
    named.mkdir()
    for where in (
        "reports/m",
        str(named),
        "postgresql://postgres@postgres/postgres",
        "mysql://[::1]:3306/db",
    ):
        assert shown(where) == where
    assert shown("postgresql://postgres:postgres@h/postgres") == "postgresql://postgres:***@h/postgres"


def test_reading_makes_no_file(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be opened as a study \(.*No such file"):
        read_results(f"sqlite:///{tmp_path / 'none.db'}")
    assert not list(tmp_path.iterdir())


def test_a_search_that_was_killed_while_it_wrote_is_read(tmp_path, result):
    """SQLite leaves a journal then, which must be rolled back before anything is read."""
    path = saved(tmp_path / "study.db", result, 4, ended=False)
    script = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("pragma cache_size = 1")
connection.execute("begin")
connection.execute("update trial_user_attributes set value_json = value_json || hex(randomblob(100000))")
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == 9
    assert (tmp_path / "study.db-journal").stat().st_size > 0
    (found,) = read_results(str(tmp_path))
    assert found.trials == list(result.trials[:4])


def test_what_other_programs_keep_in_a_storage_is_left_out(tmp_path, result):
    path = saved(tmp_path / "study.db", result)
    url = f"sqlite:///{path}"
    ours = optuna.load_study(study_name="m on CPU", storage=url)
    ours.ask()
    other = optuna.create_study(study_name="other", storage=url)
    other.set_user_attr("setting", {})
    other.set_user_attr("owner", "me")
    for study in (ours, other):
        study._storage.remove_session()
    (found,) = read_results(str(tmp_path))
    assert found.trials == list(result.trials)


@pytest.mark.parametrize("driver", ["psycopg", "pymysql"])
def test_a_silent_server_is_given_up(monkeypatch, driver):
    """By the driver itself, which is given the time to wait."""
    arguments = {}

    def opened(url, engine_kwargs, skip_table_creation):
        arguments.update(engine_kwargs["connect_args"])
        raise OSError("silence")

    monkeypatch.setattr(optuna.storages, "RDBStorage", opened)
    monkeypatch.setattr("sqlalchemy.engine.URL.get_driver_name", lambda _: driver)
    with pytest.raises(StorageError, match="OSError"):
        read_results(f"postgresql+{driver}://u:p@127.0.0.1/db")
    assert arguments == PATIENCE[driver]
    assert 0 < arguments["connect_timeout"] <= 60


def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for where, why in ((tmp_path / "pipe", "it is not a file"), ("a" * 5000, "File name too long")):
        with pytest.raises(StorageError, match=why):
            read_results(str(where))
