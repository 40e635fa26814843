"""The files that people and programs read: the page, Markdown, CSV, JSON."""

import csv
import io
import json
import re
from dataclasses import replace
from html import unescape

import pytest

from tests.advice.advice_of import with_outcome, with_setting
from tests.report.results import (
    EVERY,
    HOSTILE,
    data_of,
    many,
    searched,
    several,
    view_of,
)
from tuner.commands.report import FORMATS, report, usage
from tuner.domain.figures import interval, share
from tuner.domain.result import Notice
from tuner.errors import StorageError
from tuner.report.page import page
from tuner.report.text import COLUMNS, as_csv, as_markdown, differences


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_of_search_is_drawn_in_every_format(kind):
    view = view_of(EVERY[kind]())
    assert page([view]).startswith("<!doctype html>")
    assert as_markdown([view]).startswith("## ")
    assert json.loads(json.dumps(data_of(view), allow_nan=False))["studies"][0]["title"] == view.title
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert [int(row["number"]) for row in rows] == [row.number for row in view.rows]


def test_csv_holds_numbers_in_full(view):
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert list(rows[0]) == ["study", "model", *COLUMNS]
    for cells, row in zip(rows, view.rows, strict=True):
        assert (cells["study"], cells["model"]) == ("reports/m/study.db", "m")
        assert (float(cells["fps"]) if cells["fps"] else None) == row.fps
        assert (float(cells["ratio"]) if cells["ratio"] else None) == row.ratio
        assert json.loads(cells["properties"]).keys() <= {"PERFORMANCE_HINT", "NUM_STREAMS"}


def test_rates_of_copies_are_a_column_where_there_are_copies(view):
    of_two = view_of(EVERY["copies"]())
    assert "slowest copy, items/s" in page([of_two])
    assert "2 copies on own cores" in page([of_two])
    assert '"copies": 2, "cores": [[0], [1]]' in of_two.usage.configuration
    assert "copy=0)  # in each process its number, 0 to 1" in of_two.usage.python
    assert "slowest copy" not in page([view])
    (first, *_) = csv.DictReader(io.StringIO(as_csv([of_two])))
    assert float(first["slowest_fps"]) == pytest.approx(float(first["fps"]) / 2)
    assert "(2 copies)" in as_markdown([of_two]).splitlines()[0].replace("\\", "")


def test_csv_holds_no_formula(result):
    failed = [
        replace(trial, reason='=HYPERLINK("x")') if trial.state == "failed" else trial
        for trial in result.trials
    ]
    named = with_setting(replace(result, trials=failed), model=replace(result.model, name="@SUM(1)"))
    rows = list(csv.DictReader(io.StringIO(as_csv([view_of(named)]))))
    assert {row["model"] for row in rows} == {"'@SUM(1)"}
    assert {row["reason"] for row in rows if row["state"] == "failed"} == {'\'=HYPERLINK("x")'}


def test_json_holds_every_raw_round(result, view):
    data = json.loads(json.dumps(data_of(view), allow_nan=False))
    assert data["schema"] == 1
    kept = data["studies"][0]["result"]
    assert [len(trial["rounds"]) for trial in kept["trials"]] == [
        len(trial.rounds) for trial in result.trials
    ]
    assert kept["final"]["rounds"][0]["rates_fps"] == list(result.final.rounds[0].rates_fps)
    assert kept["host"]["openvino"] == result.host.openvino


def test_a_page_asks_the_network_for_nothing(view):
    html = page([view])
    outside = re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    assert not re.search(r"""(src|href)=["'](?!data:)""", outside)
    assert "@import" not in outside
    assert "url(" not in outside


def test_names_from_outside_are_escaped():
    view = view_of(EVERY["hostile names"]())
    html, text = page([view]), as_markdown([view])
    assert HOSTILE not in html
    assert "<script>alert" not in html
    assert "&lt;/script&gt;" in html
    assert "<script>" not in text.replace("\\<script\\>", "")
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert {row["model"] for row in rows} == {HOSTILE}
    for written in (html, text):
        assert "\u202e" not in written
        assert "\\u202e" in written


def test_five_thousand_trials_stay_below_ten_megabytes():
    view = view_of(many())
    assert len(view.rows) == 5000
    assert len(page([view]).encode()) < 10_000_000


def test_several_studies_are_shown_with_what_differs(view):
    other = view_of(searched(seed=3))
    differing = {row[0]: row[1:] for row in differences([view, other])}
    assert "command" not in differing
    assert differing["answer"] == [view.answer, other.answer]
    html, text = page([view, other]), as_markdown([view, other])
    assert html.count("<article") == 2
    assert "2 searches side by side" in html
    assert "## What differs" in text
    assert differences([view, view]) == []


