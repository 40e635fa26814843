"""The view that is computed, and what is drawn from it as text."""

import csv
import io
import json
import re

import pytest

from tests.report.results import EVERY, HOSTILE, all_failed, many, searched, several, single, view_of
from tuner.report.page import page
from tuner.report.plots import figures
from tuner.report.text import COLUMNS, as_csv, as_data, as_markdown, differences

GOLDEN = {
    "answer": "49 % faster than the hint, 98 % interval 44.8 to 53.3, 64 rounds in 16 sittings",
    "advice": "hint, batch 64, 4 requests",
    "known": "63 of 63 configurations",
    "trials": 48,
    "states": ["duplicate", "failed", "measured", "pruned"],
    "best": (11, "hint", 64, 4, "2 streams, 2 threads, pinned: yes; f32"),
    "contenders": [
        ("hint, batch 64, 4 requests", "the advice"),
        ("hint, batch 64, 2 requests", "tied with the best"),
        ("hint, batch 1, 8 requests", ""),
        ("hint, batch 1, 2 requests", "the hint"),
    ],
    "curves": [("1", (1, 2, 4, 8, 16, 64)), ("2", (2, 8, 16)), ("hint", (1, 2, 4, 8, 16, 64))],
    "facts": ["advice", "hint", "drop-in"],
    "reproduce": [
        "command", "seed", "tuner", "OpenVINO", "host", "devices", "model", "inputs", "trials", "date",
    ],
    "time": ["compiling", "windows of trials", "final"],
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
    assert view.advice == str(result.verdict.best.configuration)
    assert view.usage.benchmark_app.startswith("benchmark_app -m m.xml -d CPU -hint none")
    assert json.loads(view.usage.properties) == result.verdict.best.configuration.compile_properties


def test_the_view_of_a_known_search_is_this(view):
    """Golden: what a reader is told, whatever it is drawn with."""
    best = next(row for row in view.rows if row.role == "best")
    assert {
        "answer": view.answer,
        "advice": view.advice,
        "known": view.known,
        "trials": len(view.rows),
        "states": sorted({row.state for row in view.rows}),
        "best": (best.number, best.streams, best.batch, best.requests, best.compiled),
        "contenders": [(one.configuration, one.note) for one in view.contenders],
        "curves": [(one.streams, one.batches) for one in view.curves],
        "facts": list(view.facts),
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


def test_curves_hold_the_best_of_each_batch(view):
    assert {curve.target for curve in view.curves} == {"CPU"}
    for curve in view.curves:
        assert list(curve.batches) == sorted(set(curve.batches))
        for batch, ratio in zip(curve.batches, curve.ratios, strict=True):
            same = [
                row.ratio
                for row in view.rows
                if (row.streams, row.batch) == (curve.streams, batch) and row.ratio
            ]
            assert ratio == max(same)


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
    assert html.count("<main") == 2
    assert "2 searches side by side" in html
    assert "## What differs" in text
    assert differences([view, view]) == []
