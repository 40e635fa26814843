"""`tuner report` and the page that `tuner search` writes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import models
from tests.cli.command import run

pytestmark = pytest.mark.alone


def test_a_search_writes_its_report(searched):
    done, out, _ = searched
    assert f"report   {out / 'report.html'}" in done.stdout
    html = (out / "report.html").read_text()
    assert "<h1>wide</h1>" in html
    assert done.stdout.splitlines()[0].split(",")[0] in html


def test_the_report_is_written_again_from_the_study(searched):
    _, out, _ = searched
    first = (out / "report.html").read_text()
    (out / "report.html").unlink()
    done = run("report", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(out / "report.html")]
    again = (out / "report.html").read_text()
    assert abs(len(again) - len(first)) < 5000
    assert f"tuner.load(&#39;{out / 'config.yaml'}&#39;)" in again


def test_the_yaml_of_another_search_is_not_named(searched, tmp_path):
    _, out, _ = searched
    shutil.copy(out / "study.db", tmp_path / "study.db")
    advice = (out / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(
        re.sub(r"  date: .*", "  date: '2020-01-01T00:00:00+00:00'", advice)
    )
    assert run("report", tmp_path).returncode == 0
    assert "is not beside this study" in (tmp_path / "report.html").read_text()


def test_every_format_and_another_folder(searched, tmp_path):
    _, out, _ = searched
    done = run("report", out / "study.db", "--format", "html,md,csv,json", "--output", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert [Path(line).name for line in done.stdout.split()] == [
        "report.html",
        "report.md",
        "trials.csv",
        "report.json",
    ]
    written = json.loads((tmp_path / "new" / "report.json").read_text())
    assert written["studies"][0]["title"] == "wide"


def test_two_studies_side_by_side(searched, tmp_path):
    _, out, _ = searched
    done = run("report", out, f"sqlite:///{out / 'study.db'}", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").read_text().count("<article") == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["report"], "Missing argument"),
        (["report", "none"], "'none' cannot be opened as a study"),
        (
            ["report", ".", "--format", "pdf"],
            "'pdf' in --format is unknown; the formats are html, md, csv, json",
        ),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, arguments, sentence):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_search_is_reported_while_it_runs_and_after_it_was_killed(tmp_path):
    model = models.wide(tmp_path / "wide.xml")
    words = ["search", str(model), "--budget", "60s", "--output", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "tuner", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as search:
        try:
            begun = next((line for line in search.stdout if line.startswith("  1  ")), "")
            running = run("report", tmp_path / "out", "--format", "html,md")
        finally:
            search.kill()
    assert begun
    killed = run("report", tmp_path / "out", "--format", "md", "--output", tmp_path / "killed")
    for done, folder in ((running, "out"), (killed, "killed")):
        assert done.returncode == 0, done.stderr
        text = (tmp_path / folder / "report.md").read_text()
        assert "the search has not ended; run the same command again" in text
        assert "stopped early" not in text
        assert "no claim" in text
    assert "is not beside this study" in (tmp_path / "out" / "report.html").read_text()
