"""The view: what a report shows, computed."""

import json
import re
import subprocess
from dataclasses import replace
from statistics import median

import pytest
from markupsafe import escape

from tests.advice.advice_of import result_of, with_outcome, with_setting
from tests.lanes.simulated import SimulatedDevice, SimulatedLanes
from tests.report.results import (
    finalist,
    searched,
    several,
    usage_of,
    view_of,
)
from tests.simulation import MODEL, simulate
from tuner.domain.configuration import Configuration
from tuner.domain.limit import Limit
from tuner.domain.question import Question
from tuner.domain.space import Bounds
from tuner.domain.stats import Speedup, spread
from tuner.measure.reference import reference_of
from tuner.report.page import page
from tuner.report.text import as_markdown
from tuner.study.importance import importance

GOLDEN = {
    "advice": "hint, batch 64, 4 requests",
    "known": "56 of 63 configurations",
    "trials": 40,
    "states": ["duplicate", "failed", "measured", "pruned"],
    "best": (11, "hint", 64, 4, "2 streams, 2 threads, 4 requests, f32"),
    "curves": {
        "CPU": [("1", (1, 2, 4, 8, 16, 64)), ("2", (1, 2, 8, 16)), ("hint", (1, 2, 4, 8, 16, 64))],
    },
    "drop_in": "hint, batch 1, 2 requests",
    "reproduce": [
        "question", "command", "seed", "tuner", "OpenVINO", "host", "devices", "model", "inputs", "trials",
        "date",
    ],
    "time": ["compiling", "windows", "starting and warming up", "final"],
}  # fmt: skip


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
    """Golden: what a reader is shown, whatever it is drawn with; figures differ with the packages' versions."""
    assert re.fullmatch(
        r"4\d\.\d % faster than the hint, 98 % interval .*, 44 rounds in 11 sittings", view.answer
    )
    best = next(row for row in view.rows if row.role == "best")
    in_the_final = {
        finalist.configuration for finalist in view.finalists
    }  # one more is a tie, which packages decide
    assert in_the_final > {view.advice.configuration, view.hint.configuration, "hint, batch 64, 8 requests"}
    assert {
        "advice": view.advice.configuration,
        "known": view.known,
        "trials": len(view.rows),
        "states": sorted({row.state for row in view.rows}),
        "best": (best.number, best.streams, best.batch, best.requests, best.compiled),
        "curves": {
            target: [(curve.streams, tuple(point.batch for point in curve.best)) for curve in curves]
            for target, curves in view.curves.items()
        },
        "drop_in": view.drop_in,
        "reproduce": list(view.reproduce),
        "time": list(view.time),
    } == GOLDEN


def test_every_trial_is_a_row_with_its_figures_or_its_reason(result, view):
    assert [row.number for row in view.rows] == [trial.number for trial in result.trials]
    for row, trial in zip(view.rows, result.trials, strict=True):
        assert (row.ratio is None) == (trial.speedup is None)
        assert row.reason == (trial.reason or "")
        assert row.batch == trial.configuration.batch
    assert [row.role for row in view.rows].count("hint") == 1
    assert any(row.role == "best" for row in view.rows)
    failed = [row for row in view.rows if row.state == "failed"]
    assert failed
    assert all(row.fps is None and row.reason == "out of memory" for row in failed)


def test_the_final_is_shown_best_first_with_ties_and_the_hint(result, view):
    ratios = [finalist.ratio for finalist in view.finalists[:-1]]
    assert ratios == sorted(ratios, reverse=True)
    assert view.finalists[-1].note == "the hint"
    assert view.finalists[-1].ratio == 1.0
    assert sum("the advice" in finalist.note for finalist in view.finalists) == 1
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


