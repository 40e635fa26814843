"""A search whose files cannot be written: what can be known is refused at the start, else the answer comes first."""

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests import models
from tests.advice.advice_of import HOST
from tests.report.results import searched
from tests.simulation import MODEL, simulate
from tuner.advice.loader import read
from tuner.cli.app import main
from tuner.commands.asked import Asked
from tuner.commands.files import refuse_unwritable, save_answer
from tuner.commands.search import _outcome
from tuner.errors import StorageError, UnsavedError
from tuner.study.reading import read_results
from tuner.study.storage import Study
from tuner.tuning.budget import Budget


def out_of_memory(*_):
    raise MemoryError


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path / "m.xml", tmp_path)


@pytest.fixture
def study(asked):
    with closing(Study(asked.study, MODEL, HOST, "CPU")) as opened:
        opened.begin(searched().setting)
        for trial in searched().trials[:2]:
            opened.save(trial)
        yield opened


def unsaved(study, asked):
    with pytest.raises(UnsavedError) as caught:
        save_answer(study, searched(), asked)
    assert caught.value.result == searched()
    return caught.value


@pytest.mark.parametrize("fault", ["a directory", "memory"])
def test_an_answer_without_its_report_is_saved_and_says_how_to_get_one(study, asked, fault, monkeypatch):
    if fault == "memory":
        monkeypatch.setattr("tuner.commands.files.write_report", out_of_memory)
    else:
        asked.report.mkdir()
    error = unsaved(study, asked)
    why = "out of memory" if fault == "memory" else "it is not a file"
    assert str(error) == (
        f"The answer is there, but not everything could be written: '{asked.report}' ({why}); "
        f"written: '{asked.config}', '{asked.study}'; mend that and run 'tuner report {asked.output}'."
    )
    assert error.unsaved == {asked.report}
    assert read(asked.config)[0].verdict == "faster"
    assert read_results(str(asked.study))[0].verdict == searched().verdict


def test_a_second_ctrl_c_while_the_report_is_written_leaves_the_answer(study, asked, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuner.commands.files.write_report", stopped)
    error = unsaved(study, asked)
    assert f"'{asked.report}' (stopped by the user); written: '{asked.config}'" in str(error)
    assert read(asked.config)[0].verdict == "faster"


def test_a_study_that_is_a_link_to_nothing_is_refused_at_the_start(asked):
    asked.study.symlink_to(asked.output / "gone" / "study.db")
    with pytest.raises(StorageError, match=r"study\.db' is a link to nothing; remove it, or choose another"):
        refuse_unwritable(asked)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_answer_that_cannot_be_printed_says_where_it_is(tmp_path, more, monkeypatch, capsys):
    monkeypatch.setattr("tuner.commands.search.search", lambda *_, **__: searched())
    with Path("/dev/full").open("w", buffering=1) as full, monkeypatch.context() as patched:
        patched.setattr("sys.stdout", full)
        code = main(["search", "m.xml", "-q", "--output", str(tmp_path / "out"), *more])
        patched.undo()
        with suppress(OSError):
            full.close()
    assert code == 2
    said = (
        f"The answer cannot be printed (No space left on device); what was saved is in '{tmp_path / 'out'}'."
    )
    assert said in capsys.readouterr().err


def test_an_advice_that_cannot_be_written_leaves_the_study_and_the_report(study, asked):
    asked.config.mkdir()
    error = unsaved(study, asked)
    assert (
        f"'{asked.config}' (it is not a file); written: '{asked.study}'; mend that and run the same"
        in str(error)
    )
    assert asked.report.is_file()


def test_a_study_that_cannot_be_written_leaves_the_advice_and_the_report(study, asked, monkeypatch):
    def full(*_):
        raise StorageError("wrapped") from OSError(28, "No space left on device")

    monkeypatch.setattr(Study, "finish", full)
    error = unsaved(study, asked)
    assert f"'{asked.study}' (No space left on device); written: '{asked.config}'; mend" in str(error)
    assert asked.report.is_file()


def test_the_answer_does_not_wait_for_what_mattered_most(asked, monkeypatch):
    monkeypatch.setattr("tuner.commands.search.importance", out_of_memory)
    found = simulate(budget_s=5)
    outcome = _outcome(asked, found, (), Budget(5.0, None, lambda: 0.0))
    assert (outcome.verdict, outcome.importance) == (found.outcome.verdict, {})


@pytest.mark.parametrize("as_json", [False, True])
def test_the_answer_is_printed_before_the_complaint(capsys, monkeypatch, tmp_path, as_json):
    report = tmp_path / "report.html"

    def search(*_, **__):
        raise UnsavedError("The report is missing.", searched(), [report])

    monkeypatch.setattr("tuner.commands.search.search", search)
    assert main(["search", "m.xml", "-q", "--output", str(tmp_path), *["--json"] * as_json]) == 2
    printed = capsys.readouterr()
    assert printed.err == "tuner: The report is missing.\n"
    if as_json:
        document = json.loads(printed.out)
        assert document["verdict"] == "faster"
        assert set(document["files"]) == {"config", "study"}
    else:
        assert "faster than the hint" in printed.out.splitlines()[0]
        assert str(tmp_path / "config.yaml") in printed.out
        assert "report.html" not in printed.out


@pytest.mark.parametrize(("make", "what"), [(Path.mkdir, "a directory"), (os.mkfifo, "a pipe or a device")])
@pytest.mark.parametrize("name", ["config.yaml", "report.html", "study.db"])
def test_what_is_in_the_way_of_a_file_is_refused_before_the_search(capsys, tmp_path, name, make, what):
    model = models.mlp(tmp_path / "m.xml")
    (tmp_path / "out").mkdir()
    make(tmp_path / "out" / name)
    assert main(["search", str(model), "-q", "--output", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.err == (
        f"tuner: '{tmp_path / 'out' / name}' is {what}, but a search writes a file there; "
        "move it away, or choose another directory with --output.\n"
    )
    assert [each.name for each in (tmp_path / "out").iterdir()] == [name]


def test_a_full_disk_is_called_a_full_disk(study, monkeypatch):
    connect = sqlite3.connect

    def without_room(*arguments):
        connection = connect(*arguments)
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", without_room)
    with pytest.raises(StorageError, match=r"cannot be used as a study \(database or disk is full\)"):
        study.finish(searched())