def test_two_versions_of_openvino_are_shown_apart(result):
    newer = with_setting(result, host=replace(result.host, openvino="2027.0.0", cpu="Another"))
    slower = with_outcome(newer, baseline=replace(newer.baseline, measured=half(newer.baseline.measured)))
    differing = {row[0]: row[1:] for row in differences([view_of(result), view_of(slower)])}
    assert differing["OpenVINO"] == [result.host.openvino, "2027.0.0"]
    assert "Another" in differing["host"][1]
    assert differing["hint, items/s"][1].endswith("(-50.0 % from 1.)")


def half(measured):
    return replace(measured, throughput_fps=measured.throughput_fps / 2)


def test_the_page_says_all_that_a_reader_needs(result):
    warned = with_outcome(result, notices=(Notice("odd", "Odd: close other programs."),))
    view = view_of(warned)
    html, text = page([view]), as_markdown([view])
    plain = unescape(re.sub(r"<script>.*?</script>", "", html, flags=re.S))
    for words in (
        view.answer,
        view.advice.configuration,
        view.usage.configuration,
        view.usage.python,
        view.usage.benchmark_app,
        view.usage.dashboard,
        "Odd: close other programs.",
        view.drop_in,
        *view.reproduce.values(),
        "tied with the best",
        interval(view.finalists[0].low, view.finalists[0].high),
        "98 % confidence",
        f"speed varied by {share(view.noise)}",
    ):
        assert words in plain, words
    for words in (
        "Odd: close other programs.",
        interval(view.finalists[0].low, view.finalists[0].high),
        "reproduce",
        "tied with",
    ):
        assert words in text, words
    several_devices = page([view_of(several())])
    for row in view_of(several()).targets:
        assert row.source in several_devices
        assert row.share in several_devices


@pytest.mark.parametrize("kind", ["a single trial", "interrupted"])
def test_what_is_no_claim_is_said_to_be_none(kind):
    view = view_of(EVERY[kind]())
    assert view.no_claim == "no final was held"
    assert "No claim is made: no final was held" in page([view])
    assert "no claim" in as_markdown([view])


def test_a_final_that_was_cut_short_is_no_claim(result):
    cut = replace(result.final, trouble="interrupted", interrupted=True)
    view = view_of(with_outcome(replace(result, final=cut), interrupted=True))
    assert view.no_claim == "the final was cut short: interrupted"
    assert view.answer.startswith("stopped early; ")
    assert view.confidence is None
    assert "The answer comes from this alone" not in page([view])
    crowd = several()
    cut = replace(crowd, final=replace(crowd.final, trouble="interrupted"))
    assert {standing.source for standing in view_of(cut).targets} <= {
        "a final cut short: no claim",
        "a trial: no claim",
    }


def test_a_study_without_its_yaml_names_none(result):
    view = view_of(result)
    html = page([replace(view, usage=usage(result, None, "postgresql://h/db"))])
    assert "config.yaml" not in html
    assert "is not beside this study" in html
    assert "optuna-dashboard postgresql://h/db" in html


def test_a_password_is_in_no_file(monkeypatch, tmp_path, result):
    monkeypatch.setattr("tuner.commands.report.read_results", lambda _: [result])
    url = "postgresql+psycopg://me@corp:s3cr3t@h/db?sslpassword=s3cr3t"
    paths = report([url, url], tuple(FORMATS), tmp_path)
    assert len(paths) == 4
    for path in paths:
        text = path.read_text()
        assert "s3cr3t" not in text
        assert "***@h/db" in text.replace("\\", "")


def test_figures_that_cannot_be_are_one_sentence(monkeypatch, tmp_path, result):
    nothing = replace(result.trials[1].speedup, ratio=0.0)
    odd = replace(result, trials=[result.trials[0], replace(result.trials[1], speedup=nothing)])
    monkeypatch.setattr("tuner.commands.report.read_results", lambda _: [odd])
    with pytest.raises(StorageError, match=r"No report can be made of x \(.*damaged"):
        report(["x"], ("html",), tmp_path)


def test_a_report_that_cannot_be_written_leaves_the_one_before(monkeypatch, tmp_path, result):
    monkeypatch.setattr("tuner.commands.report.read_results", lambda _: [result])
    (path,) = report(["x"], ("md",), tmp_path)
    before = path.read_text()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match="No space left on device"):
        report(["x"], ("md",), tmp_path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_markdown_takes_no_name_for_markup(result):
    odd = "a|b `c` *d* [e](f) <g>\n# h"
    text = as_markdown([view_of(with_outcome(result, notices=(Notice("odd", odd),)))])
    (line,) = [line for line in text.splitlines() if line.startswith("- warning")]
    assert line == r"- warning: a\|b \`c\` \*d\* \[e\](f) \<g\> # h"
