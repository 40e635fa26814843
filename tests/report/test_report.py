"""The view that is computed, and what is drawn from it as text."""

import csv
import io
import json
import re
import subprocess
from dataclasses import replace

import pytest

from tests.report.results import (
    EVERY,
    HOSTILE,
    all_failed,
    many,
    searched,
    several,
    single,
    usage_of,
    view_of,
)
from tuner.domain.configuration import Configuration
from tuner.domain.result import Finalist
from tuner.domain.stats import Speedup
from tuner.report.page import page
from tuner.report.plots import figures
from tuner.report.text import COLUMNS, as_csv, as_data, as_markdown, differences

GOLDEN = {
    "answer": "49 % faster than the hint, 98 % interval 44.8 to 53.3, 64 rounds in 16 sittings",
    "advice": "hint, batch 64, 4 requests",
    "known": "63 of 63 configurations",
    "trials": 48,
    "states": ["duplicate", "failed", "measured", "pruned"],
    "best": (11, "hint", 64, 4, "2 streams, 2 threads, 4 requests, f32"),
    "contenders": [
        ("hint, batch 64, 4 requests", "the advice"),
        ("hint, batch 64, 2 requests", "tied with the best"),
        ("hint, batch 1, 8 requests", ""),
        ("hint, batch 1, 2 requests", "the hint"),
    ],
    "curves": {
        "CPU": [("1", (1, 2, 4, 8, 16, 64)), ("2", (2, 8, 16)), ("hint", (1, 2, 4, 8, 16, 64))],
    },
    "drop_in": "hint, batch 1, 2 requests",
    "reproduce": [
        "command", "seed", "tuner", "OpenVINO", "host", "devices", "model", "inputs", "trials", "date",
    ],
    "time": ["compiling", "windows", "final"],
}  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return searched()


@pytest.fixture(scope="module")
def view(result):
    return view_of(result)


def test_the_answer_and_the_advice_are_those_of_the_verdict(result, view):
    assert view.verdict == "faster"
    assert view.answer.endswith("sittings")
    assert view.advice.configuration == str(result.verdict.best.configuration)
    written, measured = view.usage.benchmark_app.splitlines()
    assert written == """printf %s '{"CPU": {"PERFORMANCE_HINT": "THROUGHPUT"}}' > benchmark_app.json"""
    assert measured.startswith("benchmark_app -m m.xml -d CPU -hint none -load_config benchmark_app.json")
    assert view.usage.dashboard == "optuna-dashboard sqlite:///reports/m/study.db"
    assert json.loads(view.usage.properties) == result.verdict.best.configuration.compile_properties


def test_the_view_of_a_known_search_is_this(view):
    """Golden: what a reader is told, whatever it is drawn with."""
    best = next(row for row in view.rows if row.role == "best")
    assert {
        "answer": view.answer,
        "advice": view.advice.configuration,
        "known": view.known,
        "trials": len(view.rows),
        "states": sorted({row.state for row in view.rows}),
        "best": (best.number, best.streams, best.batch, best.requests, best.compiled),
        "contenders": [(one.configuration, one.note) for one in view.contenders],
        "curves": {
            target: [(one.streams, tuple(point.batch for point in one.best)) for one in told]
            for target, told in view.curves.items()
        },
        "drop_in": view.drop_in,
        "reproduce": list(view.reproduce),
        "time": list(view.time),
    } == GOLDEN


def test_every_trial_is_a_row_with_its_figures_or_its_reason(result, view):
    assert [row.number for row in view.rows] == [one.number for one in result.trials]
    for row, trial in zip(view.rows, result.trials, strict=True):
        assert (row.ratio is None) == (trial.speedup is None)
        assert row.reason == (trial.reason or "")
        assert row.batch == trial.configuration.batch
    assert [row.role for row in view.rows].count("hint") == 1
    assert any(row.role == "best" for row in view.rows)
    failed = [row for row in view.rows if row.state == "failed"]
    assert failed
    assert all(row.fps is None and row.reason == "out of memory" for row in failed)


def test_the_final_is_told_best_first_with_ties_and_the_hint(result, view):
    ratios = [one.ratio for one in view.contenders[:-1]]
    assert ratios == sorted(ratios, reverse=True)
    assert view.contenders[-1].note == "the hint"
    assert view.contenders[-1].ratio == 1.0
    assert [one.note for one in view.contenders].count("the advice") == 1
    for ratios in view.final_rounds.values():
        assert len(ratios) == len(result.final.rounds)


def test_curves_hold_every_point_and_the_best_of_each_batch(view):
    points = [point for curve in view.curves["CPU"] for point in curve.points]
    assert len(points) == sum(row.state in {"measured", "pruned"} for row in view.rows)
    for curve in view.curves["CPU"]:
        assert [point.batch for point in curve.best] == sorted({point.batch for point in curve.points})
        for best in curve.best:
            assert best.ratio == max(point.ratio for point in curve.points if point.batch == best.batch)


def test_importance_names_what_was_varied_and_sums_to_one(view):
    assert set(view.importance) <= {"streams", "batch", "requests", "device"}
    assert sum(view.importance.values()) == pytest.approx(1.0)
    assert max(view.importance, key=view.importance.get) == "batch"


