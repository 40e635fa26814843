"""The names of database servers, and what is said when one does not take a study; none runs here."""

import subprocess
import sys

import pytest
from sqlalchemy.engine import make_url

from tests.cli.command import complain
from tuner.errors import StorageError, UsageError
from tuner.study import server
from tuner.study.opening import open_server, shown, without_secrets
from tuner.study.reading import read_results
from tuner.study.server import refusal, require_server, resolved, with_driver

SECRET = "postgresql://me:s3cr3t@127.0.0.1:1/db"
"""Nobody listens on port 1."""


def test_a_url_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("TEAM_STORAGE", f" {SECRET}\n")
    assert resolved("env:TEAM_STORAGE") == SECRET
    assert resolved("reports/m") == "reports/m"
    assert shown("env:TEAM_STORAGE") == "env:TEAM_STORAGE"
    assert "s3cr3t" not in shown(f"env:{SECRET}")


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_variable_that_is_not_set_is_named(monkeypatch, value):
    monkeypatch.delenv("TEAM_STORAGE", raising=False)
    if value is not None:
        monkeypatch.setenv("TEAM_STORAGE", value)
    with pytest.raises(
        StorageError, match="'env:TEAM_STORAGE' names an environment variable that is not set"
    ):
        read_results("env:TEAM_STORAGE")


def test_a_report_reads_a_study_that_the_environment_names(monkeypatch, tmp_path):
    monkeypatch.setenv("TEAM_STORAGE", str(tmp_path / "none.db"))
    with pytest.raises(StorageError, match=r"'env:TEAM_STORAGE' cannot be opened as a study \(No such file"):
        read_results("env:TEAM_STORAGE")


@pytest.mark.parametrize(
    ("installed", "url", "driver"),
    [
        ({"psycopg", "psycopg2"}, "postgresql://h/db", "postgresql+psycopg"),
        ({"psycopg2"}, "postgresql://h/db", "postgresql+psycopg2"),
        (set(), "postgresql://h/db", "postgresql+psycopg"),
        ({"psycopg"}, "postgresql+psycopg2://h/db", "postgresql+psycopg2"),
        ({"MySQLdb"}, "mysql://h/db", "mysql+mysqldb"),
        ({"pymysql"}, "mariadb://h/db", "mariadb+pymysql"),
    ],
)
def test_a_driver_that_is_installed_is_taken(monkeypatch, installed, url, driver):
    monkeypatch.setattr(server, "find_spec", lambda name: name in installed or None)
    assert with_driver(make_url(url)).drivername == driver


@pytest.mark.parametrize("url", ["reports/team", "sqlite:///team.db", "oracle://h/db", "", "h:5432/db"])
def test_a_search_writes_to_a_server_only(monkeypatch, url):
    with pytest.raises(UsageError, match=r"The value of storage= is not the URL of a PostgreSQL or MySQL"):
        require_server(url)
    monkeypatch.setenv("TEAM_STORAGE", url or "x")
    with pytest.raises(UsageError, match=r"What 'env:TEAM_STORAGE' holds is not the URL"):
        require_server("env:TEAM_STORAGE")


def test_an_unreachable_server_is_one_sentence_without_the_password():
    with pytest.raises(StorageError) as caught:
        open_server(SECRET)
    assert str(caught.value).startswith(
        "'postgresql://me:***@127.0.0.1:1/db' cannot be used as a storage (nobody answers there)"
    )
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_missing_driver_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for use in (open_server, read_results):
        with pytest.raises(StorageError, match=r"it needs the Python package psycopg, which pip install "):
            use("postgresql+psycopg://h/db")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('FATAL:  password authentication failed for user "me"', "the user or the password is wrong"),
        (
            "(1045, \"Access denied for user 'me'@'h' (using password: YES)\")",
            "the user or the password is wrong",
        ),
        ('FATAL:  database "s3cr3t" does not exist', "there is no such database"),
        ("(1049, \"Unknown database 's3cr3t'\")", "there is no such database"),
        ('FATAL:  no pg_hba.conf entry for host "h"', "it does not let this user or this host in"),
        ("permission denied for schema public", "the user may not write there"),
        ("server closed the connection unexpectedly", "nobody answers there"),
        ("(2003, \"Can't connect to MySQL server on 'h'\")", "nobody answers there"),
        ("could not translate host name", "nobody answers there"),
        ("s3cr3t", "Strange"),
    ],
)
def test_what_a_server_says_is_told_in_our_words(text, words):
    class Strange(Exception):
        pass

    assert refusal(Strange(text)) == words
    wrapped = RuntimeError("Optuna says so")
    wrapped.__cause__ = Strange(text)
    assert refusal(wrapped) == words


def test_a_command_is_kept_without_the_password():
    url = "postgresql://me@h/db?password=s3cr3t&x='y"
    for command in (f"tuner.search('m.xml', storage={url!r})", f"tuner search --storage {url}", ""):
        assert "s3cr3t" not in without_secrets(command, url)
    assert without_secrets("tuner search m.xml", "") == "tuner search m.xml"


@pytest.mark.parametrize(
    "words",
    [
        ("search", "m.xml", "--storage", SECRET),
        ("search", "m.xml", "--storage=postgresql://me@h/db?password=s3cr3t"),
        ("push", "reports/m", "--storage", "mysql://me:s3cr3t@h/db"),
        ("report", SECRET),
    ],
)
def test_a_password_on_the_command_line_is_refused(capsys, words):
    code, sentence = complain(capsys, *words)
    assert code == 2
    assert "s3cr3t" not in sentence
    assert "give env:NAME" in sentence


def test_the_command_line_knows_no_database(tmp_path):
    """`tuner --help` is instant: what talks to a server is imported when it is needed."""
    code = "import sys, tuner.cli.app, tuner.cli.spelling; print({'sqlalchemy', 'optuna'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