def test_importance_has_the_switches_of_the_space_but_not_those_around_the_best():
    def pinned(trial, value):
        properties = {**trial.configuration.plain_properties, "ENABLE_CPU_PINNING": value, "NPU_TURBO": value}
        configuration = Configuration.of(
            "CPU", properties, trial.configuration.batch, trial.configuration.requests
        )
        ratio = trial.ratio * (1.0 if value else 3.0)
        return replace(trial, configuration=configuration, speedup=Speedup(ratio, ratio, ratio, 0.9, 1))

    measured = [trial for trial in searched().trials if trial.state == "measured"]
    shares = importance([pinned(trial, value) for trial in measured for value in (True, False)])
    assert set(shares) <= {"streams", "batch", "requests", "pinning"}
    assert shares["pinning"] == max(shares.values())


def test_several_devices_are_shown_with_their_share_of_the_sum():
    targets = view_of(several()).targets
    assert [row.target.partition(":")[0] for row in targets] == ["EMU", "CPU", "AUTO"]
    assert re.fullmatch(r"\d+ % of the plain sum of its devices", targets[-1].share)


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
    found = [finalist(*figures, requests) for requests, figures in enumerate(finalists, start=1)]
    best = found[0] if notes[0] == "the advice" else searched().final.baseline
    final = replace(searched().final, finalists=tuple(found), rounds=())
    verdict = replace(searched().verdict, best=best)
    result = with_outcome(replace(searched(), final=final), verdict=verdict)
    assert [finalist.note for finalist in view_of(result).finalists] == notes


def test_a_study_that_was_gone_on_with_shows_its_runs_one_after_the_other():
    result = searched()
    first = [trial for trial in result.trials if trial.rounds]
    again = [replace(trial, number=trial.number + 1000) for trial in first]
    both = replace(result, trials=[*result.trials, *again])
    latest = replace(result.run, trials=len(both.trials))
    twice, once = view_of(with_outcome(both, run=latest)), view_of(result)
    assert "starting, warming up" not in twice.time
    final = len(result.final.rounds)
    trials = len(once.drift) - final
    assert len(twice.drift) == 2 * trials + final
    assert [point.at_s for point in twice.drift] == sorted(point.at_s for point in twice.drift)
    assert twice.drift[trials].at_s > twice.drift[trials - 1].at_s
    assert twice.final_at_s > once.final_at_s
    assert view_of(both).final_at_s == once.final_at_s  # an earlier run's final, which still stands
    assert len(view_of(both).drift) == len(twice.drift)


def test_hints_measured_together_are_shown_once_in_the_drift():
    result = several()
    rounds = [played for trial in result.trials for played in trial.rounds]
    view = view_of(result)
    assert len(view.drift) < len(rounds) + len(result.final.rounds)
    assert view.final_at_s == result.final.rounds[0].at_s


def test_the_line_before_benchmark_app_writes_the_file_that_it_reads(tmp_path):
    advised = {"DEVICE_PROPERTIES": {"EMU": {"NUM_STREAMS": 1}, "CPU": {"NUM_STREAMS": 2}}}
    result = several()
    best = replace(
        result.verdict.best,
        configuration=Configuration.of("AUTO:EMU,CPU", {**advised, "A": 'it\'s "\\n"'}, 4, 8),
    )
    written, _ = usage_of(
        with_outcome(result, verdict=replace(result.verdict, best=best))
    ).benchmark_app.splitlines()
    subprocess.run(["sh", "-c", written], cwd=tmp_path, check=True)
    config = json.loads((tmp_path / "benchmark_app.json").read_text())
    assert config["AUTO"] == {
        "DEVICE_PROPERTIES": "{CPU:{NUM_STREAMS:2},EMU:{NUM_STREAMS:1}}",
        "A": 'it\'s "\\n"',
    }


def test_figures_of_the_view_are_those_of_the_search(result, view):
    assert view.confidence == result.final.finalists[0].speedup.confidence
    assert view_of(with_outcome(result, covered=5)).known == f"5 of {result.outcome.points} configurations"
    assert view.noise == spread([point.fps for point in view.drift])
    middle = median(point.fps for point in view.drift)
    assert all(point.share == point.fps / middle for point in view.drift)
    assert view.reproduce["seed"] == str(result.run.seed)
    assert result.model.sha256 in view.reproduce["model"]
    assert view.tried == sum(
        trial.state in {"measured", "pruned"} and trial.ratio > 0 for trial in result.trials
    )
    for row, trial in zip(view.rows, result.trials, strict=True):
        if at_end := result.at_final_speed(trial):
            assert (row.fps, row.memory_mb) == (at_end.throughput_fps, at_end.memory_mb)
            latency = at_end.latency_ms
            assert (row.p50_ms, row.p90_ms, row.p99_ms) == (latency.p50, latency.p90, latency.p99)
        if row.low is not None:
            assert (row.low, row.ratio) == (trial.speedup.low, trial.speedup.ratio)
            assert row.low <= row.ratio <= row.high
        assert row.rounds == len(trial.rounds)