def test_several_devices_are_told_with_their_share_of_the_sum():
    told = view_of(several()).targets
    assert [one.target.partition(":")[0] for one in told] == ["EMU", "CPU", "AUTO"]
    assert re.fullmatch(r"\d+ % of the plain sum of its devices", told[-1].share)


def test_what_there_is_no_data_for_is_not_drawn():
    assert set(figures(view_of(all_failed()))) <= {"tradeoff", "drift", "time"}
    assert "final" not in figures(view_of(single()))
    assert "targets" not in figures(view_of(searched()))


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_of_search_is_drawn_in_every_format(kind):
    view = view_of(EVERY[kind]())
    assert page([view]).startswith("<!doctype html>")
    assert as_markdown([view]).startswith("## ")
    assert json.loads(json.dumps(as_data([view]), allow_nan=False))["studies"][0]["title"] == view.title
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert [int(row["number"]) for row in rows] == [row.number for row in view.rows]


def test_csv_holds_numbers_in_full(view):
    rows = list(csv.DictReader(io.StringIO(as_csv([view]))))
    assert list(rows[0]) == ["study", *COLUMNS]
    for told, row in zip(rows, view.rows, strict=True):
        assert (float(told["fps"]) if told["fps"] else None) == row.fps
        assert (float(told["ratio"]) if told["ratio"] else None) == row.ratio


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
    assert {row["study"] for row in rows} == {HOSTILE}


def test_five_thousand_trials_stay_below_ten_megabytes():
    view = view_of(many())
    assert len(view.rows) == 5000
    assert len(page([view]).encode()) < 10_000_000


def test_several_studies_are_told_with_what_differs(view):
    other = view_of(searched(seed=3))
    told = {row[0]: row[1:] for row in differences([view, other])}
    assert "command" not in told
    assert told["answer"] == [view.answer, other.answer]
    html, text = page([view, other]), as_markdown([view, other])
    assert html.count("<article") == 2
    assert "2 searches side by side" in html
    assert "## What differs" in text
    assert differences([view, view]) == []


def finalist(ratio, low, high, requests, disqualified=None):
    configuration = Configuration.of("CPU", {"NUM_STREAMS": 1}, 1, requests)
    gain = Speedup(ratio, low, high, 0.98, 20, 5)
    return Finalist(configuration, None, gain, searched().baseline.measured, disqualified)


@pytest.mark.parametrize(
    ("finalists", "notes"),
    [
        ([(0.93, 0.92, 0.94)], ["", "the hint, the advice"]),
        ([(0.99, 0.97, 1.01)], ["tied with the best", "the hint, the advice"]),
        ([(1.02, 0.99, 1.05)], ["", "the hint, the advice, tied with the best"]),
        (
            [(1.2, 1.15, 1.25), (1.18, 1.1, 1.22), (1.1, 1.05, 1.14)],
            ["the advice", "tied with the best", "", "the hint"],
        ),
    ],
)
def test_what_is_tied_with_the_best_is_said_to_be_tied(finalists, notes):
    found = [finalist(*one, requests) for requests, one in enumerate(finalists, start=1)]
    best = found[0] if notes[0] == "the advice" else searched().final.baseline
    final = replace(searched().final, finalists=tuple(found), rounds=())
    result = replace(searched(), final=final, verdict=replace(searched().verdict, best=best))
    assert [one.note for one in view_of(result).contenders] == notes


def test_a_study_that_was_gone_on_with_shows_its_runs_one_after_the_other():
    result = searched()
    first = [trial for trial in result.trials if trial.rounds]
    again = [replace(trial, number=trial.number + 1000) for trial in first]
    twice = view_of(replace(result, trials=[*result.trials, *again]))
    once = view_of(result)
    assert "starting, warming up" not in twice.time
    final = len(result.final.rounds)
    trials = len(once.drift) - final
    assert len(twice.drift) == 2 * trials + final
    assert [one.at_s for one in twice.drift] == sorted(one.at_s for one in twice.drift)
    assert twice.drift[trials].at_s > twice.drift[trials - 1].at_s
    assert twice.final_at_s > once.final_at_s


def test_hints_measured_together_are_told_once_in_the_drift():
    result = several()
    rounds = [one for trial in result.trials for one in trial.rounds]
    told = view_of(result)
    assert len(told.drift) < len(rounds) + len(result.final.rounds)
    assert told.final_at_s == result.final.rounds[0].at_s


def test_the_line_before_benchmark_app_writes_the_file_that_it_reads(tmp_path):
    advised = {"DEVICE_PROPERTIES": {"EMU": {"NUM_STREAMS": 1}, "CPU": {"NUM_STREAMS": 2}}}
    result = several()
    best = replace(
        result.verdict.best,
        configuration=Configuration.of("AUTO:EMU,CPU", {**advised, "A": 'it\'s "\\n"'}, 4, 8),
    )
    written, _ = usage_of(
        replace(result, verdict=replace(result.verdict, best=best))
    ).benchmark_app.splitlines()
    subprocess.run(["sh", "-c", written], cwd=tmp_path, check=True)
    told = json.loads((tmp_path / "benchmark_app.json").read_text())
    assert told["AUTO"] == {
        "DEVICE_PROPERTIES": "{CPU:{NUM_STREAMS:2},EMU:{NUM_STREAMS:1}}",
        "A": 'it\'s "\\n"',
    }
