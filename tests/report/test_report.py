"""The view that is computed, and what is drawn from it as text."""

import csv
import io
import json
import re
import subprocess
from dataclasses import replace
from html import unescape
from statistics import median

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
from tuner.domain.result import Finalist, Warning
from tuner.domain.stats import Speedup, spread
from tuner.domain.words import percent
from tuner.errors import StorageError
from tuner.report.page import page
from tuner.report.plots import compared, figures
from tuner.report.text import COLUMNS, as_csv, as_data, as_markdown, differences
from tuner.reporting import FORMATS, report, usage

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
    "time": ["compiling", "windows", "starting and warming up", "final"],
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
    assert json.loads(view.usage.configuration) == {
        "device": "CPU",
        "properties": {"PERFORMANCE_HINT": "THROUGHPUT"},
        "batch": 64,
        "requests": 4,
    }


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
    assert list(rows[0]) == ["study", "model", *COLUMNS]
    for told, row in zip(rows, view.rows, strict=True):
        assert (told["study"], told["model"]) == ("reports/m/study.db", "m")
        assert (float(told["fps"]) if told["fps"] else None) == row.fps
        assert (float(told["ratio"]) if told["ratio"] else None) == row.ratio
        assert json.loads(told["properties"]).keys() <= {"PERFORMANCE_HINT", "NUM_STREAMS"}


def test_csv_holds_no_formula(result):
    failed = [
        replace(one, reason='=HYPERLINK("x")') if one.state == "failed" else one for one in result.trials
    ]
    named = replace(result, trials=failed, model=replace(result.model, name="@SUM(1)"))
    rows = list(csv.DictReader(io.StringIO(as_csv([view_of(named)]))))
    assert {row["model"] for row in rows} == {"'@SUM(1)"}
    assert {row["reason"] for row in rows if row["state"] == "failed"} == {'\'=HYPERLINK("x")'}


def test_json_holds_every_raw_round(result, view):
    told = json.loads(json.dumps(as_data([view]), allow_nan=False))
    assert told["schema"] == 1
    kept = told["studies"][0]["result"]
    assert [len(one["rounds"]) for one in kept["trials"]] == [len(one.rounds) for one in result.trials]
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
    for told in (html, text):
        assert "\u202e" not in told
        assert "\\u202e" in told


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


def test_figures_of_the_view_are_those_of_the_search(result, view):
    assert view.confidence == result.final.finalists[0].speedup.confidence
    assert view_of(replace(result, covered=5)).known == f"5 of {result.points} configurations"
    assert view.noise == spread([one.fps for one in view.drift])
    middle = median(one.fps for one in view.drift)
    assert all(one.share == one.fps / middle for one in view.drift)
    assert view.reproduce["seed"] == str(result.run.seed)
    assert result.model.sha256 in view.reproduce["model"]
    assert view.tried == sum(one.state in {"measured", "pruned"} and one.ratio > 0 for one in result.trials)
    for row, trial in zip(view.rows, result.trials, strict=True):
        if at_end := result.at_final_speed(trial):
            assert (row.fps, row.memory_mb) == (at_end.throughput_fps, at_end.memory_mb)
            latency = at_end.latency_ms
            assert (row.p50_ms, row.p90_ms, row.p99_ms) == (latency.p50, latency.p90, latency.p99)
        if row.low is not None:
            assert (row.low, row.ratio) == (trial.speedup.low, trial.speedup.ratio)
            assert row.low <= row.ratio <= row.high
        assert row.rounds == len(trial.rounds)


def test_the_time_of_a_search_is_told_in_whole(result, view):
    paired = sum(len(one.rounds) for one in result.trials)
    windows = sum(len(one.rounds) * one.window_s for one in result.trials if one.rounds)
    assert view.time["windows"] == pytest.approx(paired * result.trials[0].window_s + windows)
    assert view.time["compiling"] == pytest.approx(sum(one.compile_s or 0 for one in result.trials))
    trials = [one for one in result.trials if one.took_s is not None]
    assert len(trials) == len(result.trials) - 1
    inside = view.time["windows"] + view.time["compiling"] + view.time["starting and warming up"]
    assert inside - result.trials[0].compile_s == pytest.approx(sum(one.took_s for one in trials))
    rounds = result.final.rounds
    assert view.time["final"] == rounds[-1].at_s - rounds[0].at_s
    longer = view_of(replace(result, run=replace(result.run, seconds=1000.0)))
    assert sum(longer.time.values()) == pytest.approx(1000.0)