def test_the_time_of_a_search_is_shown_in_whole(result, view):
    paired = sum(len(trial.rounds) for trial in result.trials)
    windows = sum(len(trial.rounds) * trial.window_s for trial in result.trials if trial.rounds)
    assert view.time["windows"] == pytest.approx(paired * result.trials[0].window_s + windows)
    assert view.time["compiling"] == pytest.approx(sum(trial.compile_s or 0 for trial in result.trials))
    trials = [trial for trial in result.trials if trial.took_s is not None]
    assert len(trials) == len(result.trials) - 1
    inside = view.time["windows"] + view.time["compiling"] + view.time["starting and warming up"]
    assert inside - result.trials[0].compile_s == pytest.approx(sum(trial.took_s for trial in trials))
    rounds = result.final.rounds
    assert view.time["final"] == rounds[-1].at_s - rounds[0].at_s
    longer = view_of(with_outcome(result, run=replace(result.run, seconds=1000.0)))
    assert sum(longer.time.values()) == pytest.approx(1000.0)


def test_devices_are_shown_with_the_source_of_their_figures():
    result, view = several(), view_of(several())
    finalists = {str(finalist.configuration) for finalist in result.final.finalists}
    for row, standing in zip(view.targets, result.targets, strict=True):
        assert (row.source == "the final") == (row.configuration in finalists)
        assert row.ratio == standing.best.ratio
    assert view.plain_sum == pytest.approx(sum(row.ratio for row in view.targets[:2]))
    share = 100 * view.targets[2].ratio / view.plain_sum
    assert view.targets[2].share.startswith(f"{share:.0f} % of the plain sum")


def test_switches_that_were_tried_around_the_best_are_shown_apart_from_those_that_were_not():
    result = with_outcome(several(), switches={"queue throttle low": True, "turbo on": False})
    assert view_of(result).switches == "tried queue throttle low; not tried turbo on"
    assert "- switches around the best: tried queue throttle low; not tried turbo on" in as_markdown(
        [view_of(result)]
    )
    assert "Switches around the best: tried queue throttle low; not tried turbo on." in page(
        [view_of(result)]
    )
    assert "witches around the best" not in page([view_of(with_outcome(result, switches={}))])


def test_a_report_says_what_precision_the_advice_changes_and_by_how_much():
    rounding = SimulatedDevice(precision="bf16", error={"bf16": 0.003, "f16": 0.04}, speed={"f16": 1.5})
    lanes = SimulatedLanes(rounding)
    lanes.reference = reference_of(lanes, ["CPU"], 1, (0,))
    bounds, question = (
        Bounds(precision=("hint", "f16"), batch=(1, 2)),
        Question(limits=(Limit("error", 0.05),)),
    )
    found = simulate(rounding, lanes=lanes, bounds=bounds, question=question)
    shown = view_of(with_setting(result_of(found, MODEL), question=question))
    assert shown.precision.startswith(
        "bf16 -> f16: max error 4 % of the largest value, cosine 1.00000, top-1"
    )
    assert f"- precision: {shown.precision}" in as_markdown([shown])
    assert escape(f"Precision {shown.precision}.") in page([shown])
    compared = {(round(row.max_error, 6), row.same_top1) for row in shown.rows if row.fps}
    assert compared == {(0.003, 2), (0.04, 2)}


def test_a_report_without_precision_says_nothing_of_it(view):
    assert view.precision == ""
    assert {row.max_error for row in view.rows} == {None}
    assert "<p>Precision" not in page([view])