def test_devices_are_told_with_the_source_of_their_figures():
    result, told = several(), view_of(several())
    finalists = {str(one.configuration) for one in result.final.finalists}
    for row, standing in zip(told.targets, result.targets, strict=True):
        assert (row.source == "the final") == (row.configuration in finalists)
        assert row.ratio == standing.best.ratio
    assert told.plain_sum == pytest.approx(sum(row.ratio for row in told.targets[:2]))
    share = 100 * told.targets[2].ratio / told.plain_sum
    assert told.targets[2].share.startswith(f"{share:.0f} % of the plain sum")


def traces(view, name):
    return {one.name or str(at): one for at, one in enumerate(figures(view)[name].data)}


def test_plots_draw_the_figures_of_the_view(view):
    told = traces(view, "tradeoff")
    measured = [row for row in view.rows if row.state == "measured"]
    assert list(told["measured"].x) == [row.fps for row in measured]
    assert list(told["measured"].y) == [row.p99_ms for row in measured]
    assert (told["the advice"].x, told["the advice"].y) == ((view.advice.fps,), (view.advice.p99_ms,))
    assert (told["the hint"].x, told["the hint"].y) == ((view.hint.fps,), (view.hint.p99_ms,))
    assert list(told["Pareto front"].x) == sorted(row.fps for row in view.front)

    forest = list(traces(view, "final").values())[1]
    contenders = [one for one in reversed(view.contenders) if one.ratio]
    assert list(forest.x) == [one.ratio for one in contenders]
    ends = zip(forest.x, forest.error_x.array, forest.error_x.arrayminus, strict=True)
    assert [(x - minus, x + plus) for x, plus, minus in ends] == [
        (pytest.approx(one.low or one.ratio), pytest.approx(one.high or one.ratio)) for one in contenders
    ]
    written = " ".join(one.text for one in figures(view)["final"].layout.annotations)
    assert "tied with the best" in written

    (bars,) = traces(view, "importance").values()
    assert dict(zip(bars.y, bars.x, strict=True)) == view.importance
    for (_, told), seconds in zip(traces(view, "time").items(), view.time.values(), strict=True):
        assert list(told.x) == [seconds]
    (drift,) = traces(view, "drift").values()
    assert list(zip(drift.x, drift.y, strict=True)) == [(one.at_s, one.share) for one in view.drift]
    assert {name: list(one.y) for name, one in traces(view, "rounds").items()} == view.final_rounds
    points = [one for one in figures(view)["curves0"].data if one.mode == "markers"]
    for drawn, curve in zip(points, view.curves["CPU"], strict=True):
        assert list(zip(drawn.x, drawn.y, strict=True)) == [(one.batch, one.ratio) for one in curve.points]


def test_devices_are_drawn_beside_their_plain_sum():
    view = view_of(several())
    figure = figures(view)["targets"]
    assert list(figure.data[0].y) == [row.ratio for row in view.targets]
    assert [one.y0 for one in figure.layout.shapes] == [view.plain_sum]
    assert len(view.curves) == sum(name.startswith("curves") for name in figures(view)) == 3


def test_one_model_is_compared_in_items_several_in_gains(view):
    other = view_of(searched(seed=3))
    hint, advice = compared([view, other], same_model=True).data
    assert list(hint.y) == pytest.approx([view.hint.fps, other.hint.fps])
    assert list(advice.y) == pytest.approx([view.advice.fps, other.advice.fps])
    (gains,) = compared([view, other], same_model=False).data
    assert list(gains.y) == [view.advice.ratio, other.advice.ratio]


def test_two_versions_of_openvino_are_told_apart(result):
    newer = replace(result, host=replace(result.host, openvino="2027.0.0", cpu="Another"))
    slower = replace(newer, baseline=replace(newer.baseline, measured=half(newer.baseline.measured)))
    told = {row[0]: row[1:] for row in differences([view_of(result), view_of(slower)])}
    assert told["OpenVINO"] == [result.host.openvino, "2027.0.0"]
    assert "Another" in told["host"][1]
    assert told["hint, items/s"][1].endswith("(-50.0 % from 1.)")


def half(measured):
    return replace(measured, throughput_fps=measured.throughput_fps / 2)


def test_the_page_says_all_that_a_reader_needs(result):
    warned = replace(result, warnings=(Warning("odd", "Odd: close other programs."),))
    view = view_of(warned)
    html, text = page([view]), as_markdown([view])
    plain = unescape(re.sub(r"<script>.*?</script>", "", html, flags=re.S))
    for told in (
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
        percent(view.contenders[0].low),
        "98 % confidence",
        f"varied by {100 * view.noise:.1f} %",
    ):
        assert told in plain, told
    for told in ("Odd: close other programs.", percent(view.contenders[0].low), "reproduce", "tied with"):
        assert told in text, told
    several_devices = page([view_of(several())])
    for row in view_of(several()).targets:
        assert row.source in several_devices
        assert row.share in several_devices


@pytest.mark.parametrize("kind", ["a single trial", "interrupted"])
def test_what_is_no_claim_is_said_to_be_none(kind):
    view = view_of(EVERY[kind]())
    assert view.no_claim == "no final was held"
    assert "No claim" in page([view])
    assert "no claim" in as_markdown([view])


def test_a_final_that_was_cut_short_is_no_claim(result):
    cut = replace(result.final, trouble="interrupted", interrupted=True)
    view = view_of(replace(result, final=cut, interrupted=True))
    assert view.no_claim == "the final was cut short: interrupted"
    assert view.answer.startswith("stopped early; ")
    assert view.confidence is None
    assert "The answer rests on this alone" not in page([view])
    crowd = several()
    cut = replace(crowd, final=replace(crowd.final, trouble="interrupted"))
    assert {one.source for one in view_of(cut).targets} <= {
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
    monkeypatch.setattr("tuner.reporting.read_results", lambda _: [result])
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
    monkeypatch.setattr("tuner.reporting.read_results", lambda _: [odd])
    with pytest.raises(StorageError, match=r"No report can be made of x \(.*damaged"):
        report(["x"], ("html",), tmp_path)


def test_a_report_that_cannot_be_written_leaves_the_one_before(monkeypatch, tmp_path, result):
    monkeypatch.setattr("tuner.reporting.read_results", lambda _: [result])
    (path,) = report(["x"], ("md",), tmp_path)
    before = path.read_text()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match="No space left on device"):
        report(["x"], ("md",), tmp_path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_plots_take_no_name_for_markup(result):
    odd = "$<b>x</b>$ & \u202eleft"
    out = finalist(1.2, 1.1, 1.3, 3, disqualified=odd)
    final = replace(result.final, finalists=(out,), rounds=())
    named = replace(result, final=final, model=replace(result.model, name=odd))
    (label,) = set(compared([view_of(named)], same_model=True).data[1].x)
    written = figures(view_of(named))["final"].layout.annotations[1].text
    for text in (label, written):
        assert "&#36;&lt;b>x&lt;/b>&#36; &amp;" in text
        assert "\u202e" not in text


def test_markdown_takes_no_name_for_markup(result):
    odd = "a|b `c` *d* [e](f) <g>\n# h"
    text = as_markdown([view_of(replace(result, warnings=(Warning("odd", odd),)))])
    (line,) = [one for one in text.splitlines() if one.startswith("- warning")]
    assert line == r"- warning: a\|b \`c\` \*d\* \[e\](f) \<g\> # h"


def test_latencies_that_differ_much_get_a_logarithmic_axis(result, view):
    assert figures(view)["tradeoff"].layout.yaxis.type == "log"
    near = [row for row in view.rows if row.p99_ms and 0.5 < row.p99_ms / view.hint.p99_ms < 2]
    alike = replace(view, rows=near, front=near, advice=view.hint)
    assert figures(alike)["tradeoff"].layout.yaxis.type is None
